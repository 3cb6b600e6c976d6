"""A run on disk: one experiment trained with one seed.

Importing this module loads neither pandas nor Keras.
"""

import re
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
_PLAIN = re.compile(r"\w+", re.ASCII)
_REQUIRED = ("experiment", "seed", "profile", "configuration")


class RunError(ValueError):
    """Raised for a run that is missing, unfinished or unsuitable; the message says which."""


@dataclass(frozen=True)
class Run:
    """A run in its folder; each property reads a file.

    A run is finished when it has `metrics.json`, which is written last. It is a `Predictor`.

    Attributes:
        folder: `<root>/<experiment>/seed-<n>`.
    """

    folder: Path

    def __post_init__(self):
        object.__setattr__(self, "folder", Path(self.folder).resolve())

    @property
    def root(self) -> Path:
        """Folder that contains the runs of all experiments."""
        return self.folder.parent.parent

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self.config["experiment"]

    @property
    def seed(self) -> int:
        """Seed of the training."""
        return self.config["seed"]

    @property
    def key(self) -> str:
        """Identifier of the run in analyses and configurations, `<experiment>/seed-<n>`."""
        return f"{self.name}/seed-{self.seed}"

    @property
    def finished(self) -> bool:
        """Whether the run is trained and evaluated."""
        return (self.folder / METRICS_FILE).is_file()

    @cached_property
    def config(self) -> dict:
        """Name of the `experiment`, `configuration`, `seed`, `profile`, and SHA-256 of the data.

        A finished run adds package versions, hardware, and the outcome of the training.

        Raises:
            ValueError: as `read_json`.
            RunError: entries that identify a run are missing, or no plain names: they become part
                of paths.
        """
        path = self.folder / CONFIG_FILE
        config = read_json(path)
        if not isinstance(config, dict):
            raise RunError(f"{path}: holds {_kind(config)}, expected the configuration of a run")
        if missing := [name for name in _REQUIRED if name not in config]:
            expected = ", ".join(_REQUIRED)
            raise RunError(f"{path}: has no {', '.join(missing)}; expected at least {expected}")
        for name in ("experiment", "profile"):
            if not (isinstance(config[name], str) and _PLAIN.fullmatch(config[name])):
                raise RunError(f"{path}: {name} is {config[name]!r:.80}, expected a plain name")
        if type(config["seed"]) is not int or config["seed"] < 0:
            raise RunError(f"{path}: seed is {config['seed']!r:.80}, expected an integer from 0")
        if not isinstance(config["configuration"], dict):
            raise RunError(
                f"{path}: configuration holds {_kind(config['configuration'])}, "
                "expected the settings of an experiment"
            )
        return config

    @cached_property
    def experiment(self) -> Experiment:
        """Configuration of the training.

        Raises:
            RunError: a setting is unknown, or has a value out of range.
        """
        try:
            return Experiment.from_dict(self.config["configuration"])
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise RunError(f"{self.folder / CONFIG_FILE}: {error}") from error

    @cached_property
    def history(self) -> "pandas.DataFrame | None":
        """Training history with `HISTORY_COLUMNS`, one row per epoch; None without epochs."""
        import pandas as pd

        path = self.folder / HISTORY_FILE
        try:
            return pd.read_csv(path) if path.is_file() else None
        except ValueError as error:  # of pandas, which do not name the file
            raise RunError(f"{path}: not a table of epochs ({error})") from error

    @cached_property
    def predictions(self) -> dict[str, SplitPredictions]:
        """Predictions by split: `public_test`, and `private_test` if it was evaluated.

        A recorded run stores only its logits if its images are those of `test_splits.npz`, which
        all recorded runs share.

        Raises:
            ValueError: as `read_arrays`.
            RunError: labels or hashes are missing, or of another number than the logits.
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
        except (ValueError, TypeError) as error:
            raise RunError(f"{path}: {error}") from error

    @cached_property
    def metrics(self) -> dict:
        """Metrics of the predictions, as `evaluation.metrics.metrics_by_split` returns them.

        Raises:
            ValueError: as `read_json`.
            RunError: the file holds something else.
        """
        path = self.folder / METRICS_FILE
        metrics = read_json(path)
        if not isinstance(metrics, dict):
            raise RunError(f"{path}: holds {_kind(metrics)}, expected metrics by split")
        return metrics

    @property
    def weights(self) -> Path | None:
        """File of the best weights in half precision; None if it is not kept."""
        path = self.folder / WEIGHTS_FILE
        return path if path.is_file() else None


def _kind(value) -> str:
    """What a JSON value is."""
    kinds = {list: "a list", dict: "an object", str: "a text", type(None): "null"}
    return kinds.get(type(value), "a number")


def run_folder(root: Path, experiment: str, seed: int) -> Path:
    """Return the folder of a run under `root`."""
    return root / experiment / f"seed-{seed}"


def parse_run_key(key: str) -> tuple[str, int]:
    """Split a key into the experiment and the seed.

    Raises:
        RunError: the key is not of the form `<experiment>/seed-<n>`.

    Example:
        >>> parse_run_key("se_cnn/seed-1")
        ('se_cnn', 1)
    """
    match = RUN_KEY.fullmatch(key)
    if match is None:
        raise RunError(f"{key!r} is no run, expected <experiment>/seed-<n>")
    return match[1], int(match[2])
