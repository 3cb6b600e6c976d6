"""Experiments against their baselines: paired differences, and their variation across seeds."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from fer_lib.analysis.comparison import Estimate
from fer_lib.analysis.verdict import Verdict
from fer_lib.evaluation.bootstrap import bootstrap_confusions, confusion_scores, percentile_interval
from fer_lib.runs.run import Run

Pairs = Iterable[tuple[str, str]]
MEASURES = ("accuracy", "macro_f1")
# The rows of the ablation study (`experiments.ABLATIONS`) by the part of the recipe they change.
ABLATION_GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Targets and loss": (
            "ablation_distilled",
            "ablation_cross_entropy",
            "ablation_focal_loss",
            "ablation_mixup",
        ),
        "Data augmentation": (
            "ablation_flip_rotate_zoom",
            "ablation_no_random_erasing",
            "ablation_no_crop",
        ),
        "Optimization and architecture": (
            "ablation_swa",
            "ablation_no_attention",
            "ablation_baseline_float32",
            "ablation_adam",
        ),
        "Class balancing": ("ablation_balanced_sampling", "ablation_class_balanced_loss"),
    }
)


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
    rows = []
    for experiment, baseline, paired in _paired_runs(runs, pairs, split):
        accuracy, macro_f1 = _mean_differences(paired, split)
        row = {
            "experiment": experiment,
            "baseline": baseline,
            "n_seeds": len(paired),
            "seeds": tuple(a.seed for a, _ in paired),
            "baseline_accuracy": pd.Series(
                [b.metrics[split]["accuracy"] for _, b in paired], dtype=float
            ).mean(),
            **accuracy.columns("accuracy_difference"),
            **macro_f1.columns("macro_f1_difference"),
            "verdict": _verdict(accuracy),
        }
        rows.append(row)
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
        [*names, a.seed, *(a.metrics[split][name] - b.metrics[split][name] for name in MEASURES)]
        for *names, paired in _paired_runs(runs, pairs, split)
        for a, b in paired
    ]
    differences = [f"{name}_difference" for name in MEASURES]
    return pd.DataFrame(rows, columns=["experiment", "baseline", "seed", *differences])


def seed_spread(differences: pd.DataFrame) -> pd.DataFrame:
    """How far the differences of one comparison lie apart across its seeds.

    Args:
        differences: as `seed_differences` returns them.

    Returns:
        One row per comparison with several seeds: `experiment`, `baseline`, `n_seeds`;
        `accuracy_range` and `macro_f1_range`, the largest difference minus the smallest; and
        `signs_differ`, whether accuracy rises with one seed and falls with another.
    """
    spread = differences.groupby(["experiment", "baseline"], sort=False).agg(
        n_seeds=("seed", "size"),
        accuracy_range=("accuracy_difference", np.ptp),
        macro_f1_range=("macro_f1_difference", np.ptp),
        signs_differ=("accuracy_difference", lambda values: values.min() < 0 < values.max()),
    )
    return spread[spread["n_seeds"] > 1].reset_index().astype({"signs_differ": bool})


def _paired_runs(runs: list[Run], pairs: Pairs, split: str) -> Iterator[tuple[str, str, list]]:
    """Yield each pair of names with the runs (experiment, baseline) of the seeds that both have."""
    by_seed = {(run.name, run.seed): run for run in runs if split in run.metrics}
    seeds = sorted({run.seed for run in runs})
    for pair in pairs:
        by_name = ([by_seed.get((name, seed)) for name in pair] for seed in seeds)
        yield *pair, [paired for paired in by_name if None not in paired]


def _mean_differences(paired: list, split: str) -> list[Estimate]:
    """The mean over pairs of runs of each measure's difference, with its interval."""
    scores = [
        [confusion_scores(c) for c in bootstrap_confusions(*(r.predictions[split] for r in pair))]
        for pair in paired
    ]
    estimates = []
    for name in MEASURES if paired else ():
        observed = [a.metrics[split][name] - b.metrics[split][name] for a, b in paired]
        resampled = np.mean([a[name] - b[name] for a, b in scores], axis=0)
        estimates.append(Estimate(float(np.mean(observed)), *percentile_interval(resampled)))
    return estimates or [Estimate()] * len(MEASURES)


def _verdict(difference: Estimate) -> Verdict:
    """The verdict on "accuracy is raised" by the interval of the difference."""
    if difference.low is None:
        return Verdict.NOT_RECORDED
    if difference.low > 0:
        return Verdict.CONFIRMED
    return Verdict.REFUTED if difference.high < 0 else Verdict.INCONCLUSIVE
