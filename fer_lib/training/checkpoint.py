"""Checkpoints: the state that resuming needs, and the weights of the best epoch.

A run in training has `state.npz` (all weights, the optimizer and the history), `best.weights.h5`,
with SWA one file of weights for each of the last epochs, and `history.csv` for readers.
"""

import errno
import json
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd

from fer_lib.io import atomic_write, read_arrays
from fer_lib.runs.run import HISTORY_COLUMNS, WEIGHTS_FILE, Run, RunError

if TYPE_CHECKING:
    from fer_lib.training.trainer import Trainer
    from fer_lib.training.training_model import TrainingModel

STATE_FILE = "state.npz"
BEST_WEIGHTS_FILE = "best.weights.h5"
EPOCH_WEIGHTS_FILE = "epoch-{}.weights.h5"
SOFT_TARGETS_FILE = "soft_targets.npy"


@dataclass
class History:
    """The epochs so far, and early stopping.

    Attributes:
        patience: epochs without a lower validation loss after which training stops.
        rows: one dictionary per epoch, keys `HISTORY_COLUMNS`.
    """

    patience: int
    rows: list[dict] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest validation loss, counted from 1: the first one on a tie."""
        return int(np.argmin([row["val_loss"] for row in self.rows])) + 1

    @property
    def patience_exhausted(self) -> bool:
        return bool(self.rows) and len(self) - self.best_epoch >= self.patience

    def to_frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)


class CheckpointCallback(keras.callbacks.Callback):
    """Writes a checkpoint after each epoch, and stops training when patience is exhausted.

    Keras's own `EarlyStopping` and `BackupAndRestore` forget the best epoch and the state of random
    layers between two processes, and write in place. Here both follow from the history and the
    number of the epoch.
    """

    def __init__(self, trainer: "Trainer"):
        super().__init__()
        self._trainer = trainer

    def on_epoch_begin(self, epoch, logs=None):
        self._trainer.seed_epoch(epoch)
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        trainer, history = self._trainer, self._trainer.history
        row = {
            "epoch": epoch + 1,
            **logs,
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": time.perf_counter() - self._start,
        }
        if not np.isfinite([row["loss"], row["val_loss"]]).all():
            raise RunError(
                f"{trainer.run.folder}: the loss of epoch {row['epoch']} is {row['loss']}, in "
                f"validation {row['val_loss']}; a lower learning rate may help"
            )
        history.rows.append({column: row[column] for column in HISTORY_COLUMNS})
        # The state is written last: a process killed before it repeats the epoch to the same end.
        if history.best_epoch == len(history):
            save_weights(trainer.network, trainer.run.folder / BEST_WEIGHTS_FILE)
        if epoch >= trainer.experiment.epochs - trainer.experiment.swa_epochs:
            save_weights(trainer.network, trainer.run.folder / EPOCH_WEIGHTS_FILE.format(epoch + 1))
        save_state(trainer.run, self.model, history)
        if history.patience_exhausted:
            self.model.stop_training = True


def seed_layers(model: keras.Model, seed: int, epoch: int) -> None:
    """Make every random draw of a model's layers follow from (seed, epoch)."""
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    for index, state in enumerate(states):
        words = np.random.SeedSequence([seed, epoch, index]).generate_state(2)
        state.assign((words >> 1).astype(state.dtype))  # 31 bits fit every backend's seed type


def save_weights(model: keras.Model, path: Path) -> None:
    """Write a model's weights at once or not at all.

    Raises:
        OSError: the disk is full.
    """
    # Where the disk fills, HDF5 crashes the process. Its own data take some 3 kB an array.
    needed = sum(array.nbytes + 8192 for array in model.get_weights())
    if shutil.disk_usage(path.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    with atomic_write(path) as tmp:
        model.save_weights(tmp)


def save_state(run: Run, model: "TrainingModel", history: History) -> None:
    """Write what resuming needs; weights, optimizer and history change place in one rename."""
    arrays = {f"v{i:04}": np.asarray(v) for i, v in enumerate(model.checkpoint_variables)}
    with atomic_write(run.folder / STATE_FILE) as tmp:
        np.savez(tmp, history=np.array(json.dumps(history.rows)), **arrays)
    save_history(run, history)


def save_history(run: Run, history: History) -> None:
    with atomic_write(run.folder / "history.csv") as tmp:
        history.to_frame().to_csv(tmp, index=False)


def restore_state(run: Run, model: "TrainingModel", history: History) -> None:
    """Load the weights, optimizer and history of the last complete epoch, if there is one."""
    path = run.folder / STATE_FILE
    if not path.exists():
        return
    state = read_arrays(path)
    for i, variable in enumerate(model.checkpoint_variables):
        variable.assign(state[f"v{i:04}"])
    history.rows = json.loads(str(state["history"]))


def save_float16_weights(run: Run, model: keras.Model) -> None:
    """Write a run's best weights in half precision, as `WEIGHTS_FILE`.

    Args:
        model: built in float16; the weights are loaded into it.

    Raises:
        RunError: a weight does not fit half precision.
    """
    model.load_weights(run.folder / BEST_WEIGHTS_FILE)
    if not all(np.isfinite(np.asarray(w, np.float32)).all() for w in model.get_weights()):
        raise RunError(f"{run.folder}: a weight or a moving variance does not fit half precision")
    save_weights(model, run.folder / WEIGHTS_FILE)


def remove_checkpoints(run: Run) -> None:
    """Remove what only a run in training needs."""
    for pattern in (
        STATE_FILE,
        BEST_WEIGHTS_FILE,
        SOFT_TARGETS_FILE,
        EPOCH_WEIGHTS_FILE.format("*"),
    ):
        for path in run.folder.glob(pattern):
            path.unlink()
