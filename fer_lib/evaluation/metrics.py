"""Classification metrics of a model's predictions."""

import numpy as np

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import bootstrap_intervals
from fer_lib.runs.predictions import SplitPredictions


def classification_metrics(logits: np.ndarray, labels: np.ndarray) -> dict:
    """Compute all metrics of one split, as JSON types.

    Args:
        logits: float [n, 7].
        labels: integers [n].

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
    """Compute metrics of each split, and of `both` test splits if PrivateTest was evaluated."""
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


def class_shares(confusions: np.ndarray) -> np.ndarray:
    """Divide the counts of confusion matrices [..., 7, 7] by the images of the true class, its row.

    The row of a class without images is 0.
    """
    return confusions / np.maximum(confusions.sum(axis=-1, keepdims=True), 1)
