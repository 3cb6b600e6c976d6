"""Conformal prediction sets of runs, calibrated on PublicTest and evaluated on PrivateTest."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import bootstrap_counts
from fer_lib.evaluation.conformal import conformal_threshold, prediction_sets
from fer_lib.evaluation.seed_variance import TotalEstimate, seed_variances, total_mean
from fer_lib.runs.predictions import Predictor

TARGETS = (0.8, 0.9, 0.95)


def conformal_table(
    runs: Mapping[str, list[Predictor]], targets: Sequence[float] = TARGETS
) -> pd.DataFrame:
    """Coverage and size of conformal prediction sets on PrivateTest: means over seeds.

    The sets of each seed are calibrated on PublicTest, which also selected epochs and settings:
    exchangeability holds only approximately. The 95 % intervals hold the variance of the images of
    PrivateTest and of the seeds (`evaluation.seed_variance`), and take the thresholds as given.

    Args:
        runs: the seeds of each model by title; a list may be empty.
        targets: the coverages asked for.

    Returns:
        One row per target and model with a record: `model`, `seeds`, `target_coverage`; `coverage`
        (the share of sets that hold the true class) and `classes_per_set`, both with the limits
        `…_low` and `…_high`; `single_class_share` and `empty_share` (of the sets with one class and
        with none), `lowest_coverage_emotion`, the emotion whose labels the sets hold least often,
        and `lowest_class_coverage`, their coverage on it.
    """
    names = ("coverage", "classes_per_set")
    limits = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
    columns = ["model", "seeds", "target_coverage", *limits, "single_class_share", "empty_share"]
    rows = []
    for target in targets:
        sets = {title: _sets(group, target) for title, group in runs.items() if group}
        covered = {title: each.covered for title, each in sets.items()}
        sizes = {title: each.size for title, each in sets.items()}
        estimates = [_means(values) for values in (covered, sizes)]
        for title, size in sizes.items():
            row = [title, len(size), target]
            for each in estimates:
                row += [each[title].value, *each[title].interval]
            labels = sets[title].labels
            by_class = [
                covered[title][:, labels == c].mean() if (labels == c).any() else np.nan
                for c in range(len(EMOTION_NAMES))
            ]
            lowest = int(np.nanargmin(by_class))
            row += [(size == 1).mean(), (size == 0).mean(), EMOTION_NAMES[lowest]]
            rows.append((*row, by_class[lowest]))
    return pd.DataFrame(
        rows, columns=[*columns, "lowest_coverage_emotion", "lowest_class_coverage"]
    )


class _Sets(NamedTuple):
    """The sets of some seeds on the same images: float64 [seeds, images], and the labels."""

    covered: np.ndarray  # whether a set holds the true class
    size: np.ndarray
    labels: np.ndarray


def _sets(group: Sequence[Predictor], target: float) -> _Sets:
    covered, sizes = [], []
    for run in group:
        public, private = (run.predictions[name] for name in ("public_test", "private_test"))
        private = private[private.order]
        labels = private.labels.astype(int)
        sets = prediction_sets(private, conformal_threshold(public, target))
        covered.append(sets[np.arange(len(labels)), labels])
        sizes.append(sets.sum(axis=1))
    return _Sets(np.array(covered, float), np.array(sizes, float), labels)


def _means(values: Mapping[str, np.ndarray]) -> dict[str, TotalEstimate]:
    """The mean over images and seeds of each model's values, [seeds, images] by title."""
    by_seed = {title: each.mean(axis=1) for title, each in values.items()}
    seeds = seed_variances(by_seed)
    return {
        title: total_mean(
            by_seed[title], each @ bootstrap_counts(each.shape[1]).T / each.shape[1], seeds[title]
        )
        for title, each in values.items()
    }
