"""Post-hoc logit adjustment against class imbalance (Menon et al. 2021)."""

import numpy as np
import pandas as pd

from fer_lib.analysis.comparison import Estimate
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
        model: evaluated on both test splits; None gives a row without scores.
        class_counts: images of Training by emotion.

    Returns:
        `tau`, `selected` (bool), and `public_test_accuracy`, `public_test_macro_f1`,
        `private_test_accuracy` and `private_test_macro_f1`, each with its interval.
    """
    if model is None:
        return pd.DataFrame({"tau": [np.nan]})
    counts = np.array([class_counts[name] for name in EMOTION_NAMES])

    def metrics(split: str, tau: float) -> dict:
        predictions = model.predictions[split]
        logits = logit_adjusted(predictions.logits, counts, tau)
        return classification_metrics(logits, predictions.labels)

    selected = max(TAUS, key=lambda tau: metrics("public_test", tau)["macro_f1"])
    rows = []
    for tau in sorted({0.0, 1.0, float(selected)}):
        rows.append({"tau": tau, "selected": tau == selected})
        for split in ("public_test", "private_test"):
            scores = metrics(split, tau)
            for measure in ("accuracy", "macro_f1"):
                rows[-1] |= Estimate.of(scores, measure).columns(f"{split}_{measure}")
    return pd.DataFrame(rows)
