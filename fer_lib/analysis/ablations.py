"""Experiments against their baselines: paired differences, and their variation across seeds."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from fer_lib.analysis.headline import compare_experiments
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
    """Differences of experiments from their baselines in accuracy and macro-F1.

    They are differences of means over seeds, with 95 % intervals over images and seeds; the
    verdicts correct for the number of pairs (`headline.compare_experiments`).

    Args:
        runs: finished runs, of these and of other experiments.
        pairs: (experiment, baseline) by name, such as `experiments.ABLATIONS`.
        split: as `headline.SeedSamples`.

    Returns:
        One row per pair: `experiment`, `baseline`, `seeds` and `baseline_seeds` (how many);
        `accuracy_difference` and `macro_f1_difference`, each with the limits `_low` and `_high` of
        its interval; `holm_p_value` of accuracy, and `verdict` on whether the experiment raises
        accuracy. Where one of the two is not recorded the numbers are NaN and the verdict is
        `NOT_RECORDED`.

    Raises:
        ValueError: the runs to be compared are not of the same images.
    """
    accuracy, macro_f1 = (compare_experiments(runs, pairs, split, name) for name in MEASURES)
    table = accuracy.join(macro_f1.filter(like="macro_f1_difference"))
    columns = list(table.columns.drop(["holm_p_value", "verdict"]))
    return table[[*columns, "holm_p_value", "verdict"]]


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
