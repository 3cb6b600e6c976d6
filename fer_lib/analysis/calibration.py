"""Calibration and selective prediction of runs on PrivateTest."""

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
    """Return the temperature of temperature scaling, fitted on PublicTest."""
    public = predictor.predictions["public_test"]
    return fit_temperature(public.logits, public.labels)


def calibration_table(predictors: dict[str, Predictor | None]) -> pd.DataFrame:
    """Return calibration on PrivateTest before and after temperature scaling, one row per model.

    Args:
        predictors: by title; None for one that is not recorded.

    Returns:
        `model`, `temperature`; expected calibration error `ece`, negative log-likelihood `nll` (in
        nats) and `brier` score, and the same of scaled logits, `ece_scaled`, `nll_scaled`,
        `brier_scaled`; NaN without a record.
    """
    names = [name + suffix for name in _MEASURES for suffix in ("", "_scaled")]
    rows = []
    for title, predictor in predictors.items():
        row = {"model": title}
        if predictor is not None:
            private, row["temperature"] = (
                predictor.predictions["private_test"],
                temperature(predictor),
            )
            for name, measure in _MEASURES.items():
                row[name] = measure(private.logits, private.labels)
                row[f"{name}_scaled"] = measure(private.logits / row["temperature"], private.labels)
        rows.append(row)
    return pd.DataFrame(rows, columns=["model", "temperature", *names])


def reliability_table(predictors: dict[str, Predictor | None]) -> pd.DataFrame:
    """Return accuracy by confidence on PrivateTest, one row per model, scaling and filled bin.

    Returns:
        `model`, `scaled` (whether the logits are divided by the temperature), `count`,
        `confidence` and `accuracy`, as `reliability_bins` has them.
    """
    columns = ["model", "scaled", "count", "confidence", "accuracy"]
    frames = [pd.DataFrame(columns=columns)]
    for title, predictor in predictors.items():
        if predictor is None:
            continue
        private = predictor.predictions["private_test"]
        for scaled, divisor in ((False, 1), (True, temperature(predictor))):
            bins = pd.DataFrame(reliability_bins(private.logits / divisor, private.labels))
            frames.append(bins[bins["count"] > 0].assign(model=title, scaled=scaled)[columns])
    return pd.concat(frames[1:] or frames, ignore_index=True)


def accuracy_at_coverage(predictor: Predictor, coverage: float) -> float:
    """Return accuracy on the fraction of PrivateTest on which a model is most confident.

    Args:
        coverage: the fraction, above 0 and at most 1; the images covered are at least as many.
    """
    private = predictor.predictions["private_test"]
    fractions, accuracies = selective_accuracy(private.logits, private.labels)
    return float(accuracies[np.searchsorted(fractions, coverage)])


def selective_prediction_table(
    predictors: dict[str, Predictor | None], coverages: tuple[float, ...] = (1.0, 0.8, 0.5, 0.2)
) -> pd.DataFrame:
    """Return `accuracy_at_coverage` of models by title, NaN for one that is None.

    Returns:
        One row per model: `model` and, by coverage, `accuracy_at_<n>_percent_coverage`.
    """
    rows = []
    for title, predictor in predictors.items():
        row = {"model": title}
        for coverage in coverages:
            accuracy = accuracy_at_coverage(predictor, coverage) if predictor else np.nan
            row[f"accuracy_at_{round(100 * coverage)}_percent_coverage"] = accuracy
        rows.append(row)
    return pd.DataFrame(rows)
