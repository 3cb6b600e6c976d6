"""Intervals that hold both sources of variance: that of the test images and that of the seeds.

An accuracy varies with the images that it is measured on and with the seed that a network is
trained with. Resampling images (`bootstrap`) covers the first source only, and resampling two to
five seeds would understate the second. The two variances are therefore added:

- of the images: the covariance, over bootstrap resamples of the images, of two networks that
  differ in their seed only. The variance of one network would count its own deviations on single
  images, too, which the variance across seeds already holds.
- of the seeds: s²/n of n seeds, with the standard deviation s pooled over experiments.

The interval is that of Student's t. Only the second variance is estimated from few values, so the
degrees of freedom are those of Satterthwaite (1946): the pooled ones times the squared ratio of the
total variance to that of the seeds.
`benchmarks/interval_coverage.py` measures its coverage by a simulation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from fer_lib.evaluation.bootstrap import CONFIDENCE_LEVEL


@dataclass(frozen=True)
class SeedVariance:
    """The variance across seeds, pooled over experiments.

    Attributes:
        sd: the pooled standard deviation, in the unit of the measure; NaN without any two seeds.
        degrees_of_freedom: of `sd`: the number of runs minus the number of experiments.
    """

    sd: float
    degrees_of_freedom: int


@dataclass(frozen=True)
class TotalEstimate:
    """A mean over seeds, or a difference of two, with its variance of images and seeds.

    Attributes:
        value: the estimate.
        standard_error: of images and seeds together.
        degrees_of_freedom: of Student's t, by Satterthwaite.
    """

    value: float
    standard_error: float
    degrees_of_freedom: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval (low, high); NaN where the variance across seeds is unknown."""
        margin = self.standard_error * t.ppf((1 + CONFIDENCE_LEVEL) / 2, self.degrees_of_freedom)
        return self.value - margin, self.value + margin

    @property
    def p_value(self) -> float:
        """The two-sided p-value of a difference of zero; 1 where all predictions are the same."""
        if self.value == self.standard_error == 0:
            return 1.0
        return float(2 * t.sf(abs(self.value) / self.standard_error, self.degrees_of_freedom))


def pooled_seed_variance(groups: Iterable[Sequence[float]]) -> SeedVariance:
    """Pool the variance across seeds over experiments.

    Args:
        groups: the values of a measure with each seed, one group per experiment. A group of one
            value has no variance and adds no degree of freedom.

    Returns:
        The square root of the mean of the groups' sample variances, weighted by their degrees of
        freedom n − 1.

    >>> pooled = pooled_seed_variance([(0.70, 0.72), (0.60, 0.61, 0.62), (0.5,)])
    >>> round(pooled.sd, 4), pooled.degrees_of_freedom
    (0.0115, 3)
    """
    groups = [np.asarray(group, dtype=float) for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in groups)
    squares = sum(((group - group.mean()) ** 2).sum() for group in groups)
    return SeedVariance(float(np.sqrt(squares / freedom)) if freedom else np.nan, freedom)


def total_mean(values: np.ndarray, resampled: np.ndarray, seeds: SeedVariance) -> TotalEstimate:
    """The mean of a measure over the n seeds of an experiment.

    Args:
        values: of each seed, [n].
        resampled: of each seed on the same k bootstrap resamples of the images, [n, k].
        seeds: the pooled variance across seeds.
    """
    return _estimate(np.mean(values), _shared_variance(resampled), seeds, (len(values),))


def total_difference(
    values: tuple[np.ndarray, np.ndarray],
    resampled: tuple[np.ndarray, np.ndarray],
    seeds: SeedVariance,
) -> TotalEstimate:
    """The difference of two experiments' means over their n and m seeds, on the same images.

    Args:
        values: of each seed, ([n], [m]).
        resampled: of each seed on the same k bootstrap resamples of the images, ([n, k], [m, k]).
        seeds: the pooled variance across seeds.
    """
    a, b = resampled
    between = np.cov(a, b)[: len(a), len(a) :].mean()
    variance = _shared_variance(a) + _shared_variance(b) - 2 * between
    counts = tuple(map(len, values))
    return _estimate(np.mean(values[0]) - np.mean(values[1]), max(variance, 0.0), seeds, counts)


def _shared_variance(resampled: np.ndarray) -> float:
    """The mean covariance of two different seeds; of a single seed its variance, which is more."""
    covariance = np.atleast_2d(np.cov(resampled))
    n = len(covariance)
    off_diagonal = covariance.sum() - covariance.trace()
    return float(off_diagonal / (n * (n - 1)) if n > 1 else covariance[0, 0])


def _estimate(
    value: float, image_variance: float, seeds: SeedVariance, counts: tuple[int, ...]
) -> TotalEstimate:
    seed_variance = seeds.sd**2 * sum(1 / n for n in counts)
    variance = image_variance + seed_variance
    ratio = variance / seed_variance if seed_variance else np.inf
    freedom = seeds.degrees_of_freedom * ratio**2
    return TotalEstimate(float(value), float(np.sqrt(variance)), float(freedom))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjust the p-values of a family of comparisons (Holm 1979), float64 [n].

    A comparison is significant at level α if its adjusted p-value is at most α. NaN stays NaN and
    does not count.

    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)  # NaN last
    n = np.count_nonzero(~np.isnan(p))
    factors = np.maximum(n - np.arange(len(p)), 1)
    result = np.empty(len(p))
    result[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1)
    return result
