"""Training and prediction speed of the report's models, and of other ways to train the SE-CNN.

Each model is trained for a few batches of random images several times, and the fastest time counts;
so it is with a multiplication of two large matrices in float32 and bfloat16, which gives the peak
of the machine. The SE-CNN is also trained with Keras's defaults and, with a Python that has
PyTorch, in PyTorch (`benchmarks/pytorch_step.py`). Run it on an idle machine. It writes
`results/analysis/speed.json`.

    chrt --batch 0 python benchmarks/training.py

(On Linux: a batch process, as `python -m fer_lib train` is; elsewhere without `chrt --batch 0`.)
"""

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

import fer_lib  # noqa: F401, before Keras: it sets TensorFlow's environment
from fer_lib.data.labels import EMOTIONS, IMAGE_SIZE
from fer_lib.evaluation.inference import predict_logits
from fer_lib.experiments import EXPERIMENTS, Experiment
from fer_lib.io import write_json
from fer_lib.models.complexity import multiply_adds
from fer_lib.models.registry import build_model, split_head
from fer_lib.paths import ANALYSIS
from fer_lib.runs.environment import hardware
from fer_lib.runs.manifest import manifest_updated
from fer_lib.training.augmentation import AUGMENTATIONS
from fer_lib.training.training_model import compile_model

RESULT_PATH = ANALYSIS / "speed.json"
BATCHES = 20
REPETITIONS = 6
MATRIX_SIDE = 4096
# The models that the report compares, and MobileNetV2 at the input size of its controls.
MEASURED = (
    "custom_cnn",
    "mobilenetv2_head_only",
    "mobilenetv2_fine_tuned",
    "mobilenetv2_head_only_96",
    "mobilenetv2_fine_tuned_low_rate_96",
    "se_cnn",
)
SE_CNN = EXPERIMENTS["se_cnn"]


def fastest(work: Callable[[], None], repetitions: int = REPETITIONS) -> float:
    """Seconds of the fastest of several calls, after one that warms up."""
    work()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_multiply_adds(dtype: str) -> float:
    """Multiply-adds per second of a matrix multiplication."""
    a = keras.ops.cast(keras.random.normal((MATRIX_SIDE, MATRIX_SIDE)), dtype)
    return MATRIX_SIDE**3 / fastest(
        lambda: keras.ops.convert_to_numpy(keras.ops.matmul(a, a)[:1, :1])
    )


def training_size(experiment: Experiment) -> int:
    """Height and width of the images that training sees, in pixels."""
    images = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32)
    return AUGMENTATIONS[experiment.augmentation]()(images, training=True).shape[1]


def multiply_adds_per_step(experiment: Experiment, model: keras.Model) -> float:
    """Multiply-adds of training on one image: one forward, and two more backward where layers are
    trained.

    With crops they are in proportion to the area: dense layers cost next to nothing.
    """
    frozen = sum(multiply_adds(layer) for layer in model.layers if not layer.trainable)
    area = (training_size(experiment) / IMAGE_SIZE) ** 2
    return (3 * multiply_adds(model) - 2 * frozen) * area


def random_data(n: int, size: int = IMAGE_SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Random images uint8 [n, size, size, 1] and labels [n]."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, size, size, 1), np.uint8), rng.integers(0, len(EMOTIONS), n)


def measure(experiment: Experiment, peaks: dict[str, float]) -> dict:
    """Images per second in training and prediction, and the fraction of the peak that training
    reaches: one row of the record."""
    n = BATCHES * experiment.batch_size
    images, labels = random_data(n)
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[labels]
    model = build_model(experiment, pretrained=False)
    training_model = compile_model(model, experiment, BATCHES)
    batch_size = experiment.batch_size
    training_speed = n / fastest(
        lambda: training_model.fit(images, targets, batch_size=batch_size, verbose=0)
    )
    predictor = build_model(experiment, dtype_policy="float32", pretrained=False)
    prediction_speed = n / fastest(lambda: predict_logits(predictor, images[..., 0]))
    dtype = "bfloat16" if "bfloat16" in experiment.dtype_policy else "float32"
    work = multiply_adds_per_step(experiment, model)
    return {
        "experiment": experiment.title,
        "dtype_policy": experiment.dtype_policy,
        "multiply_adds": multiply_adds(model),
        "training_images_per_second": training_speed,
        "share_of_peak": training_speed * work / peaks[dtype],
        "prediction_images_per_second": prediction_speed,
    }


def training_throughput(
    fer_lib_speed: float, peaks: dict[str, float], pytorch: Path | None
) -> list[dict]:
    """Images per second of ways to train the SE-CNN: this library, as the report uses it, and
    others on crops of the same size without augmentation.

    Args:
        fer_lib_speed: images per second of this library.
        peaks: of the machine, by dtype.
        pytorch: a Python that has PyTorch, or None.
    """
    speeds = [
        ("fer_lib: bfloat16, with its augmentation", "bfloat16", fer_lib_speed),
        ("Keras's defaults: float32, batches of 32, Adam", "float32", keras_default_speed()),
    ]
    if pytorch:
        result = pytorch_speeds(pytorch)
        speeds += [
            (f"PyTorch {result['version']}, {row['mode']}", row["dtype"], row["images_per_second"])
            for row in result["rows"]
        ]
    work = multiply_adds_per_step(SE_CNN, build_model(SE_CNN))
    return [
        {
            "implementation": implementation,
            "dtype_policy": dtype,
            "training_images_per_second": speed,
            "share_of_peak": speed * work / peaks[dtype],
        }
        for implementation, dtype, speed in speeds
    ]


def keras_default_speed() -> float:
    """Images per second of `fit` with its defaults."""
    features, head = split_head(build_model(SE_CNN, dtype_policy="float32"))
    model = keras.Sequential([features, head])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    n = BATCHES * SE_CNN.batch_size
    images, labels = random_data(n, training_size(SE_CNN))
    pixels = images.astype("float32")
    return n / fastest(lambda: model.fit(pixels, labels, verbose=0))


def pytorch_speeds(python: Path) -> dict:
    """What `pytorch_step.py` measures with another Python.

    Raises:
        ValueError: its model has another number of parameters.
    """
    names = ("blocks", "se_ratio", "head_dropout", "bn_momentum")
    task = {name: SE_CNN.model_options[name] for name in names}
    task |= {
        "size": training_size(SE_CNN),
        "batch_size": SE_CNN.batch_size,
        "learning_rate": SE_CNN.learning_rate,
        "batches": BATCHES,
        "repetitions": REPETITIONS,
    }
    done = subprocess.run(
        [python, Path(__file__).with_name("pytorch_step.py")],
        input=json.dumps(task),
        text=True,
        check=True,
        stdout=subprocess.PIPE,
    )
    result = json.loads(done.stdout)
    trained = build_model(SE_CNN).trainable_variables
    expected = sum(int(np.prod(variable.shape)) for variable in trained)
    if result["parameters"] != expected:
        raise ValueError(
            f"PyTorch's model has {result['parameters']:,} parameters to train, "
            f"expected {expected:,}"
        )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pytorch",
        type=Path,
        metavar="PYTHON",
        help="a Python that has PyTorch, to measure it too",
    )
    options = parser.parse_args()
    if options.pytorch and subprocess.run([options.pytorch, "-c", "import torch"]).returncode:
        parser.error(f"{options.pytorch} cannot import torch")
    peaks = {dtype: peak_multiply_adds(dtype) for dtype in ("float32", "bfloat16")}
    print(json.dumps({"peak_multiply_adds_per_second": peaks}))
    rows = []
    for name in MEASURED:
        rows.append(measure(EXPERIMENTS[name], peaks))
        print(json.dumps(rows[-1]), flush=True)
    by_title = {row["experiment"]: row["training_images_per_second"] for row in rows}
    throughput = training_throughput(by_title[SE_CNN.title], peaks, options.pytorch)
    for row in throughput:
        print(json.dumps(row))
    record = {
        "hardware": hardware(),
        "keras_backend": keras.backend.backend(),
        "peak_multiply_adds_per_second": peaks,
        "rows": rows,
        "training_throughput": throughput,
    }
    with manifest_updated():
        write_json(RESULT_PATH, record)


if __name__ == "__main__":
    main()
