"""Headline numbers and comparisons over several seeds, with intervals that include the seeds.

Each number is a mean over the recorded seeds of an experiment. Its 95 % interval holds the variance
of the test images and of the seeds (`evaluation.seed_variance`).
"""

import functools
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from fer_lib.analysis.leakage import without_leakage
from fer_lib.analysis.verdict import decide_family
from fer_lib.evaluation.bootstrap import (
    bootstrap_confusions,
    confusion_matrix,
    confusion_scores,
)
from fer_lib.evaluation.seed_variance import (
    SeedVariance,
    TotalEstimate,
    seed_variances,
    total_difference,
    total_mean,
)
from fer_lib.experiments import HOG
from fer_lib.runs.predictions import Predictor, SplitPredictions, align
from fer_lib.runs.run import Run

DEDUPLICATED = "deduplicated_"
STRICTLY = "strictly_"
SHORT_EPOCHS = 20
SeedVariances = Callable[[Mapping[str, np.ndarray]], dict[str, SeedVariance]]


class SeedSamples:
    """A measure of the runs of several experiments on one split, observed and resampled.

    Args:
        runs: the runs of each experiment by name; those not evaluated on the split are left out.
        split: `public_test`, `private_test`, or `both` together; with the prefix `deduplicated_`
            for the images of one that do not occur in Training, and with `strictly_deduplicated_`
            for those that have no near-duplicate there either.
        measure: `accuracy`, `balanced_accuracy` or `macro_f1`.
        pool: runs of further experiments, whose variance across seeds is pooled with theirs; the
            experiments of an ensemble's members may be among them.
        variances: how the variance across seeds is estimated: `seed_variances`, or
            `shared_seed_variance` without a variance of its own for an unstable experiment.

    Attributes:
        values: by experiment, of each seed, float64 [n].
        resampled: by experiment, of each seed on the same 2,000 resamples of the images, [n, 2000].
        seeds: by experiment, the variance across seeds: pooled, or its own if it is unstable.

    Raises:
        ValueError: the runs are not of the same images.
    """

    def __init__(
        self,
        runs: Mapping[str, list[Predictor]],
        split: str,
        measure: str = "accuracy",
        pool: Iterable[Run] = (),
        variances: SeedVariances = seed_variances,
    ):
        evaluated = _evaluated(runs, split)
        self.values = _values(evaluated, measure)
        align(*(each for group in evaluated.values() for each in group))
        self.resampled = {
            name: np.stack([_resampled_scores(each)[measure] for each in group])
            for name, group in evaluated.items()
        }
        networks = (_runs(each) for group in runs.values() for each in group)
        further, own = {}, {members[0].name for members in networks if len(members) == 1}
        for run in pool:
            if run.name not in own:
                further.setdefault(run.name, []).append(run)
        pooled = _values(_evaluated(further, split), measure)
        self.seeds: dict[str, SeedVariance] = variances(pooled | self.values)

    def mean(self, name: str) -> TotalEstimate:
        """The mean over the seeds of an experiment."""
        return total_mean(self.values[name], self.resampled[name], self.seeds[name])

    def difference(self, name: str, baseline: str) -> TotalEstimate | None:
        """The mean over the seeds of an experiment minus that of another; None without either."""
        if not {name, baseline} <= self.values.keys():
            return None
        values, resampled, seeds = (
            (of[name], of[baseline]) for of in (self.values, self.resampled, self.seeds)
        )
        return total_difference(values, resampled, seeds)


def _members(predictors: Mapping[str, list[Predictor]]) -> list[Run]:
    """All runs of some experiments; those of an ensemble are its members."""
    return [run for group in predictors.values() for each in group for run in _runs(each)]


def _runs(predictor: Predictor) -> tuple[Run, ...]:
    return getattr(predictor, "members", (predictor,))


def same_budget(runs: Iterable[Run], predictors: Mapping[str, list[Predictor]]) -> list[Run]:
    """The runs whose budget some predictors share: at most 20 epochs, or longer.

    Their variance across seeds can be pooled with that of the predictors.
    """
    budgets = set(map(_is_short, _members(predictors)))
    return [run for run in runs if _is_short(run) in budgets]


def _is_short(run: Run) -> bool:
    """Whether a run is of the short budget, such as those of the ablation study."""
    return run.config["configuration"].get("epochs", np.inf) <= SHORT_EPOCHS


def _evaluated(runs: Mapping[str, list[Run]], split: str) -> dict[str, list[SplitPredictions]]:
    """The predictions on a split of the runs that have them, by experiment."""
    by_name = {name: [predictions_on(run, split) for run in group] for name, group in runs.items()}
    present = {name: [p for p in group if p is not None] for name, group in by_name.items()}
    return {name: group for name, group in present.items() if group}


def _values(evaluated: dict[str, list[SplitPredictions]], measure: str) -> dict[str, np.ndarray]:
    return {
        name: confusion_scores(np.stack(list(map(confusion_matrix, group))))[measure]
        for name, group in evaluated.items()
    }


def predictions_on(predictor: Predictor, split: str) -> SplitPredictions | None:
    """The predictions on a split, as `SeedSamples` takes it; None where it was not evaluated."""
    splits = predictor.predictions
    if split == "both":
        return _joined(*splits.values()) if len(splits) == 2 else None
    name = split.removeprefix(STRICTLY).removeprefix(DEDUPLICATED)
    predictions = splits.get(name)
    if predictions is None or name == split:
        return predictions
    return _deduplicated(predictions, name, split.startswith(STRICTLY))


@functools.lru_cache(maxsize=256)
def _joined(*splits: SplitPredictions) -> SplitPredictions:
    names = ("logits", "labels", "hashes")
    return SplitPredictions(
        *(np.concatenate([getattr(split, name) for split in splits]) for name in names)
    )


@functools.lru_cache(maxsize=256)
def _deduplicated(predictions: SplitPredictions, split: str, near: bool) -> SplitPredictions:
    return without_leakage(predictions, split, near)


@functools.lru_cache(maxsize=512)
def _resampled_scores(predictions: SplitPredictions) -> dict[str, np.ndarray]:
    """Each measure on 2,000 resamples, kept, as a page compares the same runs in several ways."""
    (confusions,) = bootstrap_confusions(predictions)
    scores = confusion_scores(confusions)
    return {name: scores[name] for name in ("accuracy", "balanced_accuracy", "macro_f1")}


def headline_table(
    runs: Mapping[str, list[Predictor]],
    split: str,
    measure: str = "accuracy",
    pool: Iterable[Run] = (),
) -> pd.DataFrame:
    """The mean over seeds of a measure, one row per experiment.

    Args:
        runs: the runs of each experiment by title.
        split, measure: as `SeedSamples`.
        pool: runs of further experiments; the variance across seeds of those of the same budget is
            pooled with that of `runs`. With all recorded runs, a model has the same interval in
            every table.

    Returns:
        `model`, `seeds` (how many), and under the name `<split>_<measure>` the mean, its standard
        deviation across these seeds (`…_sd`, NaN for one seed), and the limits `…_low` and `…_high`
        of its 95 % interval over images and seeds; NaN where nothing is recorded.
    """
    samples = SeedSamples(runs, split, measure, same_budget(pool, runs) if pool else ())
    column, rows = f"{split}_{measure}", []
    for title in runs:
        values = samples.values.get(title, np.array([]))
        row = {"model": title, "seeds": len(values)}
        if len(values):
            estimate = samples.mean(title)
            low, high = estimate.interval
            sd = values.std(ddof=1) if len(values) > 1 else np.nan
            row |= {column: estimate.value, f"{column}_sd": sd}
            row |= {f"{column}_low": low, f"{column}_high": high}
        rows.append(row)
    columns = ["model", "seeds", *(column + end for end in ("", "_sd", "_low", "_high"))]
    return pd.DataFrame(rows, columns=columns)


def compare_experiments(
    runs: Iterable[Run],
    pairs: Iterable[tuple[str, str]],
    split: str,
    measure: str = "accuracy",
    variances: SeedVariances = seed_variances,
) -> pd.DataFrame:
    """Differences of experiments from their baselines, decided as one family.

    A difference is called so where its p-value, corrected by Holm for all pairs of the family, is
    at most 5 %. The 95 % intervals of the single differences are not corrected. The variance across
    seeds is pooled over all runs of the same budget: experiments of at most 20 epochs, or longer. A
    pair with one seed of a network gets no verdict, and does not count in the family.

    Args:
        runs: finished runs, of these and of other experiments.
        pairs: (experiment, baseline) by name.
        split, measure, variances: as `SeedSamples`.

    Returns:
        One row per pair: `experiment`, `baseline`, `seeds` and `baseline_seeds` (how many),
        `<measure>_difference` with the limits `_low` and `_high` of its 95 % interval over images
        and seeds, `holm_p_value`, and `verdict` on whether the experiment raises the measure. Where
        one of the two is not recorded the numbers are NaN and the verdict is `NOT_RECORDED`; with
        one seed the p-value is NaN and the verdict is `ONE_SEED`.
    """
    runs, pairs = list(runs), list(pairs)
    names = dict.fromkeys(name for pair in pairs for name in pair)
    by_name = {name: [run for run in runs if run.name == name] for name in names}
    samples = SeedSamples(by_name, split, measure, same_budget(runs, by_name), variances)
    seeds = {name: len(samples.values.get(name, ())) for name in names}
    rows = [(*pair, *map(seeds.get, pair)) for pair in pairs]
    # HOG's regression is deterministic: it has no seeds to vary.
    tested = [all(seeds[name] > 1 for name in pair if name != HOG) for pair in pairs]
    table = pd.DataFrame(rows, columns=["experiment", "baseline", "seeds", "baseline_seeds"])
    differences = [samples.difference(*pair) for pair in pairs]
    return table.join(decide_family(differences, measure, tested))
