"""Calibration and selective prediction on PrivateTest."""

import numpy as np
import pandas as pd

from fer_lib.evaluation.calibration import (
    brier_score,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability_bins,
    selective_accuracy,
)
from fer_lib.runs.predictions import Predictor

_MEASURES = {
    "ece": expected_calibration_error,
    "nll": negative_log_likelihood,
    "brier": brier_score,
}


def temperature(predictor: Predictor) -> float:
    """Fit the temperature of temperature scaling on PublicTest."""
    public = predictor.predictions["public_test"]
    return fit_temperature(public.logits, public.labels)


def calibration_table(predictors: dict[str, Predictor | None]) -> pd.DataFrame:
    """Return calibration on PrivateTest before and after temperature scaling, one row per model.

    Args:
        predictors: by title; None for one that is not recorded.

    Returns:
        `model`; `temperature`; expected calibration error `ece`, negative log-likelihood `nll` (in
        nats) and `brier` score; and the same after scaling, `ece_scaled`, `nll_scaled` and
        `brier_scaled`. NaN without a record.
    """
    names = [name + suffix for name in _MEASURES for suffix in ("", "_scaled")]
    rows = []
    for title, predictor in predictors.items():
        rows.append(
            {"model": title, "temperature": temperature(predictor) if predictor else np.nan}
        )
        for scaled, logits, labels in _before_and_after_scaling(predictor):
            suffix = "_scaled" if scaled else ""
            rows[-1] |= {f"{name}{suffix}": of(logits, labels) for name, of in _MEASURES.items()}
    return pd.DataFrame(rows, columns=["model", "temperature", *names])


def _before_and_after_scaling(predictor: Predictor | None) -> list[tuple]:
    """Return (scaled or not, logits, labels) on PrivateTest, before and after scaling."""
    if predictor is None:
        return []
    private = predictor.predictions["private_test"]
    divisors = ((False, 1), (True, temperature(predictor)))
    return [(scaled, private.logits / divisor, private.labels) for scaled, divisor in divisors]


def reliability_table(predictors: dict[str, Predictor | None]) -> pd.DataFrame:
    """Return accuracy by confidence on PrivateTest, one row per model, scaling and nonempty bin.

    Returns:
        `model`, `scaled` (whether the logits are divided by the temperature), and `count`,
        `confidence` and `accuracy` as in `reliability_bins`.
    """
    columns = ["model", "scaled", "count", "confidence", "accuracy"]
    rows = [
        (title, scaled, *filled)
        for title, predictor in predictors.items()
        for scaled, logits, labels in _before_and_after_scaling(predictor)
        for filled in zip(*reliability_bins(logits, labels).values(), strict=True)
        if filled[0]
    ]
    return pd.DataFrame(rows, columns=columns)


def accuracy_at_coverage(predictor: Predictor, coverage: float) -> float:
    """Return accuracy on the part of PrivateTest on which a model is most confident.

    Args:
        coverage: fraction of the images, above 0 and at most 1. The number of images is rounded up.
    """
    private = predictor.predictions["private_test"]
    fractions, accuracies = selective_accuracy(private.logits, private.labels)
    return float(accuracies[np.searchsorted(fractions, coverage)])


def selective_prediction_table(
    predictors: dict[str, Predictor | None], coverages: tuple[float, ...] = (1.0, 0.8, 0.5, 0.2)
) -> pd.DataFrame:
    """Return `accuracy_at_coverage` of several models.

    Args:
        predictors: by title; None for one that is not recorded.
        coverages: as in `accuracy_at_coverage`.

    Returns:
        One row per model: `model` and, for each coverage, `accuracy_at_<n>_percent_coverage`; NaN
        without a record.
    """
    rows = [
        [title, *(accuracy_at_coverage(model, c) if model else np.nan for c in coverages)]
        for title, model in predictors.items()
    ]
    names = [f"accuracy_at_{round(100 * coverage)}_percent_coverage" for coverage in coverages]
    return pd.DataFrame(rows, columns=["model", *names])
