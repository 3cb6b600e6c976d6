"""Bootstrap intervals over the images of a test split, and paired comparisons of two models."""

import functools

import numpy as np

from fer_lib.data.labels import EMOTIONS
from fer_lib.runs.predictions import SplitPredictions, align

CONFIDENCE_LEVEL = 0.95
RESAMPLES = 2_000
_CLASSES = len(EMOTIONS)


def confusion_scores(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of k confusion matrices [k, 7, 7], true class by row.

    A class that is neither present nor predicted has F1 0, as in scikit-learn; balanced accuracy
    leaves out a class that is not present.

    Returns:
        `accuracy`, `balanced_accuracy`, `macro_f1`, each float64 [k], and `f1`, float64 [k, 7].
    """
    hits = confusions.diagonal(axis1=1, axis2=2)
    actual, predicted = confusions.sum(axis=2), confusions.sum(axis=1)
    recall = np.divide(hits, actual, out=np.full(hits.shape, np.nan), where=actual > 0)
    f1 = np.divide(
        2 * hits, actual + predicted, out=np.zeros(hits.shape), where=actual + predicted > 0
    )
    return {
        "accuracy": hits.sum(axis=1) / actual.sum(axis=1),
        "balanced_accuracy": np.nanmean(recall, axis=1),
        "macro_f1": f1.mean(axis=1),
        "f1": f1,
    }


def percentile_interval(samples: np.ndarray) -> list[float]:
    """The 95 % percentile interval [low, high] of resampled values, float [k]."""
    tail = (1 - CONFIDENCE_LEVEL) / 2
    return [float(limit) for limit in np.quantile(samples, [tail, 1 - tail])]


def bootstrap_intervals(confusion: np.ndarray) -> dict[str, list[float]]:
    """95 % percentile bootstrap intervals (Efron & Tibshirani 1993) of one confusion matrix.

    Resampling images with replacement draws the cells of the confusion matrix from a multinomial
    distribution, which is sampled 2,000 times. The intervals exclude the variance across seeds.

    Args:
        confusion: counts [7, 7], true class by row.

    Returns:
        [low, high] of `accuracy`, `balanced_accuracy` and `macro_f1`.
    """
    n = confusion.sum()
    # RandomState, whose stream NumPy keeps the same for ever: records must be recomputed to the
    # last digit, and the stream of default_rng changed between NumPy 2.4 and 2.5.
    draws = np.random.RandomState(0).multinomial(n, confusion.ravel() / n, size=RESAMPLES)
    scores = confusion_scores(draws.reshape(-1, *confusion.shape))
    names = ("accuracy", "balanced_accuracy", "macro_f1")
    return {name: percentile_interval(scores[name]) for name in names}


@functools.lru_cache(maxsize=2)
def bootstrap_counts(n: int) -> np.ndarray:
    """How often each of n images is drawn in each of 2,000 resamples, float32 [2000, n].

    The draws are the same for every model, so that what is computed from them is paired by image.
    """
    random = np.random.RandomState(0)
    return random.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float32)


def bootstrap_confusions(*models: SplitPredictions) -> np.ndarray:
    """Confusion matrices of several models on the same resamples of the same images.

    Returns:
        int64 [models, 2000, 7, 7], true class by row.

    Raises:
        ValueError: as `align`.
    """
    return np.stack([_resampled(aligned) for aligned in align(*models)])


def _resampled(predictions: SplitPredictions) -> np.ndarray:
    one_hot = np.eye(_CLASSES**2, dtype=np.float32)[_cells(predictions)]
    counts = bootstrap_counts(len(predictions)) @ one_hot
    return counts.round().astype(int).reshape(-1, _CLASSES, _CLASSES)


def paired_difference(a: SplitPredictions, b: SplitPredictions) -> dict:
    """The differences a − b of two models on the same images.

    Returns:
        `accuracy` and `macro_f1`; their 95 % paired bootstrap `intervals`; `only_a_correct` and
        `only_b_correct`, the numbers of images that only one of them classifies correctly; and
        `p_value`, McNemar's exact test (McNemar 1947) of these two numbers.

    Raises:
        ValueError: as `align`.
    """
    from scipy.stats import binomtest  # takes half a second to import

    a, b = align(a, b)
    counts = (np.bincount(_cells(each), minlength=_CLASSES**2) for each in (a, b))
    observed = [confusion_scores(each.reshape(1, _CLASSES, _CLASSES)) for each in counts]
    resampled = [confusion_scores(confusions) for confusions in bootstrap_confusions(a, b)]
    only_a, only_b = int((a.correct & ~b.correct).sum()), int((b.correct & ~a.correct).sum())
    names = ("accuracy", "macro_f1")
    return {
        **{name: float((observed[0][name] - observed[1][name])[0]) for name in names},
        "intervals": {
            name: percentile_interval(resampled[0][name] - resampled[1][name]) for name in names
        },
        "only_a_correct": only_a,
        "only_b_correct": only_b,
        "p_value": float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0,
    }


def _cells(predictions: SplitPredictions) -> np.ndarray:
    """The cell of the flattened confusion matrix that each image counts in, int64 [n]."""
    return predictions.labels.astype(int) * _CLASSES + predictions.predicted
