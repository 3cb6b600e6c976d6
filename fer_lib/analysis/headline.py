"""The headline accuracies: mean over seeds, with an interval that covers images and seeds."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from fer_lib.analysis.leakage import without_leakage
from fer_lib.experiments import PRIVATE_TEST_EXPERIMENTS
from fer_lib.runs.predictions import Predictor, SplitPredictions
from fer_lib.runs.store import find_runs

_NORMAL_97_5 = 1.959964  # the 97.5 % quantile of the normal distribution


class SeedMean(NamedTuple):
    """Accuracy over the recorded seeds of a model; NaN where it is not recorded.

    Attributes:
        mean: over the seeds.
        sd: the sample standard deviation over them, NaN for one seed.
        low, high: the 95 % interval of the mean.
        seeds: the accuracy of each.
    """

    mean: float = np.nan
    sd: float = np.nan
    low: float = np.nan
    high: float = np.nan
    seeds: tuple[float, ...] = ()


def seed_mean(
    predictors: list[Predictor],
    split: str = "private_test",
    deduplicated: bool = False,
    seed_variance: float = 0.0,
) -> SeedMean:
    """Mean accuracy of the seeds of one model, with a 95 % interval over images and seeds.

    The variance of the mean is that of the images, from the share of the seeds that classify each
    image correctly, plus that of the seeds, s²/n. The interval is the normal one.

    Args:
        predictors: one per seed, evaluated on the same images.
        split: `public_test` or `private_test`.
        deduplicated: leave out the images that also occur in Training.
        seed_variance: s², the variance of the accuracy across seeds; see `pooled_seed_variance`.
    """
    splits = [p.predictions[split] for p in predictors if split in p.predictions]
    if not splits:
        return SeedMean()
    if deduplicated:
        splits = [without_leakage(each, split) for each in splits]
    correct = np.stack([_correct_in_order(each) for each in splits])
    accuracies = correct.mean(axis=1)
    of_images = correct.mean(axis=0).var(ddof=1) / correct.shape[1]
    half_width = _NORMAL_97_5 * np.sqrt(of_images + seed_variance / len(splits))
    mean = float(accuracies.mean())
    return SeedMean(
        mean,
        float(accuracies.std(ddof=1)) if len(splits) > 1 else np.nan,
        mean - float(half_width),
        mean + float(half_width),
        tuple(map(float, accuracies)),
    )


def _correct_in_order(predictions: SplitPredictions) -> np.ndarray:
    return predictions.correct[predictions.order]


def pooled_seed_variance(root: Path, split: str = "private_test") -> float:
    """The variance of accuracy across seeds, pooled over the models that have several seeds.

    Args:
        root: the folder of the runs; the experiments evaluated on PrivateTest are pooled.

    Returns:
        0 where no experiment has two seeds.
    """
    squares = degrees = 0.0
    for name in PRIVATE_TEST_EXPERIMENTS:
        runs = [run for run in find_runs(root, name) if split in run.metrics]
        accuracies = np.array([run.metrics[split]["accuracy"] for run in runs])
        if len(accuracies) > 1:
            squares += ((accuracies - accuracies.mean()) ** 2).sum()
            degrees += len(accuracies) - 1
    return float(squares / degrees) if degrees else 0.0


def parameters(predictors: list[Predictor]) -> float:
    """Trained numbers of a model, from the configuration of its first run; NaN where unknown."""
    for run in predictors:
        members = getattr(run, "members", (run,))
        sizes = [member.config.get("parameters") for member in members]
        if None not in sizes:
            return float(sum(sizes))
    return np.nan
