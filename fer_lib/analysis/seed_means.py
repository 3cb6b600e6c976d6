"""Accuracy of models as the mean over their recorded seeds, and their size."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from fer_lib.analysis.headline import SeedSamples, same_budget
from fer_lib.runs.predictions import Predictor
from fer_lib.runs.run import Run


class SeedMean(NamedTuple):
    """Accuracy over the recorded seeds of a model; NaN where it is not recorded.

    The `mean` over the seeds, their sample standard deviation `sd` (NaN for one seed), the limits
    `low` and `high` of the mean's 95 % interval over images and seeds, and the accuracy of each of
    the `seeds`.
    """

    mean: float = np.nan
    sd: float = np.nan
    low: float = np.nan
    high: float = np.nan
    seeds: tuple[float, ...] = ()


def seed_means(
    models: Mapping[str, list[Predictor]],
    split: str = "private_test",
    pool: Iterable[Run] = (),
) -> dict[str, SeedMean]:
    """Mean accuracy of each model, as `analysis.headline` computes it.

    Args:
        models: the seeds of each model by title; a list may be empty. An ensemble counts as a model
            of one seed.
        split: as `SeedSamples` takes it, `private_test` or `deduplicated_private_test`.
        pool: as `analysis.headline.headline_table` takes it.
    """
    samples, means = SeedSamples(models, split, pool=same_budget(pool, models)), {}
    for title in models:
        values = samples.values.get(title, np.array([]))
        if not len(values):
            means[title] = SeedMean()
            continue
        mean = samples.mean(title)
        sd = values.std(ddof=1) if len(values) > 1 else np.nan
        means[title] = SeedMean(mean.value, float(sd), *mean.interval, tuple(values.tolist()))
    return means


def parameters(predictors: list[Predictor]) -> float:
    """Trained numbers of a model, from the configuration of its first run; NaN where unknown."""
    for run in predictors:
        members = getattr(run, "members", (run,))
        sizes = [member.config.get("parameters") for member in members]
        if None not in sizes:
            return float(sum(sizes))
    return np.nan
