"""What a network's logits are worth: every metric of the report, from logits and labels alone."""

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
        `n`; `accuracy`, `balanced_accuracy`, `macro_precision`, `macro_recall`, `macro_f1`, all 0–1, as scikit-learn
        defines them, with a 0 where a class is never predicted; `intervals`, 95 % bootstrap intervals [low, high] of accuracy,
        balanced accuracy and macro-F1; `per_class`, precision, recall, F1 and support by emotion; and `confusion`, the
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
    """95 % percentile bootstrap intervals (Efron & Tibshirani 1993) of accuracy, balanced accuracy and macro-F1.

    Resampling images with replacement draws the cells of the confusion matrix from a multinomial distribution, so that
    is what is drawn, 2,000 times. The intervals cover the sampling of the test images, not the luck of the training seed.

    Args:
        confusion: counts [7, 7], true class by row.
    """
    n = confusion.sum()
    # RandomState, because NumPy keeps its stream the same for ever: records must be recomputed to the last digit by
    # versions to come, and the stream of default_rng changed between 2.4 and 2.5.
    draws = np.random.RandomState(0).multinomial(n, confusion.ravel() / n, size=RESAMPLES)
    return {name: _interval(values) for name, values in _scores(draws.reshape(-1, *confusion.shape)).items()}


def _scores(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Accuracy, balanced accuracy and macro-F1, float64 [k], of k confusion matrices, counts [k, 7, 7]."""
    hits = confusions.diagonal(axis1=1, axis2=2)
    actual, predicted = confusions.sum(axis=2), confusions.sum(axis=1)
    recall = np.divide(hits, actual, out=np.full(hits.shape, np.nan), where=actual > 0)
    f1 = np.divide(2 * hits, actual + predicted, out=np.zeros(hits.shape), where=actual + predicted > 0)
    return {
        "accuracy": hits.sum(axis=1) / actual.sum(axis=1),
        "balanced_accuracy": np.nanmean(recall, axis=1),
        "macro_f1": f1.mean(axis=1),
    }


def _interval(samples: np.ndarray) -> list[float]:
    return [float(limit) for limit in np.quantile(samples, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])]


def paired_difference(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], split: str) -> dict:
    """How much better one model is than another on the same images.

    Args:
        ours, theirs: the arrays of two runs' `predictions.npz`; rows may stand in any order and are matched by hash and label.

    Returns:
        `accuracy` and `macro_f1`, the differences ours − theirs, each with its 95 % paired bootstrap interval under
        `intervals`; `only_ours` and `only_theirs`, the images that only one of them has right; and `p_value`, McNemar's exact
        test (McNemar 1947) of those two numbers.

    Raises:
        ValueError: the two runs were not scored on the same images and labels.
    """
    orders = [np.lexsort((p[f"{split}_labels"], p[f"{split}_hashes"])) for p in (ours, theirs)]
    for name in ("hashes", "labels"):
        a, b = (p[f"{split}_{name}"][order] for p, order in zip((ours, theirs), orders, strict=True))
        if not np.array_equal(a, b):
            raise ValueError(f"{split}: the two runs were not scored on the same images and labels")
    labels = ours[f"{split}_labels"][orders[0]].astype(int)
    predicted = [p[f"{split}_logits"].argmax(axis=1)[order] for p, order in zip((ours, theirs), orders, strict=True)]
    # As in `bootstrap_intervals`, with cells [true, ours, theirs]: summed over one model, they are the other's confusion matrix.
    classes = len(EMOTIONS)
    joint = np.zeros((classes,) * 3, int)
    np.add.at(joint, (labels, *predicted), 1)
    draws = np.random.RandomState(0).multinomial(len(labels), joint.ravel() / len(labels), size=RESAMPLES)
    draws = draws.reshape(-1, *joint.shape)
    ours_drawn, theirs_drawn = _scores(draws.sum(axis=3)), _scores(draws.sum(axis=2))
    ours_there, theirs_there = _scores(joint.sum(axis=2)[None]), _scores(joint.sum(axis=1)[None])
    right = [p == labels for p in predicted]
    only_ours, only_theirs = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return {
        **{name: float((ours_there[name] - theirs_there[name])[0]) for name in ("accuracy", "macro_f1")},
        "intervals": {name: _interval(ours_drawn[name] - theirs_drawn[name]) for name in ("accuracy", "macro_f1")},
        "only_ours": only_ours,
        "only_theirs": only_theirs,
        "p_value": float(binomtest(only_ours, only_ours + only_theirs).pvalue) if only_ours + only_theirs else 1.0,
    }


def confidence(logits: np.ndarray, labels: np.ndarray) -> dict:
    """How sure a network is of its answers, beside how often they are right.

    Args:
        logits: float [n, 7]. labels: integers [n].

    Returns:
        `mean`, of the probability of its answer; `accuracy`; `gap`, their difference, above 0 where it is over-confident,
        and its 95 % bootstrap `interval`; `mean_when_wrong` and `true_when_wrong`, the mean probability of its answer and of
        the true class on the images that it has wrong (NaN where there are none).
    """
    p = probabilities(logits)
    sure, right = p.max(axis=1), p.argmax(axis=1) == labels
    gaps, wrong, n = sure - right, np.flatnonzero(~right), len(labels)
    rng = np.random.RandomState(0)
    return {
        "mean": float(sure.mean()),
        "accuracy": float(right.mean()),
        "gap": float(gaps.mean()),
        "interval": _interval(np.array([gaps[rng.randint(n, size=n)].mean() for _ in range(RESAMPLES)])),
        "mean_when_wrong": float(sure[wrong].mean()) if len(wrong) else float("nan"),
        "true_when_wrong": float(p[wrong, labels[wrong]].mean()) if len(wrong) else float("nan"),
    }


def metrics_of_splits(predictions: dict[str, np.ndarray]) -> dict:
    """Metrics of `public_test`, and where PrivateTest was opened of `private_test` and of `both` together.

    Args:
        predictions: the arrays of a run's `predictions.npz`: `<split>_logits` float32 [n, 7] and `<split>_labels` uint8 [n].
    """
    splits = [split for split in ("public_test", "private_test") if f"{split}_logits" in predictions]
    logits = [predictions[f"{split}_logits"] for split in splits]
    labels = [predictions[f"{split}_labels"] for split in splits]
    result = {split: metrics(*pair) for split, pair in zip(splits, zip(logits, labels, strict=True), strict=True)}
    if len(splits) == 2:
        result["both"] = metrics(np.concatenate(logits), np.concatenate(labels))
    return result
