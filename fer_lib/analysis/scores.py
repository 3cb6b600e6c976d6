"""Scores and their intervals as columns of a table."""

MEASURES = ("accuracy", "macro_f1")


def score_columns(metrics: dict | None, prefix: str = "") -> dict[str, float]:
    """Accuracy and macro-F1 of one split, each with its 95 % interval.

    Args:
        metrics: of the split, as `evaluation.metrics.classification_metrics` returns them, or at
            least its `accuracy`, `macro_f1` and `intervals`; None where there are none.
        prefix: begins the name of each measure, such as `private_test_`.

    Returns:
        `accuracy`, `accuracy_low`, `accuracy_high`, `macro_f1`, `macro_f1_low`, `macro_f1_high`;
        NaN without metrics.

    Example:
        >>> intervals = {"accuracy": [0.6, 0.8], "macro_f1": [0.5, 0.7]}
        >>> metrics = {"accuracy": 0.7, "macro_f1": 0.6, "intervals": intervals}
        >>> score_columns(metrics, "public_test_")["public_test_accuracy_low"]
        0.6
    """
    columns = {}
    for measure in MEASURES:
        low, high = metrics["intervals"][measure] if metrics else (float("nan"),) * 2
        value = metrics[measure] if metrics else float("nan")
        name = prefix + measure
        columns |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return columns
