"""The specification of a run, its lock, and the files that begin and finish it."""

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
    """The experiment and the seed of a run.

    Attributes:
        name: The name of the experiment, for the record.
        experiment: The configuration.
        seed: The seed of every random draw.
        profile: `full` or `quick`, for the record.
    """

    name: str
    experiment: Experiment
    seed: int = 0
    profile: str = "full"

    def to_dict(self) -> dict:
        """Return the first keys of the run's `config.json`."""
        return {
            "experiment": self.name,
            "seed": self.seed,
            "profile": self.profile,
            "configuration": self.experiment.to_dict(),
        }


@contextmanager
def run_lock(run: Run) -> Iterator[None]:
    """Prevent other processes from training the same run.

    The operating system releases the lock when the process ends, even if it is killed. Incomplete
    files of a killed process are removed.

    Args:
        run: The run to lock.

    Raises:
        RunError: If another process holds the lock, or a folder is in its place.
    """
    path = run.folder / ".lock"
    if path.is_dir():
        raise RunError(f"{path}: a folder in place of the lock of the training; remove it")
    lock = FileLock(path, timeout=0)
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

    Keys that the stored configuration lacks are added. Settings of an experiment that were
    introduced later have their defaults.

    Args:
        run: The run.
        config: The values that identify the run, as `config.json` has them.

    Raises:
        RunError: If a value differs, or what is stored is no configuration. The message has both
            values, and nothing is written.
        ValueError: If the stored configuration is not that of an experiment.
    """
    path = run.folder / CONFIG_FILE
    stored = read_json(path) if path.exists() else {}
    if not isinstance(stored, dict) or not isinstance(stored.get("configuration", {}), dict):
        raise RunError(
            f"{path}: not the configuration of a run; remove the folder {run.folder}, and train "
            "again"
        )
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
        run: The run.
        config: As in `check_or_write_config`.
        train: A function without arguments that writes the files of a finished run.

    Returns:
        The finished run.

    Raises:
        RunError: As in `check_or_write_config` and `run_lock`.
    """
    check_or_write_config(run, config)
    if not run.finished:
        with run_lock(run):
            if not run.finished:  # by another process in the meantime
                train()
    return Run(run.folder)


def finish_run(folder: Path, config: dict, logits: dict[str, np.ndarray], dataset: Dataset) -> Run:
    """Write the files of a finished run: predictions, configuration and metrics.

    Args:
        folder: The folder of the run.
        config: The configuration; versions and hardware are added.
        logits: By split, float32 [n, 7] in the order of the data set: `public_test` and, if it was
            evaluated, `private_test`.
        dataset: The data set, for labels and hashes.

    Returns:
        The finished run.
    """
    predictions = {
        name: SplitPredictions(values, getattr(dataset, name).labels, getattr(dataset, name).hashes)
        for name, values in logits.items()
    }
    return write_run(folder, config, predictions, metrics_by_split(predictions))
