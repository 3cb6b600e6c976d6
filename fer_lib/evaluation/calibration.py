"""What a network's probabilities are worth as probabilities, and one temperature that makes them
better."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from fer_lib.runs.predictions import softmax

BINS = 15
_TEMPERATURES = (0.05, 20.0)


def nll(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of the labels, in nats.

    Args:
        logits: float [n, 7]. labels: integers [n], or a distribution over the classes for each
            image, float [n, 7].
    """
    return float(
        -(_targets(labels, logits.shape[1]) * log_softmax(np.asarray(logits, np.float64), axis=1))
        .sum(axis=1)
        .mean()
    )


def brier_score(logits: np.ndarray, labels: np.ndarray) -> float:
    """Brier score (Brier 1950): the mean over images of the squared distance of the probabilities
    from the target; 0–2.

    Args:
        as `nll`.
    """
    return float(((softmax(logits) - _targets(labels, logits.shape[1])) ** 2).sum(axis=1).mean())


def _targets(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes)[labels] if labels.ndim == 1 else labels


def reliability_bins(logits: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """How often answers are right, by how sure the network is: 15 bins of equal width over the
    probability of its answer.

    Returns:
        `count` int [15]; `confidence` and `accuracy` float [15], means in a bin, NaN in an empty
        one.
    """
    p = softmax(logits)
    sure, right = p.max(axis=1), p.argmax(axis=1) == labels
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)

    def mean(values):
        return np.divide(
            np.bincount(bins, values, BINS), count, out=np.full(BINS, np.nan), where=count > 0
        )

    return {"count": count, "confidence": mean(sure), "accuracy": mean(right)}


def expected_calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean distance of confidence from accuracy over the bins of `reliability`, weighted by
    their images (Naeini et al. 2015)."""
    bins = reliability_bins(logits, labels)
    filled = bins["count"] > 0
    gaps = np.abs(bins["confidence"] - bins["accuracy"])[filled]
    return float(np.average(gaps, weights=bins["count"][filled]))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The number that logits are divided by so that the likelihood of the labels is highest (Guo et
    al. 2017).

    It changes no answer. Above 1 it makes the network less sure.

    Args:
        as `nll`; of images that the network was not fitted on, and that nothing is reported on:
        PublicTest.
    """
    low, high = np.log(_TEMPERATURES)
    found = minimize_scalar(
        lambda t: nll(logits / np.exp(t), labels),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def selective_accuracy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy on the images that a network answers when it may abstain from those it is least sure
    of.

    Returns:
        The share of images answered, 1/n to 1, and the accuracy on them, both float64 [n].
    """
    p = softmax(logits)
    right = (p.argmax(axis=1) == labels)[np.argsort(-p.max(axis=1), kind="stable")]
    answered = np.arange(1, len(right) + 1)
    return answered / len(right), np.cumsum(right) / answered
