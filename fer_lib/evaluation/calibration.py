"""Calibration of predicted probabilities, temperature scaling and selective prediction."""

from collections.abc import Sequence

import numpy as np

from fer_lib.evaluation.bootstrap import bootstrap_counts
from fer_lib.runs.predictions import softmax

BINS = 15
_TEMPERATURE_BOUNDS = (0.05, 20.0)


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Compute the mean negative log-likelihood of the labels, in nats.

    Args:
        logits: float [n, classes].
        labels: integers [n], or one distribution over the classes per image, float [n, classes].
    """
    return float(_losses(logits, labels).mean())


def _losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The negative log-likelihood of each image, float64 [n]."""
    shifted = np.asarray(logits, np.float64)
    shifted = shifted - shifted.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(_targets(labels, logits.shape[1]) * log_p).sum(axis=1)


def resampled_likelihood(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute `negative_log_likelihood` on the resamples of `bootstrap_counts`, float64 [2000].

    Args:
        logits, labels: as `negative_log_likelihood`.
    """
    return _resampled_means(_losses(logits, labels)[:, None])[:, 0]


def _resampled_means(values: np.ndarray) -> np.ndarray:
    """Compute the means of the columns of [n, k] on each resample, float64 [2000, k]."""
    sums = bootstrap_counts(len(values)) @ values.astype(np.float32)
    return sums.astype(np.float64) / len(values)


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
    confidence, correct, bins = _binned(logits, labels)
    count = np.bincount(bins, minlength=BINS)

    def mean(values: np.ndarray) -> np.ndarray:
        sums = np.bincount(bins, values, BINS)
        return np.divide(sums, count, out=np.full(BINS, np.nan), where=count > 0)

    return {"count": count, "confidence": mean(confidence), "accuracy": mean(correct)}


def _binned(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence float64 [n], whether the prediction is correct, bool [n], and bin, int64 [n]."""
    p = softmax(logits)
    confidence = p.max(axis=1)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return confidence, p.argmax(axis=1) == labels, bins


def expected_calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """Compute the expected calibration error (Naeini et al. 2015), 0–1.

    It is the mean absolute difference between confidence and accuracy over `reliability_bins`,
    weighted by the number of images. It is above 0 even of a calibrated model, as the accuracy of
    a bin of few images differs from the confidence by chance.

    Args:
        logits: float [n, classes].
        labels: integers [n].
    """
    bins = reliability_bins(logits, labels)
    filled = bins["count"] > 0
    gaps = np.abs(bins["confidence"] - bins["accuracy"])[filled]
    return float(np.average(gaps, weights=bins["count"][filled]))


def resampled_calibration_error(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute `expected_calibration_error` on the resamples of `bootstrap_counts`, float64 [2000].

    Their spread is that of the error. Their mean is not: it is above the error of the images
    themselves, because resampling adds noise to the accuracy of each bin.

    Args:
        logits, labels: as `expected_calibration_error`.
    """
    confidence, correct, bins = _binned(logits, labels)
    gaps = np.zeros((len(bins), BINS))
    gaps[np.arange(len(bins)), bins] = confidence - correct
    return np.abs(_resampled_means(gaps)).sum(axis=1)


def confidence_gap(logits: np.ndarray, labels: np.ndarray) -> float:
    """Compute mean confidence minus accuracy: positive of an overconfident model.

    Args:
        logits: float [n, classes].
        labels: integers [n].
    """
    confidence, correct, _ = _binned(logits, labels)
    return float((confidence - correct).mean())


def resampled_confidence_gap(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute `confidence_gap` on the resamples of `bootstrap_counts`, float64 [2000]."""
    confidence, correct, _ = _binned(logits, labels)
    return _resampled_means((confidence - correct)[:, None])[:, 0]


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Fit the temperature of temperature scaling (Guo et al. 2017).

    The temperature divides the logits. It minimizes the negative log-likelihood of the labels. It
    changes no predicted class; above 1 it lowers the confidence.

    Args:
        logits: float [n, classes], on images that are used neither for training nor for reported
            results (PublicTest). The logarithm of probabilities will do.
        labels: integers [n], or one distribution over the classes per image, float [n, classes].

    Raises:
        ValueError: a logit is not finite, such as the logarithm of 0.
    """
    logits = np.asarray(logits, np.float64)
    if not np.isfinite(logits).all():
        raise ValueError("there are logits that are not finite")
    targets = _targets(np.asarray(labels), logits.shape[1])
    low, high = np.log(_TEMPERATURE_BOUNDS)
    while high - low > 1e-9:  # bisection: the likelihood has one maximum
        middle = (low + high) / 2
        expected = softmax(logits / np.exp(middle))
        if ((expected - targets) * logits).sum() > 0:  # the derivative in 1/T: overconfident
            low = middle
        else:
            high = middle
    return float(np.exp(high))


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


def accuracy_at_coverage(logits: np.ndarray, labels: np.ndarray, coverage: float) -> float:
    """Compute the accuracy on the images on which a model is most confident.

    Args:
        logits: float [n, classes].
        labels: integers [n].
        coverage: fraction of the images, above 0 and at most 1. The number of images is rounded up.
    """
    _, accuracies = selective_accuracy(logits, labels)
    return float(accuracies[_covered(coverage, len(labels)) - 1])


def _covered(coverage: float, n: int) -> int:
    """The number of images of n that make up a coverage, rounded up."""
    return int(np.searchsorted(np.arange(1, n + 1) / n, coverage)) + 1


def resampled_selective_accuracy(
    logits: np.ndarray, labels: np.ndarray, coverages: Sequence[float]
) -> np.ndarray:
    """Compute `accuracy_at_coverage` on the resamples of `bootstrap_counts`.

    Args:
        logits, labels: as `accuracy_at_coverage`.
        coverages: k of them, each as `accuracy_at_coverage` takes it.

    Returns:
        float64 [2000, k].
    """
    p = softmax(logits)
    order = np.argsort(-p.max(axis=1), kind="stable")
    correct = (p.argmax(axis=1) == labels)[order]
    counts = bootstrap_counts(len(labels))[:, order]
    drawn, hits = counts.cumsum(axis=1), (counts * correct).cumsum(axis=1)
    resamples, accuracies = np.arange(len(counts)), np.empty((len(counts), len(coverages)))
    for column, coverage in enumerate(coverages):
        covered = _covered(coverage, len(labels))
        last = (drawn < covered).sum(axis=1)  # of this image, only some draws are covered
        beyond = (drawn[resamples, last] - covered) * correct[last]
        accuracies[:, column] = (hits[resamples, last] - beyond) / covered
    return accuracies


def confident_predictions(
    logits: np.ndarray,
    labels: np.ndarray,
    thresholds: Sequence[float],
    predicted: int | None = None,
) -> np.ndarray:
    """Compute coverage and accuracy of the predictions whose confidence reaches a threshold.

    Args:
        logits: float [n, classes].
        labels: integers [n].
        thresholds: k probabilities.
        predicted: count only predictions of this class; their accuracy is its precision.

    Returns:
        Coverage and accuracy, float64 [2, k]. They are NaN where their denominator is 0.
    """
    sums = _covered_and_correct(logits, labels, thresholds, predicted).mean(axis=0)
    return _coverage_and_accuracy(sums)


def resampled_confident_predictions(
    logits: np.ndarray,
    labels: np.ndarray,
    thresholds: Sequence[float],
    predicted: int | None = None,
) -> np.ndarray:
    """Compute `confident_predictions` on the resamples of `bootstrap_counts`, float64 [2000, 2, k].

    Args:
        logits, labels, thresholds, predicted: as `confident_predictions`.
    """
    values = _covered_and_correct(logits, labels, thresholds, predicted)
    means = _resampled_means(values.reshape(len(values), -1))
    return _coverage_and_accuracy(means.reshape(-1, *values.shape[1:]))


def _covered_and_correct(logits, labels, thresholds, predicted) -> np.ndarray:
    """Whether images are covered, without a threshold and with each, and correct too, [n, 2, k+1].

    Images of which another class than `predicted` is predicted are not covered.
    """
    confidence, correct, _ = _binned(logits, labels)
    counted = True if predicted is None else np.argmax(logits, axis=1)[:, None] == predicted
    covered = counted & (confidence[:, None] >= [0, *thresholds])
    return np.stack([covered, covered & correct[:, None]], axis=1)


def _coverage_and_accuracy(means: np.ndarray) -> np.ndarray:
    """From the shares of covered images and of covered and correct ones, [..., 2, k+1]."""
    covered, correct = np.moveaxis(means, -2, 0)
    with np.errstate(invalid="ignore"):  # 0 / 0
        return np.stack([covered / covered[..., :1], correct / covered], axis=-2)[..., 1:]
