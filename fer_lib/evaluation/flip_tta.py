"""Predictions on PublicTest without TTA and with horizontal-flip TTA, to compare networks alike.

A run's own predictions are with one of the two; `flip_tta.npz` holds the logits with the other.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_lib.data.dataset import Dataset
from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.io import atomic_write, read_arrays
from fer_lib.paths import ANALYSIS, RUNS
from fer_lib.runs.predictions import PredictedRun
from fer_lib.runs.run import Run
from fer_lib.runs.store import find_run
from fer_lib.tta import FLIP, NO_TTA

FLIP_TTA_PATH = ANALYSIS / "flip_tta.npz"
SPLIT = "public_test"


def other_scheme(run: Run) -> str:
    """The one of `NO_TTA` and `FLIP` that a run's own predictions are not with."""
    return NO_TTA if run.experiment.tta == FLIP else FLIP


def record_flip_tta(runs: Iterable[Run], dataset: Dataset, path: Path = FLIP_TTA_PATH) -> None:
    """Write the logits of runs on PublicTest with their `other_scheme` to `path`.

    Weights that a record does not keep are read from the run in `paths.RUNS` whose predictions are
    the recorded ones. Where they are not there either, logits beside the runs are kept.

    Raises:
        DataError: the data set lacks an image of a recorded run.
    """
    runs, arrays = list(runs), {}
    stored = _stored(runs)
    for run in runs:
        if weighted := _with_weights(run):
            recorded = run.predictions[SPLIT]
            rows = dataset.public_test.require(recorded.hashes, recorded.labels, str(run.folder))
            images = dataset.public_test.images[rows]
            arrays[run.key] = predict_logits(load_model(weighted), images, other_scheme(run))
        elif run.key in stored:
            arrays[run.key] = stored[run.key]
    with atomic_write(path) as tmp:
        np.savez_compressed(tmp, **arrays)


def with_scheme(runs: Iterable[Run], scheme: str) -> list[Run | PredictedRun]:
    """The runs with their predictions under a TTA scheme, `NO_TTA` or `FLIP`.

    Runs that predict with it themselves are returned as they are; those without such predictions
    are left out.
    """
    runs, rescored = list(runs), []
    stored = _stored(runs)
    for run in runs:
        if run.config["configuration"].get("tta", NO_TTA) == scheme:
            rescored.append(run)
        elif run.key in stored:
            predictions = replace(run.predictions[SPLIT], logits=stored[run.key])
            other = PredictedRun(run.name, run.config, {SPLIT: predictions}, run.seed)
            rescored.append(other)
    return rescored


def _stored(runs: list[Run]) -> dict[str, np.ndarray]:
    """The logits recorded beside runs, by key; none if nothing is recorded."""
    paths = {run.root / ANALYSIS.name / FLIP_TTA_PATH.name for run in runs}
    return {
        key: logits for path in paths if path.is_file() for key, logits in read_arrays(path).items()
    }


def _with_weights(run: Run) -> Run | None:
    """The run, or the one that it was recorded from, with its weights; None without them."""
    if run.weights:
        return run
    source = find_run(RUNS / "full", run.name, run.seed)
    if source is None or not source.weights:
        return None
    logits = (each.predictions[SPLIT].logits for each in (run, source))
    return source if np.array_equal(*logits) else None
