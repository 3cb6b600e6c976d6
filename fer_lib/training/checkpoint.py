"""The files of a run in training: lock, configuration, checkpoint, weights."""

import errno
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from fer_lib.experiments import Experiment
from fer_lib.io import TMP_PREFIX, atomic_write, read_arrays, read_json, write_json
from fer_lib.runs.run import HISTORY_COLUMNS, WEIGHTS_FILE, Run, RunError
from fer_lib.training.batches import TrainSequence

STATE_FILE = "state.npz"
BEST_WEIGHTS_FILE = "best.weights.h5"
EPOCH_WEIGHTS_FILE = "epoch-{}.weights.h5"
SOFT_TARGETS_FILE = "taught.npy"


@contextmanager
def run_lock(run: Run) -> Iterator[None]:
    """Keep a second process from the same run. The operating system opens the lock when a process
    ends, however it ends.

    Raises:
        RunError: another process has it.
    """
    lock = FileLock(run.folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{run.folder}: another process is training this run; wait for it, or stop it first"
        ) from None
    try:
        for stale in run.folder.glob(
            f"{TMP_PREFIX}*"
        ):  # of a process that was killed while it wrote
            stale.unlink()
        yield
    finally:
        lock.release()


def seed_layers(trainer: keras.Model, seed: int, epoch: int) -> None:
    """Let every random draw of the layers follow from (seed, epoch)."""
    states = [v for v in trainer.variables if v.name == "seed_generator_state"]
    for index, state in enumerate(states):
        words = np.random.SeedSequence([seed, epoch, index]).generate_state(2)
        state.assign((words >> 1).astype(state.dtype))  # 31 bits fit every backend's seed type


class CheckpointCallback(keras.callbacks.Callback):
    """Keeps the run on disk after each epoch, and stops when patience ends.

    Keras's own `EarlyStopping` and `BackupAndRestore` forget the best epoch and the state of the
    random layers between
    two processes, and write in place; here both follow from the history and the epoch's number.
    """

    def __init__(
        self,
        run: Run,
        network: keras.Model,
        batches: TrainSequence,
        seed: int,
        experiment: Experiment,
        history: list[dict],
    ):
        super().__init__()
        self._run, self._network, self._batches = run, network, batches
        self._seed, self._experiment, self._history = seed, experiment, history

    @property
    def table(self) -> pd.DataFrame:
        """One row an epoch, `HISTORY_COLUMNS`."""
        return pd.DataFrame(self._history)

    @property
    def best(self) -> int:
        """The position in the history of the lowest validation loss; the first, where it was
        reached twice."""
        return int(np.argmin([row["val_loss"] for row in self._history]))

    @property
    def exhausted(self) -> bool:
        return (
            bool(self._history) and len(self._history) - 1 - self.best >= self._experiment.patience
        )

    def on_epoch_begin(self, epoch, logs=None):
        self._batches.start(epoch)
        seed_layers(self.model, self._seed, epoch)
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row = {
            "epoch": epoch + 1,
            **logs,
            "learning_rate": rate,
            "seconds": time.perf_counter() - self._began,
        }
        if not np.isfinite([row["loss"], row["val_loss"]]).all():
            raise RunError(
                f"{self._run.folder}: the loss of epoch {row['epoch']} is {row['loss']}, in validation {row['val_loss']}; "
                "a lower learning rate may help"
            )
        self._history.append({column: row[column] for column in HISTORY_COLUMNS})
        # The order matters: killed between these two writes, the epoch is repeated and ends the
        # same.
        if self.best == len(self._history) - 1:
            save_weights(self._network, self._run.folder / BEST_WEIGHTS_FILE)
        if epoch >= self._experiment.epochs - self._experiment.swa_epochs:
            save_weights(self._network, self._run.folder / EPOCH_WEIGHTS_FILE.format(epoch + 1))
        save_state(self._run, self.model, self._history)
        if self.exhausted:
            self.model.stop_training = True


def check_or_write_config(run: Run, start: dict) -> None:
    """Write the run's configuration, or check that what is there is the same; where it is not,
    nothing is written.

    Raises:
        RunError: it is not; the message has both values. ValueError: what is there is no
        experiment's configuration.
    """
    path = run.folder / "config.json"
    written = there = read_json(path) if path.exists() else {}
    if "model" in there.get("configuration", {}):
        there = {**there, "configuration": Experiment.from_dict(there["configuration"]).to_dict()}
    for key, expected in start.items():
        if there.get(key, expected) == expected:
            continue
        if key == "configuration":
            changed = [
                k
                for k in expected.keys() | there[key].keys()
                if there[key].get(k) != expected.get(k)
            ]
            found, expected = ({k: side.get(k) for k in changed} for side in (there[key], expected))
        else:
            found = there[key]
        raise RunError(
            f"{run.folder}: this run began with {key} {found}, now it is {expected}; "
            "copy the experiment's row under a new name, or remove the folder"
        )
    if start.keys() - written.keys():
        write_json(path, {**start, **written})


def save_weights(network: keras.Model, path: Path) -> None:
    arrays = network.get_weights()
    needed = sum(
        array.nbytes + 8192 for array in arrays
    )  # the file's own bookkeeping is some 3 kB an array
    if (
        shutil.disk_usage(path.parent).free < needed
    ):  # HDF5 crashes the process where the disk fills
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    with atomic_write(path) as aside:
        network.save_weights(aside)


def _state_variables(trainer: keras.Model) -> list:
    return [*trainer.weights, *trainer.optimizer.variables]


def save_state(run: Run, trainer: keras.Model, history: list[dict]) -> None:
    arrays = {f"v{i:04}": np.asarray(v) for i, v in enumerate(_state_variables(trainer))}
    with atomic_write(run.folder / STATE_FILE) as aside:
        np.savez(aside, history=np.array(json.dumps(history)), **arrays)
    with atomic_write(run.folder / "history.csv") as aside:
        pd.DataFrame(history).to_csv(aside, index=False)


def restore_state(run: Run, trainer: keras.Model) -> list[dict]:
    """Put the last kept epoch's weights and optimizer in place, and return its history."""
    path = run.folder / STATE_FILE
    if not path.exists():
        return []
    state = read_arrays(path)
    for i, variable in enumerate(_state_variables(trainer)):
        variable.assign(state[f"v{i:04}"])
    return json.loads(str(state["history"]))


def save_float16_weights(run: Run, network: keras.Model) -> None:
    """Keep a run's best weights in half precision, as `WEIGHTS`.

    Args:
        network: built in float16; it takes the weights.

    Raises:
        RunError: a weight does not fit half precision.
    """
    network.load_weights(run.folder / BEST_WEIGHTS_FILE)
    if not all(np.isfinite(np.asarray(w, np.float32)).all() for w in network.get_weights()):
        raise RunError(f"{run.folder}: a weight or a running variance does not fit half precision")
    save_weights(network, run.folder / WEIGHTS_FILE)


def remove_checkpoints(run: Run) -> None:
    """Remove what only a run that goes on needs."""
    for kept in (
        STATE_FILE,
        BEST_WEIGHTS_FILE,
        SOFT_TARGETS_FILE,
        *(path.name for path in run.folder.glob(EPOCH_WEIGHTS_FILE.format("*"))),
    ):
        (run.folder / kept).unlink(missing_ok=True)
