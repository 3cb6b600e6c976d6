"""Recorded benchmarks as numeric tables: trials, training throughput, latency."""

from pathlib import Path

import pandas as pd

from fer_lib.io import read_json
from fer_lib.paths import ANALYSIS

LATENCY_PATH = ANALYSIS / "edge.json"
SPEED_PATH = ANALYSIS / "speed.json"
GPU_THROUGHPUT_PATH = ANALYSIS / "gpu_throughput.json"
PACKAGES_PATH = ANALYSIS / "packages.json"
FACE_DETECTION_PATH = ANALYSIS / "face_detection.json"
PLAYGROUND_PATH = ANALYSIS / "playground.json"
EXPORTS_PATH = ANALYSIS / "exports.json"
PREDICT_FACES_PATH = ANALYSIS / "predict_faces.json"

# The kinds of images of `benchmarks/face_detection.py`, by the first word of a group's name.
_VARIANTS = {
    "size": "20 to 400 pixels",
    "rotation": "rotated by 15° to 45°",
    "brightness": "darker or brighter",
    "blur": "blurred",
    "occlusion:": "partly covered",
    "80": "80 pixels in 4,000 × 3,000",
    "2": "several faces",
    "5": "several faces",
    "10": "several faces",
    "crowd,": "crowds of 40, 30 to 120 pixels in 4,000 × 3,000",
    "100 people": "100 people, 25 × 25 pixels, enlarged to 75",
    "100 patches": "no face",
    "photos": "no face",
}


def training_throughput(path: Path = SPEED_PATH) -> pd.DataFrame:
    """Training throughput of the SE-CNN in several implementations (`benchmarks/training.py`).

    Returns:
        One row per `implementation` and `dtype_policy`: `training_images_per_second`, and
        `relative_throughput`, its ratio to the first row's, which is this library's.
    """
    table = pd.DataFrame(read_json(path)["training_throughput"]).drop(columns="share_of_peak")
    images_per_second = table["training_images_per_second"]
    return table.assign(relative_throughput=images_per_second / images_per_second[0])


def gpu_throughput(path: Path = GPU_THROUGHPUT_PATH) -> pd.DataFrame:
    """Training throughput on a GPU with the JAX backend, as it was noted.

    Returns:
        One row per `experiment` and number of `processes` that trained at the same time:
        `images_per_second`, of all of them together.
    """
    return pd.DataFrame(read_json(path)["rows"])


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


def packages(path: Path = PACKAGES_PATH) -> pd.DataFrame:
    """Processor times of predictions with this and other packages (`benchmarks/packages.py`).

    Returns:
        One row per `package`, which is the index, and one column per task: the median milliseconds
        of a call on one core; NaN where it was not measured.
    """
    table = pd.DataFrame(read_json(path)["rows"])
    wide = table.pivot(index="package", columns="task", values="ms")
    return wide.loc[table["package"].unique(), table["task"].unique()]


def face_detection(path: Path = FACE_DETECTION_PATH) -> pd.DataFrame:
    """Faces that two detectors find, by kind of image (`benchmarks/face_detection.py`).

    Returns:
        One row per kind of image, with the numbers of `images` and `faces`, and, per detector, of
        `detected` faces and `false_positives`, and the processor time in `ms` an image; the columns
        are pairs of such a name and the detector's, which is empty for the first two.
    """
    rows = pd.DataFrame(read_json(path)["rows"])
    groups = rows.pop("group")
    rows["variant"] = groups.map(lambda name: _VARIANTS.get(name, _VARIANTS.get(name.split()[0])))
    rows["ms"] *= rows["images"]
    kinds = list(dict.fromkeys(rows["variant"]))
    totals = rows.groupby(["variant", "detector"]).sum().unstack().loc[kinds]
    detectors = totals.columns.unique("detector")
    for name in detectors:
        totals["ms", name] /= totals["images", name]
    for name in ("images", "faces"):
        totals[name, ""] = totals[name, detectors[0]]
    columns = [("images", ""), ("faces", "")]
    columns += [(c, name) for c in ("detected", "false_positives", "ms") for name in detectors]
    return totals[columns]


def crowd_detection(path: Path = FACE_DETECTION_PATH) -> pd.DataFrame:
    """Faces that two detectors find in a photo of a crowd, by the side of the faces.

    Returns:
        One row per side, in pixels of a photo of 4,000 × 3,000, and one column per detector: the
        share of the faces that it finds.
    """
    rows = pd.DataFrame(read_json(path)["rows"])
    rows["side"] = rows["group"].str.extract(r"^crowd, (\d+) px$", expand=False)
    rows = rows.dropna(subset="side").astype({"side": int})
    rows["detected_share"] = rows["detected"] / rows["faces"]
    return rows.pivot(index="side", columns="detector", values="detected_share")


def exports(path: Path = EXPORTS_PATH) -> pd.DataFrame:
    """Exported files of the best single model, compared with Keras (`benchmarks/exports.py`).

    Returns:
        One row per `form`, which is the index: the `option` of the command, `megabytes` of the
        file, `max_probability_difference` from Keras over the images of PublicTest, and
        `accuracy_change` on them.
    """
    table = pd.DataFrame(read_json(path)["rows"]).set_index("form")
    table["megabytes"] = table["bytes"] / 1e6
    table["accuracy_change"] = table["accuracy"] - table["accuracy_keras"]
    return table[["option", "megabytes", "max_probability_difference", "accuracy_change"]]


def hardware(path: Path) -> dict:
    """The `processor`, the number of `cores` and the `system` of a recorded benchmark."""
    return read_json(path)["hardware"]
