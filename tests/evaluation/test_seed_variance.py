import numpy as np
import pytest
from scipy import stats

from fer_lib.evaluation.seed_variance import (
    SeedVariance,
    TotalEstimate,
    detectable_difference,
    holm,
    image_covariance,
    image_variance,
    instability_test,
    pooled_seed_variance,
    seed_variances,
    shared_seed_variance,
    total_difference,
    total_mean,
)


def test_pooled_variance_by_hand():
    # Squared deviations 2 and 2 + 0 + 2 over (2 - 1) + (3 - 1) degrees of freedom.
    pooled = pooled_seed_variance([(1.0, 3.0), (2 - 2**0.5, 2, 2 + 2**0.5), (9.0,)])
    assert pooled.sd == pytest.approx(((2 + 4) / 3) ** 0.5)
    assert pooled.degrees_of_freedom == 3


def test_single_runs_say_nothing_of_the_seeds():
    pooled = pooled_seed_variance([(0.7,), (0.6,)])
    assert np.isnan(pooled.sd) and pooled.degrees_of_freedom == 0
    estimate = total_mean(np.array([0.7]), np.array([[0.69, 0.71]]), pooled)
    assert np.isnan(estimate.interval).all()


def test_a_mean_adds_the_covariance_of_two_seeds_and_the_pooled_variance():
    resampled = np.array([[1.0, 3.0, 5.0], [2.0, 3.0, 7.0]])
    covariance = ((-2) * (-2) + 0 * (-1) + 2 * 3) / 2  # of the rows, by hand
    estimate = total_mean(np.array([0.6, 0.8]), resampled, SeedVariance(2.0, 4))
    assert estimate.value == pytest.approx(0.7)
    assert estimate.standard_error == pytest.approx((covariance + 2.0**2 / 2) ** 0.5)


def test_a_mean_of_three_seeds_takes_the_mean_of_their_covariances():
    # Deviations (−2, 0, 2), (−2, −1, 3) and (−1, −1, 2): covariances 5, 3 and 4.5.
    resampled = np.array([[1.0, 3.0, 5.0], [2.0, 3.0, 7.0], [1.0, 1.0, 4.0]])
    estimate = total_mean(np.array([0.6, 0.8, 1.0]), resampled, SeedVariance(3.0, 4))
    assert estimate.standard_error == pytest.approx(((5 + 3 + 4.5) / 3 + 9 / 3) ** 0.5)


def test_seeds_that_do_not_vary_leave_the_interval_of_the_images():
    estimate = total_mean(np.array([0.6]), np.array([[1.0, 3.0, 5.0]]), SeedVariance(0.0, 4))
    assert estimate.degrees_of_freedom == np.inf
    assert estimate.interval == pytest.approx(stats.norm.interval(0.95, loc=0.6, scale=2))
    assert TotalEstimate(0.0, 0.0, np.inf).p_value == 1


def test_a_single_seed_keeps_the_whole_variance_of_its_images():
    resampled = np.array([[1.0, 3.0, 5.0]])
    estimate = total_mean(np.array([0.6]), resampled, SeedVariance(1.0, 4))
    assert estimate.standard_error == pytest.approx((4 + 1) ** 0.5)


def test_a_difference_on_the_same_images_by_hand():
    a = np.array([[1.0, 3.0, 5.0], [2.0, 3.0, 7.0]])
    b = np.array([[1.0, 2.0, 3.0]])
    shared = 5 + 1 - 2 * np.mean([np.cov(row, b[0])[0, 1] for row in a])
    values, pooled, own = (np.array([0.6, 0.8]), np.array([0.5])), SeedVariance(3.0, 4), 2.0
    estimate = total_difference(values, (a, b), (pooled, pooled))
    variance = max(shared, 0) + 9 * (1 / 2 + 1)
    assert estimate.value == pytest.approx(0.2)
    assert estimate.standard_error == pytest.approx(variance**0.5)
    assert estimate.degrees_of_freedom == pytest.approx(variance**2 / (13.5**2 / 4))
    # The first experiment has a standard deviation of its own, of one degree of freedom.
    estimate = total_difference(values, (a, b), (SeedVariance(own, 1), pooled))
    variance = max(shared, 0) + own**2 / 2 + 9
    assert estimate.standard_error == pytest.approx(variance**0.5)
    assert estimate.degrees_of_freedom == pytest.approx(variance**2 / (2**2 / 1 + 9**2 / 4))


def test_an_unstable_experiment_has_its_own_variance():
    groups = {"a": (0.60, 0.61), "b": (0.50, 0.51, 0.52), "c": (0.4, 0.9), "d": (0.7,)}
    variances = seed_variances(groups)
    assert variances["c"] == pooled_seed_variance([groups["c"]])
    shared = pooled_seed_variance([groups["a"], groups["b"]])
    assert variances["a"] == variances["b"] == variances["d"] == shared


def test_an_ordinary_spread_is_pooled():
    # F = (0.03 / 0.01)² = 9 with 1 and 4 degrees of freedom: p = .04, and .12 corrected.
    groups = {"a": (0.0, 0.03 * 2**0.5), "b": (0.0, 0.01, 0.02), "c": (0.5, 0.51, 0.52)}
    assert stats.f.sf(9, 1, 4) == pytest.approx(0.04, abs=1e-3)
    assert set(seed_variances(groups).values()) == {pooled_seed_variance(groups.values())}


@pytest.mark.parametrize(("p_value", "unstable"), [(0.02, True), (0.04, False)])
def test_the_correction_counts_the_experiments_with_several_seeds(p_value, unstable):
    """Of three experiments two have several: 5 % is shared by these two."""
    sd = 0.01 * stats.f.isf(p_value, 1, 2) ** 0.5
    groups = {"a": (0.0, sd * 2**0.5), "b": (0.0, 0.01, 0.02), "one seed": (0.7,)}
    own = pooled_seed_variance([groups["a"]])
    assert (seed_variances(groups)["a"] == own) == unstable


def test_the_instability_test_is_a_one_sided_f_test():
    groups = {"a": (0.0, 6.0), "b": (0.0, 2.0), "c": (1.0, 2.0, 3.0)}
    ratio, degrees, p_value = instability_test("a", groups)
    assert (ratio, degrees) == (pytest.approx(18 / ((2 + 2) / 3)), (1, 3))
    assert p_value == pytest.approx(stats.f.sf(ratio, *degrees))
    ratio, degrees, p_value = instability_test("alone", {"alone": (0.0, 6.0)})
    assert np.isnan(ratio) and (degrees, p_value) == ((1, 0), 1)


def test_two_unstable_experiments_are_both_taken_out():
    stable = {str(i): (0.0, 0.01, 0.02) for i in range(10)}
    variances = seed_variances({**stable, "c": (0.1, 0.9), "d": (0.3, 0.5)})
    assert variances["c"].sd == pytest.approx(0.8 / 2**0.5)
    assert variances["d"].sd == pytest.approx(0.2 / 2**0.5)
    assert variances["0"].sd == pytest.approx(0.01)


def test_without_two_seeds_of_any_experiment_the_variance_is_unknown():
    assert np.isnan(seed_variances({"a": (0.5,), "b": (0.6,)})["a"].sd)
    assert seed_variances({}) == {}


def test_interval_and_p_value_are_those_of_student_and_satterthwaite():
    estimate = total_mean(np.array([0.6]), np.array([[0.0, 2.0]]), SeedVariance(1.0, 4))
    freedom = 4 * (3 / 1) ** 2  # variances 2 of the images and 1 of the seed
    assert estimate.degrees_of_freedom == pytest.approx(freedom)
    low, high = stats.t.interval(0.95, freedom, loc=0.6, scale=3**0.5)
    assert estimate.interval == pytest.approx((low, high))
    assert [TotalEstimate(value, 0.0, 10).p_value for value in (0.0, 0.3)] == [1, 0]
    two_sided = TotalEstimate(2.0, 1.0, 10)
    assert two_sided.p_value == pytest.approx(2 * (1 - stats.t.cdf(2, 10)))


def test_image_variance_and_covariance_by_hand():
    # Deviations (−2, 0, 2), (−2, −1, 3) and, of the other experiment, (−1, 0, 1).
    a, b = np.array([[1.0, 3.0, 5.0], [2.0, 3.0, 7.0]]), np.array([[1.0, 2.0, 3.0]])
    assert image_variance(a) == pytest.approx((4 + 0 + 6) / 2)
    assert image_variance(b) == pytest.approx((1 + 1) / 2)
    assert image_covariance(a, b) == pytest.approx(((2 + 2) / 2 + (2 + 3) / 2) / 2)


def test_a_shared_variance_includes_an_unstable_experiment():
    groups = {"a": (0.60, 0.61), "b": (0.50, 0.51, 0.52), "c": (0.4, 0.9)}
    pooled = shared_seed_variance(groups)
    # Squared deviations 0.00005, 0.0002 and 0.125 over 1 + 2 + 1 degrees of freedom.
    assert pooled["a"].sd == pytest.approx((0.12525 / 4) ** 0.5)
    assert pooled["a"] == pooled["b"] == pooled["c"] != seed_variances(groups)["c"]


def test_the_detectable_difference_by_hand():
    seeds = SeedVariance(0.01, 10)
    # Without a variance of the images, the error is 0.01 √(2/2), and t has 10 degrees of freedom.
    assert detectable_difference(0.0, seeds, 2) == pytest.approx(0.01 * (2.228 + 0.879), abs=1e-5)
    strict = detectable_difference(0.0, seeds, 2, level=0.01)
    assert strict == pytest.approx(0.01 * (3.169 + 0.879), abs=1e-5)
    # With 0.0003 of the images, the error is 0.02, and t has 10 · 4² degrees of freedom.
    with_images = detectable_difference(3e-4, seeds, 2)
    assert with_images == pytest.approx(0.02 * (1.975 + 0.844), abs=2e-5)
    # Any number of seeds leaves the images, and the normal distribution.
    without_seeds = detectable_difference(4e-4, seeds, np.inf)
    assert without_seeds == pytest.approx(0.02 * (1.960 + 0.842), abs=2e-5)


def test_an_image_variance_estimated_below_zero_counts_as_none():
    seeds = SeedVariance(0.01, 10)
    assert detectable_difference(-1e-6, seeds, 2) == detectable_difference(0.0, seeds, 2)


def test_holm_by_hand():
    np.testing.assert_allclose(
        holm([0.01, 0.04, np.nan, 0.03, 0.9]), [0.04, 0.09, np.nan, 0.09, 0.9]
    )
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("n", [2, 3, 5])
def test_coverage_of_a_known_truth(n):
    """Of 600 simulated differences some 95 % of the intervals hold the truth."""
    random, images, held = np.random.default_rng(n), 400, 0
    for _ in range(600):
        difficulty = random.normal(size=images)
        noise = random.normal(size=(4, n, images))
        shift = 0.15 * random.normal(size=(4, n, 1))
        correct = (0.5 + difficulty + shift + 0.4 * noise > 0).astype(float)
        counts = random.multinomial(images, np.full(images, 1 / images), size=100)
        values, resampled = correct.mean(axis=2), correct[:2] @ (counts.T / images)
        seeds = pooled_seed_variance(values)
        low, high = total_difference(tuple(values[:2]), tuple(resampled), (seeds, seeds)).interval
        held += low <= 0 <= high
    assert 0.93 <= held / 600 <= 0.975
