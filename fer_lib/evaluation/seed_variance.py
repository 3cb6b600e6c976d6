"""Intervals that hold both sources of variance: that of the test images and that of the seeds.

An accuracy varies with the images that it is measured on and with the seed that a network is
trained with. Resampling images (`bootstrap`) covers the first source only, and resampling two to
five seeds would understate the second. The two variances are therefore added:

- of the images: the covariance, over bootstrap resamples of the images, of two networks that
  differ in their seed only. The variance of one network would count its own deviations on single
  images, too, which the variance across seeds already holds.
- of the seeds: s²/n of n seeds, with the standard deviation s pooled over experiments, as few seeds
  each say little alone. An experiment that varies far more than the rest has its own.

The interval is that of Student's t. Only the variance of the seeds is estimated from few values, so
the degrees of freedom are those of Satterthwaite (1946): the squared total variance over the sum of
v²/ν, for each variance v of seeds with ν degrees of freedom.
`benchmarks/interval_coverage.py` measures its coverage by a simulation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import fdtrc, stdtr, stdtrit  # scipy.stats takes half a second to import

from fer_lib.evaluation.bootstrap import CONFIDENCE_LEVEL

UNSTABLE_LEVEL = 0.05  # of the test whether an experiment varies more than the rest
POWER = 0.8  # of the smallest difference that is called detectable


@dataclass(frozen=True)
class SeedVariance:
    """The variance across seeds, of one experiment or pooled over several.

    Attributes:
        sd: the standard deviation, in the unit of the measure; NaN without any two seeds.
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
        margin = self.standard_error * stdtrit(self.degrees_of_freedom, (1 + CONFIDENCE_LEVEL) / 2)
        return self.value - margin, self.value + margin

    @property
    def p_value(self) -> float:
        """The two-sided p-value of a difference of zero; without any variance, 1 or 0."""
        if self.standard_error == 0:
            return float(self.value == 0)
        return float(2 * stdtr(self.degrees_of_freedom, -abs(self.value) / self.standard_error))


class FTest(NamedTuple):
    """An F test: the ratio of two variances, the degrees of freedom of both, and the p-value."""

    ratio: float
    degrees_of_freedom: tuple[int, int]
    p_value: float


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


def seed_variances(groups: Mapping[str, Sequence[float]]) -> dict[str, SeedVariance]:
    """The variance across seeds of each experiment: the pooled one, or its own if it is unstable.

    An experiment is unstable if its sample variance is larger than the pooled one of the rest, by
    a one-sided F test at 5 %, corrected by Bonferroni for the number of experiments. The most
    unstable is taken out first, and the rest tested again.

    Args:
        groups: the values of a measure with each seed, by experiment. An experiment of one value
            has the pooled variance.

    >>> variances = seed_variances({"a": (0.60, 0.61), "b": (0.5, 0.51, 0.52), "c": (0.4, 0.9)})
    >>> round(variances["a"].sd, 4), round(variances["c"].sd, 4)
    (0.0091, 0.3536)
    """
    own, pooled = {}, dict(groups)
    tested = sum(len(values) > 1 for values in groups.values())
    while True:
        p_values = {name: instability_test(name, pooled).p_value for name in pooled}
        name = min(p_values, key=p_values.get, default=None)
        if name is None or p_values[name] * tested > UNSTABLE_LEVEL:
            break
        own[name] = pooled_seed_variance([pooled.pop(name)])
    shared = pooled_seed_variance(pooled.values())
    return {name: own.get(name, shared) for name in groups}


def shared_seed_variance(groups: Mapping[str, Sequence[float]]) -> dict[str, SeedVariance]:
    """The variance across seeds pooled over all experiments, an unstable one included.

    Args:
        groups: as `seed_variances`.

    Returns:
        The same variance for each experiment.

    >>> variances = shared_seed_variance({"a": (0.60, 0.62), "b": (0.5, 0.9)})
    >>> round(variances["a"].sd, 4), variances["a"] == variances["b"]
    (0.2002, True)
    """
    return dict.fromkeys(groups, pooled_seed_variance(groups.values()))


def instability_test(name: str, groups: Mapping[str, Sequence[float]]) -> FTest:
    """Test whether the variance across seeds of an experiment is larger than that of the rest.

    Args:
        name: the experiment.
        groups: the values of a measure with each seed, by experiment.

    Returns:
        A one-sided test, not corrected; its p-value is 1 where one of the variances is unknown.
    """
    one = pooled_seed_variance([groups[name]])
    rest = pooled_seed_variance(values for key, values in groups.items() if key != name)
    degrees = (one.degrees_of_freedom, rest.degrees_of_freedom)
    if not one.degrees_of_freedom or not rest.sd > 0:
        return FTest(np.nan, degrees, 1.0)
    ratio = (one.sd / rest.sd) ** 2
    return FTest(ratio, degrees, float(fdtrc(*degrees, ratio)))


def total_mean(values: np.ndarray, resampled: np.ndarray, seeds: SeedVariance) -> TotalEstimate:
    """The mean of a measure over the n seeds of an experiment.

    Args:
        values: of each seed, [n].
        resampled: of each seed on the same k bootstrap resamples of the images, [n, k].
        seeds: the variance across seeds.
    """
    return _estimate(np.mean(values), image_variance(resampled), {seeds: 1 / len(values)})


def total_difference(
    values: tuple[np.ndarray, np.ndarray],
    resampled: tuple[np.ndarray, np.ndarray],
    seeds: tuple[SeedVariance, SeedVariance],
) -> TotalEstimate:
    """The difference of two experiments' means over their n and m seeds, on the same images.

    Args:
        values: of each seed, ([n], [m]).
        resampled: of each seed on the same k bootstrap resamples of the images, ([n, k], [m, k]).
        seeds: the variance across seeds of each; the same one twice where it is pooled.
    """
    a, b = resampled
    variance = image_variance(a) + image_variance(b) - 2 * image_covariance(a, b)
    shares = dict.fromkeys(seeds, 0.0)
    for each, group in zip(seeds, values, strict=True):
        shares[each] += 1 / len(group)
    return _estimate(np.mean(values[0]) - np.mean(values[1]), max(variance, 0.0), shares)


def image_variance(resampled: np.ndarray) -> float:
    """The variance of the images, which the seeds of an experiment share.

    It is the mean covariance of two different seeds; of a single seed its variance, which is more.

    Args:
        resampled: of each seed on the same k bootstrap resamples of the images, [n, k].
    """
    covariance = np.atleast_2d(np.cov(resampled))
    n = len(covariance)
    off_diagonal = covariance.sum() - covariance.trace()
    return float(off_diagonal / (n * (n - 1)) if n > 1 else covariance[0, 0])


def image_covariance(a: np.ndarray, b: np.ndarray) -> float:
    """The mean covariance of a network of one experiment and a network of another.

    Args:
        a, b: of each seed on the same k bootstrap resamples of the images, [n, k] and [m, k].
    """
    return float(np.cov(a, b)[: len(a), len(a) :].mean())


def detectable_difference(
    image_variance: float, seeds: SeedVariance, n: float, level: float = 1 - CONFIDENCE_LEVEL
) -> float:
    """The smallest true difference of two experiments that a test detects with a power of 80 %.

    It is (t₀ + t₁) times the standard error of the difference, where t₀ and t₁ are the quantiles
    of Student's t at 1 − `level`/2 and at the power.

    Args:
        image_variance: of the difference, c_A + c_B − 2 c_AB; 0 where its estimate is negative.
        seeds: the variance across seeds of both experiments.
        n: the seeds of each experiment; `inf` for a variance of the images only.
        level: of the two-sided test, such as 5 % divided by the comparisons of a family.

    >>> round(detectable_difference(0.0, SeedVariance(0.01, 1_000_000), 2), 4)  # 1.96 + 0.84 errors
    0.028
    """
    spread = _estimate(0.0, max(image_variance, 0.0), {seeds: 2 / n})
    quantiles = stdtrit(spread.degrees_of_freedom, [1 - level / 2, POWER])
    return float(quantiles.sum() * spread.standard_error)


def _estimate(
    value: float, image_variance: float, seeds: Mapping[SeedVariance, float]
) -> TotalEstimate:
    """Add the variances: of the images, and those across seeds with their factors, such as 1/n."""
    parts = [(each.sd**2 * factor, each.degrees_of_freedom) for each, factor in seeds.items()]
    variance = image_variance + sum(part for part, _ in parts)
    uncertain = sum(part**2 / freedom if freedom else np.nan for part, freedom in parts)
    freedom = variance**2 / uncertain if uncertain else np.inf
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
