"""Calibration of predicted probabilities, temperature scaling and selective prediction."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from fer_lib.runs.predictions import softmax

BINS = 15
_TEMPERATURE_BOUNDS = (0.05, 20.0)


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Compute the mean negative log-likelihood of the labels, in nats.

    Args:
        logits: float [n, classes].
        labels: integers [n], or one distribution over the classes per image, float [n, classes].
    """
    log_p = log_softmax(np.asarray(logits, np.float64), axis=1)
    return float(-(_targets(labels, logits.shape[1]) * log_p).sum(axis=1).mean())


def brier_score(logits: np.ndarray, labels: np.ndarray) -> float:
    """Compute the Brier score (Brier 1950), 0–2; smaller is better.

    The Brier score is the mean over images of the squared Euclidean distance between the
    probabilities and the target.

    Args:
        logits: float [n, classes].
        labels: integers [n], or one distribution over the classes per image, float [n, classes].
    """
    return float(((softmax(logits) - _targets(labels, logits.shape[1])) ** 2).sum(axis=1).mean())


def _targets(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes)[labels] if labels.ndim == 1 else labels


def reliability_bins(logits: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Compute accuracy by confidence in 15 bins of equal width.

    Confidence is the probability of the predicted class.

    Args:
        logits: float [n, classes].
        labels: integers [n].

    Returns:
        `count`, int [15]; mean `confidence` and `accuracy` of each bin, float [15], NaN where the
        bin is empty.
    """
    p = softmax(logits)
    confidence, correct = p.max(axis=1), p.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)

    def mean(values: np.ndarray) -> np.ndarray:
        sums = np.bincount(bins, values, BINS)
        return np.divide(sums, count, out=np.full(BINS, np.nan), where=count > 0)

    return {"count": count, "confidence": mean(confidence), "accuracy": mean(correct)}


def expected_calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """Compute the expected calibration error (Naeini et al. 2015), 0–1.

    It is the mean absolute difference between confidence and accuracy over `reliability_bins`,
    weighted by the number of images.

    Args:
        logits: float [n, classes].
        labels: integers [n].
    """
    bins = reliability_bins(logits, labels)
    filled = bins["count"] > 0
    gaps = np.abs(bins["confidence"] - bins["accuracy"])[filled]
    return float(np.average(gaps, weights=bins["count"][filled]))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Fit the temperature of temperature scaling (Guo et al. 2017).

    The temperature divides the logits. It minimizes the negative log-likelihood of the labels. It
    changes no predicted class; above 1 it lowers the confidence.

    Args:
        logits: float [n, classes], on images that are used neither for training nor for reported
            results (PublicTest).
        labels: integers [n], or one distribution over the classes per image, float [n, classes].
    """
    minimum = minimize_scalar(
        lambda log_t: negative_log_likelihood(logits / np.exp(log_t), labels),
        bounds=np.log(_TEMPERATURE_BOUNDS),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(minimum.x))


def selective_accuracy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the accuracy of selective prediction at each coverage.

    At coverage k/n, a model predicts on the k images on which it is most confident.

    Args:
        logits: float [n, classes].
        labels: integers [n].

    Returns:
        Coverage, from 1/n to 1, and accuracy on the covered images, both float64 [n].
    """
    p = softmax(logits)
    correct = (p.argmax(axis=1) == labels)[np.argsort(-p.max(axis=1), kind="stable")]
    covered = np.arange(1, len(correct) + 1)
    return covered / len(correct), np.cumsum(correct) / covered
