"""Conformal prediction sets: the classes that an image may belong to, with a stated coverage."""

import numpy as np

from fer_lib.runs.predictions import SplitPredictions


def conformal_threshold(calibration: SplitPredictions, coverage: float) -> float:
    """The probability above which a class belongs to the prediction set.

    It is the split conformal method with the score 1 − p of the true class (Sadinle et al. 2019;
    Angelopoulos & Bates 2023): where images of the calibration split and new ones are exchangeable,
    the sets hold the true class with at least this probability on average.

    Args:
        calibration: on n images that were not trained on.
        coverage: the share of images whose set shall hold the true class, between 0 and 1.

    Returns:
        The ⌈(n + 1) · coverage⌉-th largest probability of a true class; 0, which takes every class,
        where n is too small for the coverage.
    """
    n = len(calibration)
    true = calibration.probabilities[np.arange(n), calibration.labels.astype(int)]
    rank = int(np.ceil((n + 1) * coverage))
    return 0.0 if rank > n else float(np.sort(true)[::-1][rank - 1])


def prediction_sets(predictions: SplitPredictions, threshold: float) -> np.ndarray:
    """Which classes are in the prediction set of each image, bool [n, classes]."""
    return predictions.probabilities >= threshold
