from types import SimpleNamespace

import numpy as np
import pytest

from fer_lib.analysis.conformal import conformal_table
from fer_lib.runs.predictions import SplitPredictions


def split(true_probabilities, labels):
    """The true class has a probability, the others share the rest."""
    p = np.repeat((1 - np.array(true_probabilities))[:, None] / 6, 7, axis=1)
    p[np.arange(len(labels)), labels] = true_probabilities
    return SplitPredictions(
        np.log(p).astype(np.float32), np.uint8(labels), np.arange(len(labels), dtype=np.uint64)
    )


def predictor(private, labels):
    """Its threshold at a coverage of 50 % is 0.6, as ⌈8 · 0.5⌉ = 4."""
    public = split([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], np.arange(7))
    return SimpleNamespace(
        predictions={"public_test": public, "private_test": split(private, labels)}
    )


LABELS = np.arange(7)
FIRST = [0.95, 0.85, 0.1, 0.75, 0.65, 0.55, 0.45]  # classes 0, 1, 3 and 4 are covered, alone
SECOND = [0.95, 0.85, 0.7, 0.1, 0.65, 0.7, 0.45]  # classes 0, 1, 2, 4 and 5


def test_the_table_is_calibrated_on_public_test_and_evaluated_on_private_test():
    table = conformal_table({"a": [predictor(FIRST, LABELS)], "b": []}, (0.5,))
    (row,) = table.to_dict("records")
    assert (row["model"], row["seeds"], row["target_coverage"]) == ("a", 1, 0.5)
    assert row["coverage"] == pytest.approx(4 / 7)
    assert row["classes_per_set"] == row["single_class_share"] == pytest.approx(4 / 7)
    assert row["empty_share"] == pytest.approx(3 / 7) and row["lowest_class_coverage"] == 0
    assert row["lowest_coverage_emotion"] == "fear"  # the first of those without coverage


def test_several_seeds_are_averaged_on_the_same_images():
    backwards = predictor(SECOND[::-1], LABELS[::-1])  # the same images in another order
    backwards.predictions["private_test"].hashes[:] = LABELS[::-1]
    seeds = [predictor(FIRST, LABELS), backwards]
    (row,) = conformal_table({"a": seeds}, (0.5,)).to_dict("records")
    assert row["seeds"] == 2 and row["coverage"] == pytest.approx((4 + 5) / 14)
    assert row["lowest_coverage_emotion"] == "neutral"  # the only one that no seed covers
    (other,) = conformal_table({"a": [seeds[0], predictor(SECOND, LABELS)]}, (0.5,)).to_dict(
        "records"
    )
    assert row == other
    # Seeds that are covered on the same images: the images' variance p(1 − p)/7, no variance of
    # seeds, and so infinite degrees of freedom.
    (equal,) = conformal_table({"a": [seeds[0]] * 2}, (0.5,)).to_dict("records")
    half_width = 1.96 * np.sqrt(4 / 7 * 3 / 7 / 7)
    assert equal["coverage_high"] - equal["coverage"] == pytest.approx(half_width, rel=0.05)
    assert equal["coverage"] - equal["coverage_low"] == pytest.approx(half_width, rel=0.05)


def test_without_a_record_the_table_is_empty():
    table = conformal_table({"a": []})
    assert table.empty and {"coverage_low", "lowest_class_coverage"} <= set(table)
