"""Calibration and selective prediction: means over seeds, with intervals.

The 95 % intervals hold the variance of the test images and of the seeds, as those of `headline`.
The variance across seeds is that of `seed_variance.seed_variances` over the models of a table.
Temperatures, which are fitted on PublicTest, are taken as given.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from fer_lib.analysis.headline import predictions_on
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation import calibration as measures
from fer_lib.evaluation.seed_variance import (
    TotalEstimate,
    holm,
    seed_variances,
    total_mean,
)
from fer_lib.runs.predictions import Predictor

# By name: a measure of logits and labels, and the same on resamples of the images.
MEASURES = {
    "confidence_gap": (measures.confidence_gap, measures.resampled_confidence_gap),
    "ece": (measures.expected_calibration_error, measures.resampled_calibration_error),
    "nll": (measures.negative_log_likelihood, measures.resampled_likelihood),
}


def temperature(predictor: Predictor) -> float:
    """Fit the temperature of temperature scaling on PublicTest."""
    public = predictor.predictions["public_test"]
    return measures.fit_temperature(public.logits, public.labels)


def calibration_table(
    runs: Mapping[str, list[Predictor]], split: str = "private_test"
) -> pd.DataFrame:
    """Return calibration before and after temperature scaling, one row per model.

    Args:
        runs: the seeds of each model by title; a list may be empty.
        split: `private_test`, or `deduplicated_private_test`.

    Returns:
        `model`; `seeds`, how many; the mean `temperature`; and, for the measures `confidence_gap`
        (mean confidence minus accuracy), `ece` (expected calibration error) and `nll` (negative
        log-likelihood, in nats), the mean over seeds of `<measure>`, of `<measure>_scaled`, after
        scaling, and of their difference `<measure>_change`, each with the limits `…_low` and
        `…_high` of its interval; and `<measure>_p_value` of the change, corrected by Holm for the
        models. NaN without a record.
    """
    temperatures = {title: [temperature(run) for run in group] for title, group in runs.items()}
    summary = {
        title: {"seeds": len(values), "temperature": np.mean(values) if values else np.nan}
        for title, values in temperatures.items()
    }
    tables = [pd.DataFrame.from_dict(summary, orient="index")]
    for name, measure in MEASURES.items():
        before, after = (_samples(runs, split, measure, each) for each in (None, temperatures))
        change = {title: after[title] - before[title] for title in before}
        estimates = _means(change)
        p_values = holm([estimate.p_value for estimate in estimates.values()])
        tables += [
            _columns(_means(before), name),
            _columns(_means(after), f"{name}_scaled"),
            _columns(estimates, f"{name}_change"),
            pd.DataFrame({f"{name}_p_value": p_values}, index=list(estimates)),
        ]
    return pd.concat(tables, axis=1).rename_axis("model").reset_index()


def _samples(
    runs: Mapping[str, list[Predictor]],
    split: str,
    measure: tuple[Callable, Callable],
    temperatures: Mapping[str, list[float]] | None = None,
) -> dict[str, np.ndarray]:
    """Measure each seed of several models, its logits divided by the temperature if one is given.

    Returns:
        By title, the value of each seed, and behind it the values on 2,000 resamples of the images,
        float64 [seeds, 2001], or [seeds, 2001, ...] of several values at once. The resamples are
        the same for all.
    """
    observed, resampled = measure
    samples = {}
    for title, group in runs.items():
        rows = []
        divisors = temperatures[title] if temperatures else [1.0] * len(group)
        for run, divisor in zip(group, divisors, strict=True):
            predictions = predictions_on(run, split)
            predictions = predictions[predictions.order]
            scaled = predictions.logits / divisor, predictions.labels
            rows.append(np.concatenate([[observed(*scaled)], resampled(*scaled)]))
        if rows:
            samples[title] = np.stack(rows)
    return samples


def _means(samples: Mapping[str, np.ndarray]) -> dict[str, TotalEstimate]:
    """The mean of each model's `_samples` over its seeds."""
    seeds = seed_variances({title: each[:, 0] for title, each in samples.items()})
    return {
        title: total_mean(each[:, 0], each[:, 1:], seeds[title]) for title, each in samples.items()
    }


def _columns(estimates: Mapping[str, TotalEstimate], name: str) -> pd.DataFrame:
    """Estimates and their intervals by title, as the columns `name`, `name_low`, `name_high`."""
    rows = {title: (each.value, *each.interval) for title, each in estimates.items()}
    columns = [f"{name}{end}" for end in ("", "_low", "_high")]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)


def reliability_table(predictors: dict[str, Predictor | None]) -> pd.DataFrame:
    """Return accuracy by confidence on PrivateTest, one row per model, scaling and nonempty bin.

    Args:
        predictors: by title; None for one that is not recorded.

    Returns:
        `model`, `scaled` (whether the logits are divided by the temperature), and `count`,
        `confidence` and `accuracy` as in `reliability_bins`.
    """
    rows = []
    for title, predictor in predictors.items():
        if predictor is None:
            continue
        private = predictor.predictions["private_test"]
        for scaled, divisor in ((False, 1), (True, temperature(predictor))):
            bins = measures.reliability_bins(private.logits / divisor, private.labels)
            filled = zip(*bins.values(), strict=True)
            rows += [(title, scaled, *values) for values in filled if values[0]]
    return pd.DataFrame(rows, columns=["model", "scaled", "count", "confidence", "accuracy"])


def accuracy_at_coverage(predictor: Predictor, coverage: float) -> float:
    """Return accuracy on the part of PrivateTest on which a model is most confident.

    Args:
        coverage: fraction of the images, above 0 and at most 1. The number of images is rounded up.
    """
    private = predictor.predictions["private_test"]
    return measures.accuracy_at_coverage(private.logits, private.labels, coverage)


def selective_prediction_table(
    runs: Mapping[str, list[Predictor]], coverages: Sequence[float]
) -> pd.DataFrame:
    """Return accuracy on the part of PrivateTest on which models are most confident.

    Args:
        runs: the seeds of each model by title; a list may be empty.
        coverages: as in `accuracy_at_coverage`.

    Returns:
        One row per model: `model`, `seeds`, how many, and, for each coverage, the mean over seeds
        `accuracy_at_<n>_percent_coverage` with its interval, `…_low` and `…_high`; NaN without a
        record.
    """

    def observed(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return np.array([measures.accuracy_at_coverage(logits, labels, c) for c in coverages])

    def resampled(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return measures.resampled_selective_accuracy(logits, labels, coverages)

    seeds = {title: {"seeds": len(group)} for title, group in runs.items()}
    tables = [pd.DataFrame.from_dict(seeds, orient="index")]
    samples = _samples(runs, "private_test", (observed, resampled))
    for column, coverage in enumerate(coverages):
        estimates = _means({title: each[..., column] for title, each in samples.items()})
        tables.append(_columns(estimates, f"accuracy_at_{round(100 * coverage)}_percent_coverage"))
    return pd.concat(tables, axis=1).rename_axis("model").reset_index()


def threshold_table(
    runs: Mapping[str, list[Predictor]], thresholds: Sequence[float]
) -> pd.DataFrame:
    """Return coverage and accuracy on PrivateTest of predictions above a calibrated confidence.

    Args:
        runs: the seeds of each model by title; a list may be empty.
        thresholds: probabilities after temperature scaling, with the temperature of each seed.

    Returns:
        One row per model and threshold: `model`, `threshold`, and the means over seeds `coverage`,
        the fraction of the images whose confidence reaches the threshold, and `accuracy` on them,
        each with the limits `…_low` and `…_high` of its interval. A model without a record has no
        rows.
    """
    return _threshold_table(runs, thresholds, None)


def emotion_threshold_table(runs: list[Predictor], thresholds: Sequence[float]) -> pd.DataFrame:
    """Return coverage and precision on PrivateTest of predictions above a calibrated confidence.

    Args:
        runs: the seeds of one model.
        thresholds: as in `threshold_table`.

    Returns:
        One row per predicted `emotion` and `threshold`: the means over seeds `coverage`, the
        fraction of the predictions of this emotion whose confidence reaches the threshold, and
        `precision`, the accuracy of these, each with the limits `…_low` and `…_high` of its
        interval, cut at 0 and 1. Without runs, no rows.
    """
    tables = [_threshold_table({name: runs}, thresholds, k) for k, name in enumerate(EMOTION_NAMES)]
    renamed = {f"accuracy{end}": f"precision{end}" for end in ("", "_low", "_high")}
    table = pd.concat(tables, ignore_index=True).rename(columns=renamed | {"model": "emotion"})
    limits = [column for column in table if column.endswith(("_low", "_high"))]
    return table.assign(**table[limits].clip(0, 1))


def _threshold_table(
    runs: Mapping[str, list[Predictor]], thresholds: Sequence[float], predicted: int | None
) -> pd.DataFrame:
    """As `threshold_table`, of predictions of one class or of all."""
    options = {"thresholds": thresholds, "predicted": predicted}
    measure = partial(measures.confident_predictions, **options)
    resampled = partial(measures.resampled_confident_predictions, **options)
    temperatures = {title: [temperature(run) for run in group] for title, group in runs.items()}
    samples = _samples(runs, "private_test", (measure, resampled), temperatures)
    tables = []
    for column, threshold in enumerate(thresholds):
        of_threshold = {title: each[..., column] for title, each in samples.items()}
        parts = [
            _columns(_means({title: each[..., row] for title, each in of_threshold.items()}), name)
            for row, name in enumerate(("coverage", "accuracy"))
        ]
        tables.append(pd.concat(parts, axis=1).assign(threshold=threshold))
    table = pd.concat(tables).rename_axis("model").reset_index()
    limits = [f"{name}{end}" for name in ("coverage", "accuracy") for end in ("", "_low", "_high")]
    return table[["model", "threshold", *limits]]
