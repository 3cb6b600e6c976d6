import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from fer_lib.evaluation.bootstrap import bootstrap_counts
from fer_lib.evaluation.calibration import (
    BINS,
    accuracy_at_coverage,
    brier_score,
    confidence_gap,
    confident_predictions,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability_bins,
    resampled_calibration_error,
    resampled_confidence_gap,
    resampled_confident_predictions,
    resampled_likelihood,
    resampled_selective_accuracy,
    selective_accuracy,
)
from fer_lib.runs.predictions import softmax


@pytest.fixture(scope="module")
def overconfident():
    """Logits that often favor the label, with too high a confidence."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 7, 2000)
    return (3 * random.normal(size=(2000, 7)) + 4 * np.eye(7)[labels]).astype(np.float32), labels


def test_likelihood_and_brier_score_agree_with_scikit_learn(overconfident):
    logits, labels = overconfident
    p = softmax(logits)
    assert negative_log_likelihood(logits, labels) == pytest.approx(log_loss(labels, p))
    by_class = sum(brier_score_loss(labels == k, p[:, k]) for k in range(7))
    assert brier_score(logits, labels) == pytest.approx(by_class)


def test_likelihood_and_brier_score_of_a_distribution_by_hand():
    logits = np.log([[0.5, 0.25, 0.25]])
    votes = np.array([[0.5, 0.5, 0.0]])
    expected = 0.5 * np.log(2) + 0.5 * np.log(4)
    assert negative_log_likelihood(logits, votes) == pytest.approx(expected)
    assert brier_score(logits, votes) == pytest.approx(2 * 0.25**2)


def test_the_likelihood_of_a_confident_model_is_computed_in_double_precision():
    logits = np.array([[20, 0]], np.float32)
    assert negative_log_likelihood(logits, np.array([0])) == pytest.approx(np.exp(-20), rel=1e-4)


@pytest.mark.filterwarnings("error")  # of empty bins
def test_reliability_bins_agree_with_scikit_learn(overconfident):
    logits, labels = overconfident
    p = softmax(logits)
    bins = reliability_bins(logits, labels)
    correct = p.argmax(axis=1) == labels
    accuracy, confidence = calibration_curve(correct, p.max(axis=1), n_bins=BINS)
    filled = bins["count"] > 0
    np.testing.assert_allclose(bins["accuracy"][filled], accuracy)
    np.testing.assert_allclose(bins["confidence"][filled], confidence)
    assert bins["count"].sum() == len(labels) and not filled.all()
    assert np.isnan(bins["accuracy"][~filled]).all()


def test_a_probability_of_one_is_in_the_last_bin():
    assert reliability_bins(np.array([[1000.0, 0.0]]), np.array([0]))["count"].tolist()[-1] == 1


def test_expected_calibration_error_by_hand():
    # Confidence 0.9 three times, once wrong; 0.5 once, correct: 3/4 |0.9 − 2/3| + 1/4 |0.5 − 1|.
    logits = np.log([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.5 + 1e-9, 0.5 - 1e-9]])
    labels = np.array([0, 0, 1, 0])
    expected = 0.75 * (0.9 - 2 / 3) + 0.25 * 0.5
    assert expected_calibration_error(logits, labels) == pytest.approx(expected)


def test_the_temperature_is_where_the_derivative_vanishes(overconfident):
    logits, labels = overconfident

    def derivative(t):  # of the log-likelihood in 1/T: the label's logit less the expected one
        p = softmax(logits / t)
        return (logits[np.arange(len(labels)), labels] - (p * logits).sum(axis=1)).mean()

    temperature = fit_temperature(logits, labels)
    assert temperature > 1.5
    assert temperature == pytest.approx(brentq(derivative, 0.1, 10), rel=1e-4)
    scaled, unscaled = (
        negative_log_likelihood(values, labels) for values in (logits / temperature, logits)
    )
    assert scaled < unscaled


def test_temperature_of_probabilities_by_hand():
    """Confidence 0.9, and three of four are right: odds of 9 become odds of 3 at T = 2."""
    probabilities, labels = np.array([[0.9, 0.1]] * 4), [0, 0, 0, 1]
    assert fit_temperature(np.log(probabilities), labels) == pytest.approx(2, rel=1e-8)
    votes = np.array([[0.75, 0.25]])
    assert fit_temperature(np.log([[0.9, 0.1]]), votes) == pytest.approx(2, rel=1e-8)


def test_calibration_needs_only_the_base_installation():
    code = """
import sys
from fer_lib.evaluation.calibration import expected_calibration_error, fit_temperature
fit_temperature([[0.0, -1.0], [0.0, -1.0]], [0, 1])
sys.exit(", ".join({"keras", "pandas", "scipy", "sklearn"} & sys.modules.keys()) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_temperature_of_logits_that_are_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        fit_temperature([[0.0, -np.inf], [0.0, -1.0]], [0, 1])


def test_selective_accuracy_by_hand():
    logits = np.log([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    coverage, accuracy = selective_accuracy(logits, np.array([1, 0, 0, 0]))
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(accuracy, [1, 1 / 2, 2 / 3, 1 / 2])


def test_equally_confident_images_are_covered_in_their_order():
    """Every second image is surer; of these the first fifty are right, and of the others all."""
    logits = np.tile([[2.0, 0.0], [1.0, 0.0]], (100, 1))
    labels = np.zeros(200, int)
    labels[100::2] = 1
    _, accuracy = selective_accuracy(logits, labels)
    right = np.repeat([1, 0, 1], [50, 50, 100]).cumsum()
    np.testing.assert_allclose(accuracy, right / np.arange(1, 201))


def test_accuracy_at_coverage_by_hand():
    logits = np.log([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    labels = np.array([0, 1, 0, 1])
    accuracies = [accuracy_at_coverage(logits, labels, c) for c in (0.25, 0.5, 0.6, 1.0)]
    assert accuracies == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])  # 0.6: three of four images


def test_confidence_gap_by_hand():
    logits = np.log([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    assert confidence_gap(logits, np.array([0, 1, 1, 0])) == pytest.approx(0.8 - 0.5)


@pytest.mark.parametrize(
    ("measure", "resampled"),
    [
        (expected_calibration_error, resampled_calibration_error),
        (confidence_gap, resampled_confidence_gap),
        (negative_log_likelihood, resampled_likelihood),
    ],
)
def test_resampled_measures_are_those_of_the_images_drawn(overconfident, measure, resampled):
    logits, labels = (values[:300] for values in overconfident)
    values = resampled(logits, labels)
    assert values.shape == (2000,)
    for draw in (0, 1999):
        drawn = np.repeat(np.arange(300), bootstrap_counts(300)[draw].astype(int))
        assert values[draw] == pytest.approx(measure(logits[drawn], labels[drawn]), rel=1e-4)


def test_resampled_selective_accuracy_is_that_of_the_images_drawn(overconfident):
    logits, labels = (values[:300] for values in overconfident)
    coverages = (1.0, 0.501, 0.1)
    values = resampled_selective_accuracy(logits, labels, coverages)
    assert values.shape == (2000, 3)
    for draw in range(0, 2000, 100):
        drawn = np.repeat(np.arange(300), bootstrap_counts(300)[draw].astype(int))
        expected = [accuracy_at_coverage(logits[drawn], labels[drawn], c) for c in coverages]
        assert values[draw] == pytest.approx(expected)


def test_confident_predictions_by_hand():
    logits = np.log([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.5, 0.5]])
    labels = np.array([0, 0, 1, 1])
    coverage, accuracy = confident_predictions(logits, labels, (0.5, 0.7, 0.95))
    assert coverage.tolist() == [1, 0.5, 0]
    assert accuracy[:2].tolist() == [0.5, 0.5]
    assert np.isnan(accuracy[2])
    coverage, precision = confident_predictions(logits, labels, (0.5, 0.7), predicted=1)
    assert (coverage.tolist(), precision.tolist()) == ([1, 0.5], [0.5, 0])
    coverage, precision = confident_predictions(logits, labels, (0.5,), predicted=7)
    assert np.isnan([*coverage, *precision]).all()


def test_confident_predictions_of_a_resample_are_those_of_its_images(overconfident):
    logits, labels = overconfident
    drawn = np.repeat(np.arange(len(labels)), bootstrap_counts(len(labels))[3].astype(int))
    for predicted in (None, 4):
        resampled = resampled_confident_predictions(logits, labels, (0.6, 0.9), predicted)
        expected = confident_predictions(logits[drawn], labels[drawn], (0.6, 0.9), predicted)
        np.testing.assert_allclose(resampled[3], expected, rtol=1e-5)
