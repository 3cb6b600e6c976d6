"""How fast each experiment trains and predicts here, beside what the machine can do at most.

Each network is trained for a few batches of random pictures several times, and the fastest time counts; so it is with a multiplication
of two large matrices, in float32 and bfloat16. Experiments whose steps do the same work are measured once. Run it on a machine that does nothing else. Writes `results/analysis/speed.json`.

    chrt --batch 0 python benchmarks/training.py    (on Linux: a batch process, as `python -m fer_lib train` is; elsewhere without)
"""

import time
from collections.abc import Iterable

import keras
import numpy as np

from fer_lib import models, profiles, runs, training
from fer_lib.emotions import EMOTIONS
from fer_lib.experiments import EXPERIMENTS, Experiment
from fer_lib.files import write_json
from fer_lib.formats import SIDE

BATCHES = 20
REPETITIONS = 6
MATRIX_SIDE = 4096
_SAME_WORK = (
    "title", "focal_gamma", "focal_alpha", "label_smoothing", "mixup", "balancing", "learning_rate", "warmup_epochs", "epochs", "patience",
    "averaged_epochs", "opens_private_test",
)  # fmt: skip


def fastest(work, repetitions: int) -> float:
    """Seconds of the fastest of several calls."""
    times = []
    for _ in range(repetitions):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def peak(dtype: str) -> float:
    """Multiply-adds a second of a matrix multiplication."""
    a = keras.ops.cast(keras.random.normal((MATRIX_SIDE, MATRIX_SIDE)), dtype)

    def multiply():
        keras.ops.convert_to_numpy(keras.ops.matmul(a, a)[:1, :1])

    multiply()
    return MATRIX_SIDE**3 / fastest(multiply, REPETITIONS)


def multiply_adds_of_a_step(network: keras.Model) -> int:
    """Of one image in training: forward once, and twice more backward through what is trained."""
    frozen = sum(models.multiply_adds(layer) for layer in network.layers if not layer.trainable)
    return 3 * models.multiply_adds(network) - 2 * frozen


def speed(experiment: Experiment, peaks: dict[str, float]) -> dict:
    """Images a second in training and prediction, and the share of the peak that training reaches."""
    rng = np.random.default_rng(0)
    n = BATCHES * experiment.batch_size
    images = rng.integers(0, 256, (n, SIDE, SIDE, 1), np.uint8)
    labels = np.eye(len(EMOTIONS), dtype=np.float32)[rng.integers(0, len(EMOTIONS), n)]
    network = training.build(experiment, pretrained=False)
    trainer = training.compiled(experiment, network, BATCHES)

    def fit():
        trainer.fit(images, labels, batch_size=experiment.batch_size, verbose=0)

    fit()  # builds and warms up
    training_speed = n / fastest(fit, REPETITIONS)
    predictor = training.build(experiment, precision="float32", pretrained=False)
    training.predict(predictor, images[..., 0])
    prediction_speed = n / fastest(lambda: training.predict(predictor, images[..., 0]), REPETITIONS)
    matrix_type = "bfloat16" if "bfloat16" in experiment.precision else "float32"
    return {
        "experiment": experiment.title,
        "precision": experiment.precision,
        "multiply_adds": models.multiply_adds(network),
        "training_images_per_second": training_speed,
        "share_of_peak": training_speed * multiply_adds_of_a_step(network) / peaks[matrix_type],
        "prediction_images_per_second": prediction_speed,
    }


def distinct(experiments: Iterable[Experiment]) -> list[Experiment]:
    """The first of those that differ in settings which change no step's work: the loss, the rate, what is shown, how long."""
    same_work = {}
    for experiment in experiments:
        settings = experiment.to_dict()
        for key in _SAME_WORK:
            del settings[key]
        same_work.setdefault(str(settings), experiment)
    return list(same_work.values())


def main() -> None:
    peaks = {dtype: peak(dtype) for dtype in ("float32", "bfloat16")}
    for dtype, value in peaks.items():
        print(f"{dtype}: {value / 1e9:,.0f} billion multiply-adds a second")
    rows = []
    for experiment in distinct(EXPERIMENTS.values()):
        rows.append(speed(experiment, peaks))
        row = rows[-1]
        print(
            f"{row['experiment']}: trains {row['training_images_per_second']:,.0f} images a second, {row['share_of_peak']:.1%} of the peak; "
            f"predicts {row['prediction_images_per_second']:,.0f}"
        )
    record = {"hardware": runs.hardware(), "keras_backend": keras.backend.backend(), "peak_multiply_adds_per_second": peaks, "rows": rows}
    write_json(profiles.RESULTS / "analysis" / "speed.json", record)


if __name__ == "__main__":
    main()
