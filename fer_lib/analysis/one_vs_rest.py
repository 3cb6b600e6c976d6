"""Each emotion against the rest: how well a model's probabilities rank the images."""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.runs.predictions import SplitPredictions


def one_vs_rest_table(predictions: SplitPredictions) -> pd.DataFrame:
    """Area under the curves of each emotion against the rest.

    Returns:
        One row per emotion: `emotion`, `images` (of this label), `average_precision` (the area
        under the precision–recall curve, by scikit-learn's step-wise sum) with its value for a
        random ranking, `prevalence`, and `roc_auc`.
    """
    rows = [
        (
            emotion,
            int(positive.sum()),
            average_precision_score(positive, probability),
            positive.mean(),
            roc_auc_score(positive, probability),
        )
        for emotion, positive, probability in _by_emotion(predictions)
    ]
    columns = ["emotion", "images", "average_precision", "prevalence", "roc_auc"]
    return pd.DataFrame(rows, columns=columns)


def precision_recall_curves(predictions: SplitPredictions) -> pd.DataFrame:
    """Precision against recall of each emotion, one row per emotion and threshold.

    Returns:
        `emotion`, `recall` and `precision`, by increasing threshold.
    """
    curves = []
    for emotion, positive, probability in _by_emotion(predictions):
        precision, recall, _ = precision_recall_curve(positive, probability)
        curves.append(pd.DataFrame({"recall": recall, "precision": precision}))
        curves[-1].insert(0, "emotion", emotion)
    return pd.concat(curves, ignore_index=True)


def _by_emotion(predictions: SplitPredictions) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Each emotion, whether an image has it as its label, and its predicted probability."""
    return [
        (emotion, predictions.labels == index, predictions.probabilities[:, index])
        for index, emotion in enumerate(EMOTION_NAMES)
    ]
