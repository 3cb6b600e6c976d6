"""Checkpoints: the state for resuming, and the weights of the best epoch.

The folder of a run in training has `state.npz` (all weights, the optimizer and the history),
`best.weights.h5`, `history.csv` for readers and, with SWA, the weights after each of the last
epochs.
"""

import errno
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import keras
import numpy as np
import pandas as pd

from fer_lib.io import atomic_write, read_arrays
from fer_lib.runs.run import HISTORY_COLUMNS, HISTORY_FILE, Run, RunError

STATE_FILE = "state.npz"
BEST_WEIGHTS_FILE = "best.weights.h5"
EPOCH_WEIGHTS_FILE = "epoch-{}.weights.h5"
SOFT_TARGETS_FILE = "soft_targets.npy"


@dataclass
class History:
    """The epochs so far, and early stopping.

    Attributes:
        patience: The number of epochs without a lower validation loss after which training stops.
        rows: A dictionary for each epoch, with the keys `HISTORY_COLUMNS`.

    Example:
        >>> history = History(patience=2, rows=[{"val_loss": loss} for loss in (3, 1, 2, 2)])
        >>> history.best_epoch, history.patience_exhausted
        (2, True)
    """

    patience: int
    rows: list[dict] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest validation loss, counted from 1; the first one on a tie."""
        return int(np.argmin([row["val_loss"] for row in self.rows])) + 1

    @property
    def patience_exhausted(self) -> bool:
        """Whether early stopping ends the training."""
        return bool(self.rows) and len(self) - self.best_epoch >= self.patience


def seed_layers(model: keras.Model, seed: int, epoch: int) -> None:
    """Seed every random layer of a model from (seed, epoch)."""
    states = [v for v in model.variables if v.name == "seed_generator_state"]
    for index, state in enumerate(states):
        words = np.random.SeedSequence([seed, epoch, index]).generate_state(2)
        state.assign((words >> 1).astype(state.dtype))  # 31 bits fit every backend's seed type


def save_weights(model: keras.Model, path: Path) -> None:
    """Write a model's weights, or nothing if an error occurs.

    Raises:
        OSError: If the disk is full.
    """
    # HDF5 crashes the process when the disk is full. Its own data take about 3 kB per array.
    needed = sum(array.nbytes + 8192 for array in model.get_weights())
    if shutil.disk_usage(path.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    with atomic_write(path) as tmp:
        model.save_weights(tmp)


def save_state(run: Run, variables: Sequence, history: History) -> None:
    """Write the state for resuming: variables and history, in one atomic file.

    Args:
        run: The run, whose folder receives the file.
        variables: The variables of model and optimizer, always in the same order.
        history: The epochs so far.
    """
    arrays = {f"v{i:04}": np.asarray(variable) for i, variable in enumerate(variables)}
    with atomic_write(run.folder / STATE_FILE) as tmp:
        np.savez(tmp, history=np.array(json.dumps(history.rows)), **arrays)
    save_history(run, history)


def save_history(run: Run, history: History) -> None:
    """Write the history as a CSV."""
    with atomic_write(run.folder / HISTORY_FILE) as tmp:
        pd.DataFrame(history.rows).to_csv(tmp, index=False)


def restore_state(run: Run, variables: Sequence, history: History) -> None:
    """Load the variables and the history of the last complete epoch, if there is one.

    Raises:
        RunError: If the state or the best weights are damaged, or are of another model.
    """
    path = run.folder / STATE_FILE
    if not path.exists():
        return
    try:
        state = read_arrays(path)
        arrays = [state[f"v{i:04}"] for i in range(len(variables))]
        for array, variable in zip(arrays, variables, strict=True):
            if array.shape != tuple(variable.shape) or array.dtype.kind in "OSU":
                raise ValueError(f"an array of shape {array.shape} for one of {variable.shape}")
        rows = json.loads(str(state["history"]))
        if not rows or any(row.keys() != set(HISTORY_COLUMNS) for row in rows):
            raise ValueError("a history without epochs or without their losses")
        with h5py.File(run.folder / BEST_WEIGHTS_FILE):
            pass  # it opens: it is whole
    except KeyError as error:
        raise _damaged(run, path, f"there is no {error.args[0]}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(run, path, str(error)) from error
    except OSError as error:
        best = run.folder / BEST_WEIGHTS_FILE
        raise _damaged(run, best, "missing" if not best.is_file() else "cut off") from error
    for array, variable in zip(arrays, variables, strict=True):
        variable.assign(array)
    history.rows = rows


def _damaged(run: Run, path: Path, reason: str) -> RunError:
    return RunError(
        f"{path}: the training cannot be continued from it ({reason}); remove "
        f"{run.folder / STATE_FILE}, and the training starts again at its first epoch"
    )


def remove_checkpoints(run: Run) -> None:
    """Remove the files that only a run in training needs."""
    epochs = EPOCH_WEIGHTS_FILE.format("*")
    for pattern in (STATE_FILE, BEST_WEIGHTS_FILE, SOFT_TARGETS_FILE, epochs):
        for path in run.folder.glob(pattern):
            path.unlink()
