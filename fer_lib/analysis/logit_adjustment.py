"""Post-hoc logit adjustment against class imbalance (Menon et al. 2021)."""

import numpy as np
import pandas as pd

from fer_lib.analysis.scores import score_columns
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.metrics import classification_metrics
from fer_lib.runs.predictions import Predictor

TAUS = np.linspace(0, 1.5, 31)


def logit_adjusted(logits: np.ndarray, counts: np.ndarray, tau: float) -> np.ndarray:
    """Logits minus τ log π, with π the class frequencies of Training (Menon et al. 2021, Eq. 9).

    With τ = 1 the predictions of a calibrated model minimize the balanced error.

    Args:
        logits: float [n, 7]. counts: integers [7], images of each class in Training.

    Returns:
        float64 [n, 7].
    """
    return logits - tau * np.log(counts / counts.sum())


def logit_adjustment(model: Predictor | None, class_counts: dict[str, int]) -> pd.DataFrame:
    """Scores without logit adjustment, with the τ selected on PublicTest, and with τ = 1.

    The selected τ is the one of `TAUS` with the highest macro-F1 on PublicTest.

    Args:
        model: evaluated on both test splits; None gives one row of NaN.
        class_counts: images of Training by emotion.

    Returns:
        `tau`, `selected` (bool), and for PublicTest and PrivateTest the columns of
        `score_columns`, with the prefixes `public_test_` and `private_test_`.
    """
    splits = ("public_test", "private_test")
    counts = np.array([class_counts[name] for name in EMOTION_NAMES])

    def metrics(split: str, tau: float) -> dict:
        predictions = model.predictions[split]
        adjusted = logit_adjusted(predictions.logits, counts, tau)
        return classification_metrics(adjusted, predictions.labels)

    if model is None:
        taus, selected = [np.nan], None
    else:
        selected = max(TAUS, key=lambda tau: metrics("public_test", tau)["macro_f1"])
        taus = sorted({0.0, 1.0, float(selected)})
    rows = [{"tau": tau, "selected": tau == selected} for tau in taus]
    for row in rows:
        for split in splits:
            row |= score_columns(model and metrics(split, row["tau"]), f"{split}_")
    return pd.DataFrame(rows)
