"""A run on disk: one experiment trained with one seed.

Importing this module loads neither pandas nor Keras.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fer_lib.experiments import Experiment
from fer_lib.io import read_arrays, read_json
from fer_lib.runs.predictions import SplitPredictions

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
WEIGHTS_FILE = "model.weights.h5"
SHARED_SPLITS_FILE = "test_splits.npz"
_REQUIRED = ("experiment", "seed", "profile", "configuration")


class RunError(ValueError):
    """A run is missing, unfinished, or does not fit what is asked of it; the message says which."""


@dataclass(frozen=True)
class Run:
    """The folder of a run; each property reads its file.

    A run is finished when `metrics.json` is there, which is written last.
    """

    folder: Path

    def __post_init__(self):
        object.__setattr__(self, "folder", Path(self.folder).resolve())

    @property
    def key(self) -> str:
        """Its name in analyses: `<experiment>/seed-<n>`."""
        return f"{self.name}/seed-{self.seed}"

    @property
    def name(self) -> str:
        """The name of its experiment."""
        return self.config["experiment"]

    @property
    def seed(self) -> int:
        return self.config["seed"]

    @property
    def finished(self) -> bool:
        return (self.folder / "metrics.json").is_file()

    @cached_property
    def config(self) -> dict:
        """`experiment` (its name), `configuration`, `seed`, SHA-256 of the data, versions, hardware.

        Raises:
            ValueError: as `read_json`. RunError: it lacks what identifies a run.
        """
        path = self.folder / "config.json"
        config = read_json(path)
        if missing := [name for name in _REQUIRED if name not in config]:
            expected = ", ".join(_REQUIRED)
            raise RunError(f"{path}: has no {', '.join(missing)}; expected at least {expected}")
        return config

    @cached_property
    def experiment(self) -> Experiment:
        """The configuration that was trained.

        Raises:
            ValueError: as `Experiment.from_dict`.
        """
        return Experiment.from_dict(self.config["configuration"])

    @cached_property
    def history(self) -> "pandas.DataFrame | None":
        """One row per epoch, `HISTORY_COLUMNS`; None for a model not trained in epochs."""
        import pandas as pd

        path = self.folder / "history.csv"
        return pd.read_csv(path) if path.is_file() else None

    @cached_property
    def predictions(self) -> dict[str, SplitPredictions]:
        """By split: `public_test`, and `private_test` where it was evaluated.

        A recorded run stores logits alone where its images are those of `test_splits.npz`, which
        all recorded runs share.

        Raises:
            ValueError: as `read_arrays`.
        """
        arrays = read_arrays(self.folder / "predictions.npz")
        splits = [name.removesuffix("_logits") for name in arrays if name.endswith("_logits")]
        if any(f"{split}_labels" not in arrays for split in splits):
            arrays = read_arrays(self.folder.parent.parent / SHARED_SPLITS_FILE) | arrays
        return {
            split: SplitPredictions(
                *(arrays[f"{split}_{name}"] for name in ("logits", "labels", "hashes"))
            )
            for split in splits
        }

    @cached_property
    def metrics(self) -> dict:
        """`evaluation.metrics.metrics_by_split` of the predictions."""
        return read_json(self.folder / "metrics.json")

    @property
    def weights(self) -> Path | None:
        """The file of the best weights in half precision, where it is kept."""
        path = self.folder / WEIGHTS_FILE
        return path if path.is_file() else None


def run_folder(root: Path, experiment: str, seed: int) -> Path:
    """The folder of an experiment's run with a seed under `root`."""
    return root / experiment / f"seed-{seed}"


def parse_run_key(key: str) -> tuple[str, int]:
    """The experiment and the seed of a key, `<experiment>/seed-<n>`."""
    name, seed = key.split("/seed-")
    return name, int(seed)
