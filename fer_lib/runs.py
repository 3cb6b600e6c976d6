"""A run on disk: one experiment trained with one seed. Reading it, finding it, and recording it in
`results/`.

Finding a run imports neither pandas nor scikit-learn, which take a second: the photo command starts
with it.
"""

import importlib.metadata
import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer_lib.data import Dataset
from fer_lib.emotions import NAMES
from fer_lib.experiments import ENSEMBLES, EXPERIMENTS, Experiment
from fer_lib.files import ASIDE, read_arrays, read_json, replacing, sha256_of, write_json

if TYPE_CHECKING:
    import pandas

HISTORY_COLUMNS = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
)
WEIGHTS = "model.weights.h5"
_PACKAGES = ("keras", "tensorflow", "jax", "numpy", "scikit-learn")
_IDENTITY = ("experiment", "seed", "profile", "configuration")
RECORDED_FILES = ("config.json", "history.csv", "predictions.npz", "metrics.json")
CHECKSUMS = "SHA256SUMS"


class RunError(ValueError):
    """A run is missing, unfinished, or does not fit what is asked of it; the message says which and
    why."""


@dataclass(frozen=True)
class Run:
    """The folder of a run; every property reads its file.

    A run has ended when `metrics.json` is there, which is written last.
    """

    folder: Path

    def __post_init__(self):
        object.__setattr__(self, "folder", Path(self.folder).resolve())

    @property
    def key(self) -> str:
        """What analyses call it: `<experiment>/seed-<n>`."""
        return f"{self.config['experiment']}/seed-{self.config['seed']}"

    @property
    def finished(self) -> bool:
        return (self.folder / "metrics.json").is_file()

    @cached_property
    def config(self) -> dict:
        """What was run: `experiment` (its name), `configuration`, `seed`, the data's SHA-256,
        versions, hardware.

        Raises:
            ValueError: as `read_json`. RunError: it says of no run which it is.
        """
        path = self.folder / "config.json"
        config = read_json(path)
        if missing := [name for name in _IDENTITY if name not in config]:
            raise RunError(
                f"{path}: has no {', '.join(missing)}; expected at least {', '.join(_IDENTITY)}"
            )
        return config

    @cached_property
    def experiment(self) -> Experiment:
        """The configuration of a network's run.

        Raises:
            ValueError: as `Experiment.from_dict`.
        """
        return Experiment.from_dict(self.config["configuration"])

    @cached_property
    def history(self) -> "pandas.DataFrame | None":
        """One row an epoch, `HISTORY_COLUMNS`; None for a model that is not trained in epochs."""
        import pandas as pd

        path = self.folder / "history.csv"
        return pd.read_csv(path) if path.is_file() else None

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """`<split>_logits` float32 [n, 7], `<split>_labels` uint8 [n], `<split>_hashes` uint64 [n].

        Raises:
            ValueError: as `read_arrays`.
        """
        return read_arrays(self.folder / "predictions.npz")

    @cached_property
    def metrics(self) -> dict:
        """`evaluation.metrics_of_splits` of the predictions."""
        return read_json(self.folder / "metrics.json")

    @property
    def weights(self) -> Path | None:
        """The file of the network's best weights in half precision, where it was kept."""
        path = self.folder / WEIGHTS
        return path if path.is_file() else None


def folder_of(root: Path, experiment: str, seed: int) -> Path:
    """Where the run of an experiment and a seed lies under `root`."""
    return root / experiment / f"seed-{seed}"


def parts_of(key: str) -> tuple[str, int]:
    """The experiment and the seed that a run's key, `<experiment>/seed-<n>`, names."""
    name, seed = key.split("/seed-")
    return name, int(seed)


def find(root: Path, experiment: str, seed: int) -> Run | None:
    """Return the finished run of an experiment and a seed under `root`, or None."""
    run = Run(folder_of(root, experiment, seed))
    return run if run.finished else None


def find_all(root: Path) -> list[Run]:
    """Return every finished run under `root`, in the order of the experiments' table, then of the
    seeds."""
    position = {name: index for index, name in enumerate(EXPERIMENTS)}
    runs = [Run(path.parent) for path in root.glob("*/seed-*/metrics.json")]

    def rank(run: Run):
        name = run.config["experiment"]
        return position.get(name, len(position)), name, run.config["seed"]

    return sorted(runs, key=rank)


def best_small(root: Path) -> Run | None:
    """Return the run with weights under `root` of the highest accuracy on PublicTest among the
    small networks, or None.

    Small are those of our own architecture, a few megabytes each: what the photo command and the
    playground use. Experiments are chosen among,
    and seeds are not: it is seed 0 of its experiment.
    """
    small = [
        run
        for run in find_all(root)
        if run.weights
        and run.config["seed"] == 0
        and run.config["configuration"].get("model") == "custom_cnn"
    ]
    return max(small, key=lambda run: run.metrics["public_test"]["accuracy"], default=None)


def first_images(run: Run, emotion: str, n: int = 4) -> np.ndarray:
    """The rows in a run's predictions of the first `n` PrivateTest images of an emotion: samples
    that nobody picked."""
    return np.flatnonzero(run.predictions["private_test_labels"] == NAMES.index(emotion))[:n]


def write_run(folder: Path, config: dict, logits: dict[str, np.ndarray], dataset: Dataset) -> Run:
    """Write what makes a folder a finished run: predictions, configuration and, last, metrics.

    Args:
        config: what was run; library versions and hardware are added here.
        logits: float32 [n, 7] for `public_test` and, where it was opened, `private_test`, in
            the data's order.
    """
    from fer_lib import evaluation

    predictions = {}
    for name, values in logits.items():
        split = getattr(dataset, name)
        predictions |= {
            f"{name}_logits": values,
            f"{name}_labels": split.labels,
            f"{name}_hashes": split.hashes,
        }
    with replacing(folder / "predictions.npz") as aside:
        np.savez_compressed(aside, **predictions)
    versions = {name: version for name in _PACKAGES if (version := _version(name))}
    write_json(folder / "config.json", {**config, "versions": versions, "hardware": hardware()})
    write_json(folder / "metrics.json", evaluation.metrics_of_splits(predictions))
    return Run(folder)


def hardware() -> dict:
    """What this process runs on: its processor's name, the number of cores that it may use, the
    operating system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": _processor(), "cores": cores, "system": platform.system()}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # Keras runs on any one of its backends
        return None


def _processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def keeps_weights(run: Run) -> bool:
    """Whether a record of this run keeps weights: seed 0 of a headline network and the members of
    an ensemble do.

    Others do not, and the repository stays small.
    """
    if run.history is None or not run.config["configuration"]["opens_private_test"]:
        return False
    return run.config["seed"] == 0 or any(run.key in members for members in ENSEMBLES.values())


def record(run: Run, results: Path) -> Run:
    """Copy a finished run into `results/`, where it is committed, with a checksum of each file
    (`sha256sum -c SHA256SUMS`).

    The weights go along where `keeps_weights`.

    Args:
        results: where it goes; its `analysis/dataset.json` says how many images of each emotion
            FER2013's splits hold.

    Raises:
        RunError: the run has not ended, is not one on FER2013, or another record stands in its
        place.
    """
    if not run.finished:
        raise RunError(
            f"{run.folder}: not a finished run (there is no metrics.json); train it to its end first"
        )
    if run.config["profile"] != "full":
        raise RunError(
            f"{run.folder}: a run of the {run.config['profile']} profile; only runs on FER2013 are recorded"
        )
    if run.config.get("public_test_drawn"):
        raise RunError(
            f"{run.folder}: its PublicTest was drawn from Training; only runs on FER2013's own splits are recorded"
        )
    counts = read_json(results / "analysis" / "dataset.json")["class_counts"]
    for split, title in (("public_test", "PublicTest"), ("private_test", "PrivateTest")):
        labels = run.predictions.get(f"{split}_labels")
        if labels is not None and np.bincount(labels, minlength=len(NAMES)).tolist() != [
            counts[title][name] for name in NAMES
        ]:
            raise RunError(
                f"{run.folder}: its {title} does not hold FER2013's images ({len(labels)} of other classes or numbers)"
            )
    target = folder_of(results, run.config["experiment"], run.config["seed"])
    if target.exists():
        raise RunError(f"{target}: recorded already; remove it first if it is to be replaced")
    names = [name for name in RECORDED_FILES if (run.folder / name).is_file()]
    if run.weights and keeps_weights(run):
        names.append(WEIGHTS)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=ASIDE) as aside:
        whole = Path(aside) / "run"
        whole.mkdir()
        for name in names:
            shutil.copyfile(run.folder / name, whole / name)
        sums = "".join(f"{sha256_of(whole / name)}  {name}\n" for name in names)
        (whole / CHECKSUMS).write_text(sums, encoding="utf-8")
        whole.rename(target)
    return Run(target)
