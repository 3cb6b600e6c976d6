"""How fast the report's networks train and predict here, beside what the machine can do at most,
and other ways to train the small CNN.

Each network is trained for a few batches of random pictures several times, and the fastest time
counts; so it is with a multiplication
of two large matrices, in float32 and bfloat16. The small CNN is also trained as Keras comes, and
where a Python that has PyTorch is named, in
PyTorch (`benchmarks/pytorch_step.py`). Run it on a machine that does nothing else. Writes
`results/analysis/speed.json`.

    chrt --batch 0 python benchmarks/training.py    (on Linux: a batch process, as `python -m
    fer_lib train` is; elsewhere without)
"""

import argparse
import json
import subprocess
import time
from pathlib import Path

import keras
import numpy as np

import fer_lib  # noqa: F401, before Keras: it sets what TensorFlow reads when it is imported
from fer_lib.data.labels import EMOTIONS
from fer_lib.data.readers import IMAGE_SIZE
from fer_lib.evaluation.inference import predict_logits
from fer_lib.experiments import EXPERIMENTS, Experiment
from fer_lib.io import write_json
from fer_lib.models.complexity import multiply_adds
from fer_lib.models.registry import build_model
from fer_lib.paths import RESULTS
from fer_lib.runs.environment import hardware
from fer_lib.training.augmentation import AUGMENTATIONS
from fer_lib.training.trainer import compile_model

BATCHES = 20
REPETITIONS = 6
MATRIX_SIDE = 4096
# The networks that the pages compare, and MobileNetV2 at the size of its controls.
MEASURED = (
    "custom_cnn", "mobilenetv2_head_only", "mobilenetv2_fine_tuned", "mobilenetv2_head_only_96", "mobilenetv2_fine_tuned_low_rate_96", "se_cnn",
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


def multiply_adds_of_a_step(experiment: Experiment, network: keras.Model) -> float:
    """Of one image in training: forward once, and twice more backward through what is trained.

    Where training sees crops, it is in proportion to their area: what the dense layers cost is next
    to nothing.
    """
    frozen = sum(multiply_adds(layer) for layer in network.layers if not layer.trainable)
    return (3 * multiply_adds(network) - 2 * frozen) * (training_side(experiment) / IMAGE_SIZE) ** 2


def training_side(experiment: Experiment) -> int:
    """How many pixels training sees along a side of a picture."""
    return AUGMENTATIONS[experiment.augmentation]()(
        np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32), training=True
    ).shape[1]


def speed(experiment: Experiment, peaks: dict[str, float]) -> dict:
    """Images a second in training and prediction, and the share of the peak that training
    reaches."""
    rng = np.random.default_rng(0)
    n = BATCHES * experiment.batch_size
    images = rng.integers(0, 256, (n, IMAGE_SIZE, IMAGE_SIZE, 1), np.uint8)
    labels = np.eye(len(EMOTIONS), dtype=np.float32)[rng.integers(0, len(EMOTIONS), n)]
    network = build_model(experiment, pretrained=False)
    trainer = compile_model(experiment, network, BATCHES)

    def fit():
        trainer.fit(images, labels, batch_size=experiment.batch_size, verbose=0)

    fit()  # builds and warms up
    training_speed = n / fastest(fit, REPETITIONS)
    predictor = build_model(experiment, dtype_policy="float32", pretrained=False)
    predict_logits(predictor, images[..., 0])
    prediction_speed = n / fastest(lambda: predict_logits(predictor, images[..., 0]), REPETITIONS)
    matrix_type = "bfloat16" if "bfloat16" in experiment.dtype_policy else "float32"
    return {
        "experiment": experiment.title,
        "dtype_policy": experiment.dtype_policy,
        "multiply_adds": multiply_adds(network),
        "training_images_per_second": training_speed,
        "share_of_peak": training_speed
        * multiply_adds_of_a_step(experiment, network)
        / peaks[matrix_type],
        "prediction_images_per_second": prediction_speed,
    }


def ways(ours: dict, peaks: dict[str, float], pytorch: Path | None) -> list[dict]:
    """Ways to train the small CNN: ours, as the report does it; and others, on crops of the same
    size, spared the augmentation.

    Args:
        ours: its row of `speed`. pytorch: a Python that has PyTorch, or None.
    """
    found = [
        ("ours: bfloat16, with its augmentation", "bfloat16", ours["training_images_per_second"])
    ]
    found.append(
        ("Keras as it comes: float32, batches of 32, Adam", "float32", keras_as_it_comes())
    )
    if pytorch:
        answer = pytorch_speeds(pytorch)
        found += [
            (
                f"PyTorch {answer['version']}, {row['mode']}",
                row["dtype_policy"],
                row["images_per_second"],
            )
            for row in answer["rows"]
        ]
    work = multiply_adds_of_a_step(EXPERIMENTS["se_cnn"], build_model(EXPERIMENTS["se_cnn"]))
    return [
        {
            "implementation": way,
            "dtype_policy": precision,
            "training_images_per_second": value,
            "share_of_peak": value * work / peaks[precision],
        }
        for way, precision, value in found
    ]


def keras_as_it_comes() -> float:
    """Images a second of `fit` with its defaults."""
    rng = np.random.default_rng(0)
    network = build_model(EXPERIMENTS["se_cnn"], dtype_policy="float32")
    network = keras.Sequential(
        network.layers
    )  # takes pictures of any size, which the report's form does in training alone
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    n, side = BATCHES * EXPERIMENTS["se_cnn"].batch_size, training_side(EXPERIMENTS["se_cnn"])
    images, labels = (
        rng.integers(0, 256, (n, side, side, 1)).astype("float32"),
        rng.integers(0, len(EMOTIONS), n),
    )

    def fit():
        network.fit(images, labels, verbose=0)

    fit()  # builds and warms up
    return n / fastest(fit, REPETITIONS)


def pytorch_speeds(python: Path) -> dict:
    """What `pytorch_step.py` answers under another Python.

    Raises:
        ValueError: its network is not ours.
    """
    options = EXPERIMENTS["se_cnn"].model_options
    task = {key: options[key] for key in ("blocks", "se_ratio", "head_dropout", "bn_momentum")}
    task |= {
        "side": training_side(EXPERIMENTS["se_cnn"]),
        "batch_size": EXPERIMENTS["se_cnn"].batch_size,
        "learning_rate": EXPERIMENTS["se_cnn"].learning_rate,
    }
    task |= {"batches": BATCHES, "repetitions": REPETITIONS}
    command = [python, Path(__file__).with_name("pytorch_step.py")]
    answer = json.loads(
        subprocess.run(
            command, input=json.dumps(task), text=True, check=True, stdout=subprocess.PIPE
        ).stdout
    )
    expected = sum(
        int(np.prod(v.shape)) for v in build_model(EXPERIMENTS["se_cnn"]).trainable_variables
    )
    if answer["parameters"] != expected:
        raise ValueError(
            f"PyTorch's network has {answer['parameters']:,} parameters to train, expected {expected:,}"
        )
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pytorch",
        type=Path,
        metavar="PYTHON",
        help="a Python that has PyTorch; without one, PyTorch is left out",
    )
    options = parser.parse_args()
    if options.pytorch and subprocess.run([options.pytorch, "-c", "import torch"]).returncode:
        parser.error(f"{options.pytorch} cannot import torch")
    peaks = {dtype: peak(dtype) for dtype in ("float32", "bfloat16")}
    for dtype, value in peaks.items():
        print(f"{dtype}: {value / 1e9:,.0f} billion multiply-adds a second")
    rows = []
    for name in MEASURED:
        rows.append(speed(EXPERIMENTS[name], peaks))
        row = rows[-1]
        print(
            f"{row['experiment']}: trains {row['training_images_per_second']:,.0f} images a second, {row['share_of_peak']:.1%} of the peak; "
            f"predicts {row['prediction_images_per_second']:,.0f}"
        )
    ours = next(row for row in rows if row["experiment"] == EXPERIMENTS["se_cnn"].title)
    found = ways(ours, peaks, options.pytorch)
    for way in found:
        ratio = ours["training_images_per_second"] / way["training_images_per_second"]
        print(
            f"{way['way']}, {way['precision']}: {way['training_images_per_second']:,.0f} images a second, {way['share_of_peak']:.1%} of the peak; "
            f"ours has {ratio:.2f} times as many"
        )
    record = {
        "hardware": hardware(),
        "keras_backend": keras.backend.backend(),
        "peak_multiply_adds_per_second": peaks,
    }
    record |= {"rows": rows, "training_throughput": found}
    write_json(RESULTS / "analysis" / "speed.json", record)


if __name__ == "__main__":
    main()
