import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn import calibration as sk_calibration
from sklearn.metrics import brier_score_loss, log_loss

from fer_lib.evaluation.calibration import (
    BINS,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    nll,
    reliability_bins,
    selective_accuracy,
)
from fer_lib.runs.predictions import softmax


@pytest.fixture(scope="module")
def answers():
    """Logits that know the label often, and are too sure of it."""
    draws = np.random.default_rng(0)
    labels = draws.integers(0, 7, 2000)
    return (3 * draws.normal(size=(2000, 7)) + 4 * np.eye(7)[labels]).astype(np.float32), labels


def test_nll_and_brier_are_those_of_scikit_learn(answers):
    logits, labels = answers
    p = softmax(logits)
    assert nll(logits, labels) == pytest.approx(log_loss(labels, p))
    by_class = sum(brier_score_loss(labels == k, p[:, k]) for k in range(7))
    assert brier_score(logits, labels) == pytest.approx(by_class)


def test_against_a_distribution_by_hand():
    logits = np.log([[0.5, 0.25, 0.25]])
    votes = np.array([[0.5, 0.5, 0.0]])
    assert nll(logits, votes) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(4))
    assert brier_score(logits, votes) == pytest.approx(2 * 0.25**2)


def test_reliability_is_that_of_scikit_learn(answers):
    logits, labels = answers
    p = softmax(logits)
    bins = reliability_bins(logits, labels)
    right = p.argmax(axis=1) == labels
    share, sure = sk_calibration.calibration_curve(right, p.max(axis=1), n_bins=BINS)
    filled = bins["count"] > 0
    np.testing.assert_allclose(bins["accuracy"][filled], share)
    np.testing.assert_allclose(bins["confidence"][filled], sure)
    assert bins["count"].sum() == len(labels)


def test_the_calibration_error_by_hand():
    # Three answers at 0.9, one of them wrong; one at 0.5, right: 3/4 |0.9 − 2/3| + 1/4 |0.5 − 1|.
    logits = np.log([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.5 + 1e-9, 0.5 - 1e-9]])
    assert expected_calibration_error(logits, np.array([0, 0, 1, 0])) == pytest.approx(
        0.75 * (0.9 - 2 / 3) + 0.125
    )


def test_the_temperature_is_where_the_slope_vanishes(answers):
    logits, labels = answers

    def slope(t):  # of the likelihood in 1/T: the mean logit of the labels less that expected
        p = softmax(logits / t)
        return (logits[np.arange(len(labels)), labels] - (p * logits).sum(axis=1)).mean()

    found = fit_temperature(logits, labels)
    assert found > 1.5 and found == pytest.approx(brentq(slope, 0.1, 10), rel=1e-4)
    assert nll(logits / found, labels) < nll(logits, labels)


def test_coverage_by_hand():
    logits = np.log([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    share, accuracy = selective_accuracy(logits, np.array([1, 0, 0, 0]))
    np.testing.assert_allclose(share, [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(accuracy, [1, 1 / 2, 2 / 3, 1 / 2])
