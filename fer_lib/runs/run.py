"""A run on disk: one experiment trained with one seed.

Importing this module loads neither pandas nor Keras.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fer_lib.experiments.experiment import RUN_KEY, Experiment
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
CONFIG_FILE = "config.json"
HISTORY_FILE = "history.csv"
PREDICTIONS_FILE = "predictions.npz"
METRICS_FILE = "metrics.json"
WEIGHTS_FILE = "model.weights.h5"
SHARED_SPLITS_FILE = "test_splits.npz"
_REQUIRED = ("experiment", "seed", "profile", "configuration")


class RunError(ValueError):
    """A run is missing, unfinished, or does not fit what is asked of it; the message says which."""


@dataclass(frozen=True)
class Run:
    """The folder of a run; each property reads its file.

    A run is finished when `metrics.json` is there, which is written last. It is a `Predictor`.

    Attributes:
        folder: `<root>/<experiment>/seed-<n>`.
    """

    folder: Path

    def __post_init__(self):
        object.__setattr__(self, "folder", Path(self.folder).resolve())

    @property
    def root(self) -> Path:
        """The folder that holds the runs of all experiments."""
        return self.folder.parent.parent

    @property
    def name(self) -> str:
        """The name of its experiment."""
        return self.config["experiment"]

    @property
    def seed(self) -> int:
        """The seed that it was trained with."""
        return self.config["seed"]

    @property
    def key(self) -> str:
        """`<experiment>/seed-<n>`, which names the run in analyses and in configurations."""
        return f"{self.name}/seed-{self.seed}"

    @property
    def finished(self) -> bool:
        """Whether it is trained and evaluated."""
        return (self.folder / METRICS_FILE).is_file()

    @cached_property
    def config(self) -> dict:
        """`experiment` (its name), `configuration`, `seed`, `profile`, and the SHA-256 of the data.

        A finished run adds its versions and hardware, and the outcome of training.

        Raises:
            ValueError: as `read_json`.
            RunError: it lacks what identifies a run.
        """
        path = self.folder / CONFIG_FILE
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

        path = self.folder / HISTORY_FILE
        return pd.read_csv(path) if path.is_file() else None

    @cached_property
    def predictions(self) -> dict[str, SplitPredictions]:
        """By split: `public_test`, and `private_test` where it was evaluated.

        A recorded run stores logits alone where its images are those of `test_splits.npz`, which
        all recorded runs share.

        Raises:
            ValueError: as `read_arrays`.
            RunError: labels or hashes are missing.
        """
        path = self.folder / PREDICTIONS_FILE
        arrays = read_arrays(path)
        splits = [name.removesuffix("_logits") for name in arrays if name.endswith("_logits")]
        if any(f"{split}_labels" not in arrays for split in splits):
            arrays = read_arrays(self.root / SHARED_SPLITS_FILE) | arrays
        try:
            return {
                split: SplitPredictions(
                    *(arrays[f"{split}_{name}"] for name in ("logits", "labels", "hashes"))
                )
                for split in splits
            }
        except KeyError as error:
            raise RunError(f"{path}: there is no {error.args[0]}") from error

    @cached_property
    def metrics(self) -> dict:
        """`evaluation.metrics.metrics_by_split` of the predictions."""
        return read_json(self.folder / METRICS_FILE)

    @property
    def weights(self) -> Path | None:
        """The file of the best weights in half precision, where it is kept."""
        path = self.folder / WEIGHTS_FILE
        return path if path.is_file() else None


def run_folder(root: Path, experiment: str, seed: int) -> Path:
    """The folder of an experiment's run with a seed under `root`."""
    return root / experiment / f"seed-{seed}"


def parse_run_key(key: str) -> tuple[str, int]:
    """The experiment and the seed of a key.

    Raises:
        RunError: it is not `<experiment>/seed-<n>`.

    Example:
        >>> parse_run_key("se_cnn/seed-1")
        ('se_cnn', 1)
    """
    match = RUN_KEY.fullmatch(key)
    if match is None:
        raise RunError(f"{key!r} is no run, expected <experiment>/seed-<n>")
    return match[1], int(match[2])
