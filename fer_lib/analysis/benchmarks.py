"""Recorded benchmarks as numeric tables: trials, training throughput, latency."""

from pathlib import Path

import pandas as pd

from fer_lib.io import read_json
from fer_lib.paths import ANALYSIS

TRIALS_PATH = ANALYSIS / "custom_cnn_trials.json"
SPEED_PATH = ANALYSIS / "speed.json"
LATENCY_PATH = ANALYSIS / "edge.json"


def custom_cnn_trials(path: Path = TRIALS_PATH) -> pd.DataFrame:
    """The trials that chose the custom CNN (`benchmarks/custom_cnn_trials.py`).

    Returns:
        One row per candidate: `candidate`; its settings `widths` and `depths` (filters and
        convolutions of each block), `block_dropout`, `head_dropout`, `bn_momentum`, `augmentation`;
        `parameters`, `multiply_adds`; `epochs` that were trained, `best_epoch` and `val_loss`
        there; `accuracy` on PublicTest with `accuracy_low` and `accuracy_high`.
    """
    table = pd.DataFrame(read_json(path))
    blocks, intervals = table.pop("blocks"), table.pop("accuracy_interval")
    table["widths"] = [[width for width, _ in row] for row in blocks]
    table["depths"] = [[depth for _, depth in row] for row in blocks]
    table[["accuracy_low", "accuracy_high"]] = intervals.tolist()
    return table[
        [
            "candidate",
            "widths",
            "depths",
            "block_dropout",
            "head_dropout",
            "bn_momentum",
            "augmentation",
            "parameters",
            "multiply_adds",
            "epochs",
            "best_epoch",
            "val_loss",
            "accuracy",
            "accuracy_low",
            "accuracy_high",
        ]
    ]


def training_speed(path: Path = SPEED_PATH) -> pd.DataFrame:
    """How fast experiments train and predict (`benchmarks/training.py`).

    Returns:
        One row per experiment: `experiment` (its title), `dtype_policy`, `multiply_adds` per image,
        `training_images_per_second`, `share_of_peak` of `peak_multiply_adds` while it trains, and
        `prediction_images_per_second`.
    """
    return pd.DataFrame(read_json(path)["rows"])


def training_throughput(path: Path = SPEED_PATH) -> pd.DataFrame:
    """How fast implementations train the SE-CNN (`benchmarks/training.py`).

    Returns:
        One row per implementation, this library's first: `implementation`, `dtype_policy`,
        `training_images_per_second`, `share_of_peak` as `training_speed`, and
        `relative_throughput`, its images per second divided by this library's.
    """
    table = pd.DataFrame(read_json(path)["training_throughput"])
    images = table["training_images_per_second"]
    return table.assign(relative_throughput=images / images.iloc[0])


def peak_multiply_adds(path: Path = SPEED_PATH) -> dict[str, float]:
    """The measured peak by dtype: multiply-adds per second in the product of large matrices."""
    return read_json(path)["peak_multiply_adds_per_second"]


def latency(path: Path = LATENCY_PATH) -> pd.DataFrame:
    """Latency, file size and accuracy of exported models (`benchmarks/edge.py`).

    Returns:
        One row per `model` (its title) and `form` (`Keras`, `ONNX`, `ONNX, int8`): `megabytes` of
        the file; `multiply_adds` per prediction, all forward passes of its TTA together;
        `latency_ms` per image, the median, and `latency_95_ms`, the 95th percentile;
        `images_per_second` in batches of 64; `accuracy` on PublicTest with `accuracy_low` and
        `accuracy_high`; `accuracy_change` from the same model in Keras; `accepted`, whether the
        exporter accepts the file, NaN for Keras.
    """
    table = pd.DataFrame(read_json(path)["rows"])
    table[["accuracy_low", "accuracy_high"]] = table.pop("interval").tolist()
    in_keras = table[table["form"] == "Keras"].set_index("model")["accuracy"]
    table["accuracy_change"] = table["accuracy"] - table["model"].map(in_keras)
    table["megabytes"] = table["bytes"] / 1e6
    table = table.rename(columns={"median_ms": "latency_ms", "percentile_95_ms": "latency_95_ms"})
    return table[
        [
            "model",
            "form",
            "megabytes",
            "multiply_adds",
            "latency_ms",
            "latency_95_ms",
            "images_per_second",
            "accuracy",
            "accuracy_low",
            "accuracy_high",
            "accuracy_change",
            "accepted",
        ]
    ]


def hardware(path: Path) -> dict:
    """The `processor`, the number of `cores` and the `system` of a recorded benchmark."""
    return read_json(path)["hardware"]
