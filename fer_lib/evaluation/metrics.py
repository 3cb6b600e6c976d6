"""Every metric of a model's predictions on a split."""

import numpy as np

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import bootstrap_counts, bootstrap_intervals, percentile_interval
from fer_lib.runs.predictions import SplitPredictions, softmax


def classification_metrics(logits: np.ndarray, labels: np.ndarray) -> dict:
    """Every metric of one split, in JSON's types.

    Args:
        logits: float [n, 7]. labels: integers [n].

    Returns:
        `n`; `accuracy`, `balanced_accuracy`, `macro_precision`, `macro_recall`, `macro_f1`, all
        0–1, as scikit-learn defines them, with 0 where a class is never predicted; `intervals`,
        95 % bootstrap intervals [low, high] of accuracy, balanced accuracy and macro-F1;
        `per_class`, precision, recall, F1 and support by emotion; and `confusion`, the counts
        [true][predicted].
    """
    from sklearn import metrics as sk  # takes a second to import

    predicted = np.argmax(logits, axis=1)
    classes = range(len(EMOTION_NAMES))
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
            for name, p, r, f, s in zip(EMOTION_NAMES, precision, recall, f1, support, strict=True)
        },
        "confusion": confusion.tolist(),
    }


def metrics_by_split(predictions: dict[str, SplitPredictions]) -> dict:
    """Metrics of each split, and of `both` together where PrivateTest was evaluated too."""
    metrics = {
        split: classification_metrics(values.logits, values.labels)
        for split, values in predictions.items()
    }
    if len(predictions) == 2:
        logits, labels = (
            np.concatenate([getattr(values, name) for values in predictions.values()])
            for name in ("logits", "labels")
        )
        metrics["both"] = classification_metrics(logits, labels)
    return metrics


def confidence_gap(logits: np.ndarray, labels: np.ndarray) -> dict:
    """Mean confidence (probability of the predicted class) against accuracy.

    Args:
        logits: float [n, 7]. labels: integers [n].

    Returns:
        `mean` confidence; `gap`, mean confidence − accuracy, positive for an over-confident model;
        its 95 % bootstrap `interval`, and its value in each resample as `resampled_gaps`,
        float [2000]; `mean_when_wrong` and `true_when_wrong`, the mean probabilities of the
        predicted and of the true class over the misclassified images (NaN without any).
    """
    p = softmax(logits)
    confidence, correct = p.max(axis=1), p.argmax(axis=1) == labels
    gaps, wrong = confidence - correct, np.flatnonzero(~correct)
    resampled_gaps = bootstrap_counts(len(gaps)) @ gaps / len(gaps)
    return {
        "mean": float(confidence.mean()),
        "gap": float(gaps.mean()),
        "interval": percentile_interval(resampled_gaps),
        "resampled_gaps": resampled_gaps,
        "mean_when_wrong": float(confidence[wrong].mean()) if len(wrong) else float("nan"),
        "true_when_wrong": float(p[wrong, labels[wrong]].mean()) if len(wrong) else float("nan"),
    }
