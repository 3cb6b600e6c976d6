"""What a run trains, and the files that begin and finish it: one process, one configuration."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from fer_lib.data.dataset import Dataset
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.experiments import Experiment
from fer_lib.io import TMP_PREFIX, read_json, write_json
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import CONFIG_FILE, Run, RunError
from fer_lib.runs.store import write_run


@dataclass(frozen=True)
class RunSpec:
    """What a run trains.

    Attributes:
        name: of the experiment, for the record.
        experiment: the configuration.
        seed: of every random draw.
        profile: `full` or `quick`, for the record.
    """

    name: str
    experiment: Experiment
    seed: int = 0
    profile: str = "full"

    def to_dict(self) -> dict:
        """The beginning of the run's `config.json`."""
        return {
            "experiment": self.name,
            "seed": self.seed,
            "profile": self.profile,
            "configuration": self.experiment.to_dict(),
        }


@contextmanager
def run_lock(run: Run) -> Iterator[None]:
    """Keep other processes from training the same run.

    The operating system releases the lock when a process ends, however it ends. What a killed
    process left half-written is removed.

    Raises:
        RunError: another process has the lock.
    """
    lock = FileLock(run.folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{run.folder}: another process is training this run; wait for it, or stop it first"
        ) from None
    try:
        for path in run.folder.glob(f"{TMP_PREFIX}*"):
            path.unlink()
        yield
    finally:
        lock.release()


def check_or_write_config(run: Run, config: dict) -> None:
    """Write a run's configuration, or check that the one in its folder is the same.

    Keys that the folder's configuration lacks are added; settings of an experiment that were
    introduced later have their defaults.

    Args:
        config: what identifies the run, as it stands in `config.json`.

    Raises:
        RunError: a value differs; the message has both, and nothing is written.
        ValueError: the folder's configuration is that of no experiment.
    """
    path = run.folder / CONFIG_FILE
    stored = read_json(path) if path.exists() else {}
    for key, expected in config.items():
        value = stored.get(key, expected)
        if key == "configuration" and "model" in value:
            value = Experiment.from_dict(value).to_dict()
        if value != expected:
            if key == "configuration":
                changed = [k for k in expected | value if value.get(k) != expected.get(k)]
                value, expected = ({k: side.get(k) for k in changed} for side in (value, expected))
            raise RunError(
                f"{run.folder}: this run began with {key} {value}, now it is {expected}; "
                "copy the experiment's row under a new name, or remove the folder"
            )
    if config.keys() - stored.keys():
        write_json(path, {**config, **stored})


def train_once(run: Run, config: dict, train: Callable[[], object]) -> Run:
    """Call `train`, which finishes a run, unless the run is finished already.

    Args:
        config: as `check_or_write_config`.

    Raises:
        RunError: as `check_or_write_config` and `run_lock`.
    """
    check_or_write_config(run, config)
    if not run.finished:
        with run_lock(run):
            if not run.finished:  # by another process in the meantime
                train()
    return Run(run.folder)


def finish_run(folder: Path, config: dict, logits: dict[str, np.ndarray], dataset: Dataset) -> Run:
    """Write what makes a folder a finished run: predictions, configuration and metrics.

    Args:
        folder: of the run.
        config: what was trained; versions and hardware are added.
        logits: float32 [n, 7] for `public_test` and, where it is evaluated, `private_test`, in the
            data set's order.
    """
    predictions = {
        name: SplitPredictions(values, getattr(dataset, name).labels, getattr(dataset, name).hashes)
        for name, values in logits.items()
    }
    return write_run(folder, config, predictions, metrics_by_split(predictions))
