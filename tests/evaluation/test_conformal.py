import numpy as np
import pytest

from fer_lib.evaluation.conformal import conformal_threshold, prediction_sets
from fer_lib.runs.predictions import SplitPredictions


def predictions(probabilities, labels):
    logits = np.log(np.asarray(probabilities)).astype(np.float32)
    return SplitPredictions(logits, np.uint8(labels), np.arange(len(labels), dtype=np.uint64))


def test_threshold_by_hand():
    true = [0.9, 0.2, 0.6, 0.4]
    calibration = predictions([[p, 1 - p] for p in true], [0, 0, 0, 0])
    # ⌈5 · 0.6⌉ = 3: the third largest of 0.9, 0.6, 0.4, 0.2.
    assert conformal_threshold(calibration, 0.6) == pytest.approx(0.4)
    assert conformal_threshold(calibration, 0.8) == pytest.approx(0.2)
    assert conformal_threshold(calibration, 0.9) == 0  # ⌈4.5⌉ = 5 of 4 images


def test_sets_hold_the_classes_at_or_above_the_threshold():
    two = predictions([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25]], [0, 1])
    assert prediction_sets(two, 0.3).tolist() == [[True, False, False], [True, True, False]]
    at = two.probabilities[0, 1]
    assert prediction_sets(two, at).tolist() == [[True, True, False], [True, True, True]]


@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_coverage_holds_for_exchangeable_images(coverage):
    """The probabilities need not be calibrated for the sets to cover."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(12_000, 7))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) > random.random((12_000, 1))).argmax(axis=1)
    wrong = np.exp(4 * logits) / np.exp(4 * logits).sum(axis=1, keepdims=True) + 1e-12
    calibration, new = (
        predictions(wrong[:6000], labels[:6000]),
        predictions(wrong[6000:], labels[6000:]),
    )
    sets = prediction_sets(new, conformal_threshold(calibration, coverage))
    assert sets[np.arange(6000), new.labels].mean() == pytest.approx(coverage, abs=0.015)
