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


def test_the_table_is_calibrated_on_public_test_and_evaluated_on_private_test():
    labels = np.arange(7)
    public = split([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], labels)
    private = split([0.95, 0.85, 0.1, 0.75, 0.65, 0.55, 0.45], labels)
    predictor = SimpleNamespace(predictions={"public_test": public, "private_test": private})
    table = conformal_table({"a": predictor, "b": None}, (0.5,))
    # ⌈8 · 0.5⌉ = 4, so the threshold is 0.6: classes 0, 1, 3 and 4 are covered, alone.
    (row,) = table.to_dict("records")
    assert row["model"] == "a" and row["target_coverage"] == 0.5
    assert row["coverage"] == pytest.approx(4 / 7)
    assert row["classes_per_set"] == row["single_class_share"] == pytest.approx(4 / 7)
    assert row["empty_share"] == pytest.approx(3 / 7) and row["lowest_class_coverage"] == 0
    assert row["lowest_coverage_emotion"] == "fear"  # the first of those without coverage
