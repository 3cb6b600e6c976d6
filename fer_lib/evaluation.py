"""What a network's logits are worth: every metric of the report, from logits and labels alone."""

import functools

import numpy as np
from scipy.stats import binomtest
from sklearn import metrics as sk

from fer_lib.emotions import EMOTIONS, NAMES

CONFIDENCE = 0.95
RESAMPLES = 2_000


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, float64, same shape."""
    shifted = np.asarray(logits, np.float64)
    exponentials = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def metrics(logits: np.ndarray, labels: np.ndarray) -> dict:
    """Every metric of one split, as JSON knows it.

    Args:
        logits: float [n, 7]. labels: integers [n].

    Returns:
        `n`; `accuracy`, `balanced_accuracy`, `macro_precision`, `macro_recall`, `macro_f1`, all
        0–1, as scikit-learn
        defines them, with a 0 where a class is never predicted; `intervals`, 95 % bootstrap
        intervals [low, high] of accuracy,
        balanced accuracy and macro-F1; `per_class`, precision, recall, F1 and support by emotion;
        and `confusion`, the
        counts [true][predicted].
    """
    predicted = np.argmax(logits, axis=1)
    classes = range(len(EMOTIONS))
    confusion = sk.confusion_matrix(labels, predicted, labels=classes)
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )
    return {
        "n": len(labels),
        "accuracy": float(sk.accuracy_score(labels, predicted)),
        "balanced_accuracy": float(recall[support > 0].mean()),
        "macro_precision": float(precision.mean()),
        "macro_recall": float(recall.mean()),
        "macro_f1": float(f1.mean()),
        "intervals": bootstrap_intervals(confusion),
        "per_class": {
            name: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for name, p, r, f, s in zip(NAMES, precision, recall, f1, support, strict=True)
        },
        "confusion": confusion.tolist(),
    }


def bootstrap_intervals(confusion: np.ndarray) -> dict[str, list[float]]:
    """95 % percentile bootstrap intervals (Efron & Tibshirani 1993) of accuracy, balanced accuracy
    and macro-F1.

    Resampling images with replacement draws the cells of the confusion matrix from a multinomial
    distribution, so that
    is what is drawn, 2,000 times. The intervals cover the sampling of the test images, not the luck
    of the training seed.

    Args:
        confusion: counts [7, 7], true class by row.
    """
    n = confusion.sum()
    # RandomState, because NumPy keeps its stream the same for ever: records must be recomputed to
    # the last digit by
    # versions to come, and the stream of default_rng changed between 2.4 and 2.5.
    draws = np.random.RandomState(0).multinomial(n, confusion.ravel() / n, size=RESAMPLES)
    drawn = scores(draws.reshape(-1, *confusion.shape))
    return {name: interval(drawn[name]) for name in ("accuracy", "balanced_accuracy", "macro_f1")}


def scores(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Accuracy, balanced accuracy, macro-F1, each float64 [k], and F1 by class, float64 [k, 7], of
    k confusion matrices [k, 7, 7].

    Of a class that is neither there nor predicted F1 is 0, as in scikit-learn; recall leaves out a
    class that is not there.
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


def interval(samples: np.ndarray) -> list[float]:
    """The 95 % percentile interval [low, high] of resampled values, float [k]."""
    return [
        float(limit) for limit in np.quantile(samples, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    ]


@functools.lru_cache(maxsize=2)
def resamples(n: int) -> np.ndarray:
    """How often each of n images is drawn in each of 2,000 resamples with replacement: float32
    [2000, n].

    The same for every model, so that what is computed from it is paired by image.
    """
    return (
        np.random.RandomState(0)
        .multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
        .astype(np.float32)
    )


def resampled_confusions(models: list[dict[str, np.ndarray]], split: str) -> np.ndarray:
    """Confusion matrices of several models on the same resamples of the same images: int64 [models,
    2000, 7, 7], true class by row.

    Args:
        models: the arrays of each run's `predictions.npz`; rows may stand in any order and are
            matched by hash and label.

    Raises:
        ValueError: the models were not scored on the same images and labels.
    """
    labels, answers = _answers(models, split)
    classes = len(EMOTIONS)
    cells = [
        np.eye(classes**2, dtype=np.float32)[labels * classes + predicted] for predicted in answers
    ]
    counts = resamples(len(labels))
    return np.stack(
        [(counts @ cell).round().astype(int).reshape(-1, classes, classes) for cell in cells]
    )


def _answers(
    models: list[dict[str, np.ndarray]], split: str
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The labels, and each model's answers, in one order."""
    orders = [np.lexsort((p[f"{split}_labels"], p[f"{split}_hashes"])) for p in models]
    for name in ("hashes", "labels"):
        first, *others = (
            p[f"{split}_{name}"][order] for p, order in zip(models, orders, strict=True)
        )
        if not all(np.array_equal(first, other) for other in others):
            raise ValueError(f"{split}: the runs were not scored on the same images and labels")
    labels = models[0][f"{split}_labels"][orders[0]].astype(int)
    return labels, [
        p[f"{split}_logits"].argmax(axis=1)[order] for p, order in zip(models, orders, strict=True)
    ]


def paired_difference(
    ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], split: str
) -> dict:
    """How much better one model is than another on the same images.

    Args:
        ours, theirs: the arrays of two runs' `predictions.npz`; rows may stand in any order and
            are matched by hash and label.

    Returns:
        `accuracy` and `macro_f1`, the differences ours − theirs, each with its 95 % paired
        bootstrap interval under
        `intervals`; `only_ours` and `only_theirs`, the images that only one of them has right; and
        `p_value`, McNemar's exact
        test (McNemar 1947) of those two numbers.

    Raises:
        ValueError: the two runs were not scored on the same images and labels.
    """
    labels, answers = _answers([ours, theirs], split)
    there = [
        scores(sk.confusion_matrix(labels, answer, labels=range(len(EMOTIONS)))[None])
        for answer in answers
    ]
    drawn = [scores(confusions) for confusions in resampled_confusions([ours, theirs], split)]
    right = [answer == labels for answer in answers]
    only_ours, only_theirs = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return {
        **{name: float((there[0][name] - there[1][name])[0]) for name in ("accuracy", "macro_f1")},
        "intervals": {
            name: interval(drawn[0][name] - drawn[1][name]) for name in ("accuracy", "macro_f1")
        },
        "only_ours": only_ours,
        "only_theirs": only_theirs,
        "p_value": float(binomtest(only_ours, only_ours + only_theirs).pvalue)
        if only_ours + only_theirs
        else 1.0,
    }


def confidence(logits: np.ndarray, labels: np.ndarray) -> dict:
    """How sure a network is of its answers, beside how often they are right.

    Args:
        logits: float [n, 7]. labels: integers [n].

    Returns:
        `mean`, of the probability of its answer; `gap`, by how much that is above its accuracy:
        above 0 it is over-confident;
        the gap's 95 % bootstrap `interval`, and its value in each of the `resamples` as
        `resampled_gaps`, float [2000];
        `mean_when_wrong` and `true_when_wrong`, the mean probability of its answer and of the true
        class on the images that it
        has wrong (NaN where there are none).
    """
    p = probabilities(logits)
    sure, right = p.max(axis=1), p.argmax(axis=1) == labels
    gaps, wrong = sure - right, np.flatnonzero(~right)
    resampled_gaps = resamples(len(gaps)) @ gaps / len(gaps)
    return {
        "mean": float(sure.mean()),
        "gap": float(gaps.mean()),
        "interval": interval(resampled_gaps),
        "resampled_gaps": resampled_gaps,
        "mean_when_wrong": float(sure[wrong].mean()) if len(wrong) else float("nan"),
        "true_when_wrong": float(p[wrong, labels[wrong]].mean()) if len(wrong) else float("nan"),
    }


def metrics_of_splits(predictions: dict[str, np.ndarray]) -> dict:
    """Metrics of `public_test`, and where PrivateTest was opened of `private_test` and of `both`
    together.

    Args:
        predictions: the arrays of a run's `predictions.npz`: `<split>_logits` float32 [n, 7]
            and `<split>_labels` uint8 [n].
    """
    splits = [
        split for split in ("public_test", "private_test") if f"{split}_logits" in predictions
    ]
    logits = [predictions[f"{split}_logits"] for split in splits]
    labels = [predictions[f"{split}_labels"] for split in splits]
    result = {
        split: metrics(*pair)
        for split, pair in zip(splits, zip(logits, labels, strict=True), strict=True)
    }
    if len(splits) == 2:
        result["both"] = metrics(np.concatenate(logits), np.concatenate(labels))
    return result
