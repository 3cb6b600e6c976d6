"""Experiments against their baselines: paired differences, and their variation across seeds."""

import functools
from collections.abc import Iterable

import numpy as np
import pandas as pd

from fer_lib.analysis.verdict import Verdict
from fer_lib.evaluation.bootstrap import (
    bootstrap_confusions,
    confusion_scores,
    percentile_interval,
)
from fer_lib.runs.predictions import align
from fer_lib.runs.run import Run

Pairs = Iterable[tuple[str, str]]
MEASURES = ("accuracy", "macro_f1")
DIFFERENCES = tuple(f"{measure}_difference" for measure in MEASURES)


def paired_comparisons(runs: list[Run], pairs: Pairs, split: str = "public_test") -> pd.DataFrame:
    """Differences of experiments from their baselines: means over the seeds that both have.

    The intervals are paired bootstrap intervals: images are resampled, and every run is evaluated
    on the same resamples. They exclude the variance across seeds.

    Args:
        runs: finished runs, of these and of other experiments.
        pairs: (experiment, baseline) by name, such as `experiments.ABLATIONS`.

    Returns:
        One row per pair: `experiment`, `baseline`, `n_seeds`, `seeds` (a tuple),
        `baseline_accuracy` (0–1); the mean differences `accuracy_difference` and
        `macro_f1_difference`, each with the limits `_low` and `_high` of its 95 % interval; and
        `verdict` on whether the experiment raises accuracy. Without a common seed the numbers are
        NaN and the verdict is `NOT_RECORDED`.

    Raises:
        ValueError: two runs to be compared are of different images.
    """

    @functools.cache
    def resampled(run: Run) -> dict[str, np.ndarray]:
        (confusions,) = bootstrap_confusions(run.predictions[split])
        return confusion_scores(confusions)

    rows = []
    for experiment, baseline, paired in _paired_runs(runs, pairs, split):
        for a, b in paired:
            align(a.predictions[split], b.predictions[split])
        row = {
            "experiment": experiment,
            "baseline": baseline,
            "n_seeds": len(paired),
            "seeds": tuple(a.seed for a, _ in paired),
            "baseline_accuracy": _mean([b.metrics[split]["accuracy"] for _, b in paired]),
        }
        for measure, name in zip(MEASURES, DIFFERENCES, strict=True):
            samples = [resampled(a)[measure] - resampled(b)[measure] for a, b in paired]
            low, high = percentile_interval(np.mean(samples, axis=0)) if paired else (np.nan,) * 2
            observed = [_difference(a, b, split, measure) for a, b in paired]
            row |= {name: _mean(observed), f"{name}_low": low, f"{name}_high": high}
        verdict = _verdict(row["accuracy_difference_low"], row["accuracy_difference_high"])
        rows.append(row | {"verdict": verdict})
    return pd.DataFrame(rows)


def seed_differences(runs: list[Run], pairs: Pairs, split: str = "public_test") -> pd.DataFrame:
    """The difference of each experiment from its baseline with each common seed.

    Args:
        runs, pairs: as `paired_comparisons`.

    Returns:
        One row per pair and seed: `experiment`, `baseline`, `seed`, `accuracy_difference`,
        `macro_f1_difference`.
    """
    rows = [
        [experiment, baseline, a.seed, *(_difference(a, b, split, name) for name in MEASURES)]
        for experiment, baseline, paired in _paired_runs(runs, pairs, split)
        for a, b in paired
    ]
    return pd.DataFrame(rows, columns=["experiment", "baseline", "seed", *DIFFERENCES])


def seed_spread(differences: pd.DataFrame) -> pd.DataFrame:
    """How far the differences of one comparison lie apart across its seeds.

    Args:
        differences: as `seed_differences` returns them.

    Returns:
        One row per comparison with several seeds: `experiment`, `baseline`, `n_seeds`;
        `accuracy_range` and `macro_f1_range`, the largest difference minus the smallest; and
        `signs_differ`, whether accuracy rises with one seed and falls with another.
    """
    groups = differences.groupby(["experiment", "baseline"], sort=False)
    accuracy, macro_f1 = (groups[difference] for difference in DIFFERENCES)
    spread = pd.DataFrame(
        {
            "n_seeds": groups.size(),
            "accuracy_range": accuracy.max() - accuracy.min(),
            "macro_f1_range": macro_f1.max() - macro_f1.min(),
            "signs_differ": (accuracy.min() < 0) & (accuracy.max() > 0),
        }
    )
    return spread[spread["n_seeds"] > 1].reset_index()


def _paired_runs(runs: list[Run], pairs: Pairs, split: str):
    """Yield each pair of names with the runs (experiment, baseline) of the seeds that both have."""
    by_seed = {(run.name, run.seed): run for run in runs if split in run.metrics}
    seeds = sorted({run.seed for run in runs})
    for experiment, baseline in pairs:
        paired = [
            (by_seed[experiment, seed], by_seed[baseline, seed])
            for seed in seeds
            if (experiment, seed) in by_seed and (baseline, seed) in by_seed
        ]
        yield experiment, baseline, paired


def _difference(a: Run, b: Run, split: str, measure: str) -> float:
    return a.metrics[split][measure] - b.metrics[split][measure]


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _verdict(low: float, high: float) -> Verdict:
    """The verdict on "accuracy is raised" by the interval of the difference."""
    if np.isnan(low):
        return Verdict.NOT_RECORDED
    return Verdict.CONFIRMED if low > 0 else Verdict.REFUTED if high < 0 else Verdict.INCONCLUSIVE
