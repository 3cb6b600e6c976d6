"""Conformal prediction sets of runs, calibrated on PublicTest and evaluated on PrivateTest."""

import numpy as np
import pandas as pd

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.conformal import conformal_threshold, prediction_sets
from fer_lib.runs.predictions import Predictor

TARGETS = (0.8, 0.9, 0.95)


def conformal_table(
    predictors: dict[str, Predictor | None], targets: tuple[float, ...] = TARGETS
) -> pd.DataFrame:
    """Coverage and size of conformal prediction sets on PrivateTest.

    The sets are calibrated on PublicTest, which also selected epochs and settings: exchangeability
    holds only approximately.

    Args:
        predictors: by title; None for one that is not recorded.
        targets: the coverages asked for.

    Returns:
        One row per model and target: `model`, `target_coverage`, `coverage` (the share of sets that
        hold the true class), `classes_per_set` (mean), `single_class_share` and `empty_share` (of
        the sets with one class and with none), `lowest_coverage_emotion`, the emotion whose labels
        the sets hold least often, and `lowest_class_coverage`, their coverage on it.
    """
    rows = []
    for title, predictor in predictors.items():
        if predictor is None:
            continue
        public, private = (predictor.predictions[s] for s in ("public_test", "private_test"))
        labels = private.labels.astype(int)
        for target in targets:
            sets = prediction_sets(private, conformal_threshold(public, target))
            covered, size = sets[np.arange(len(labels)), labels], sets.sum(axis=1)
            by_class = [covered[labels == c].mean() for c in range(len(EMOTION_NAMES))]
            row = (target, covered.mean(), size.mean(), (size == 1).mean(), (size == 0).mean())
            lowest = int(np.nanargmin(by_class))
            rows.append((title, *row, EMOTION_NAMES[lowest], by_class[lowest]))
    columns = ["model", "target_coverage", "coverage", "classes_per_set", "single_class_share"]
    columns += ["empty_share", "lowest_coverage_emotion", "lowest_class_coverage"]
    return pd.DataFrame(rows, columns=columns)
