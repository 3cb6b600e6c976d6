import numpy as np
import pytest

from fer_lib.analysis.one_vs_rest import one_vs_rest_table, precision_recall_curves
from fer_lib.runs.predictions import SplitPredictions


@pytest.fixture
def predictions():
    random = np.random.default_rng(0)
    labels = np.r_[np.arange(7), random.integers(0, 7, 60)]
    logits = random.normal(size=(67, 7)) + 1.5 * np.eye(7)[labels]
    return SplitPredictions(
        logits.astype(np.float32), labels.astype(np.uint8), np.arange(67, dtype=np.uint64)
    )


def test_areas_by_counting(predictions):
    table = one_vs_rest_table(predictions)
    for index, row in table.iterrows():
        p, positive = predictions.probabilities[:, index], predictions.labels == index
        pairs = p[positive][:, None] > p[~positive][None, :]
        assert row["roc_auc"] == pytest.approx(pairs.mean())
        order = np.argsort(-p)
        hits = positive[order].cumsum() / np.arange(1, len(p) + 1)
        assert row["average_precision"] == pytest.approx(hits[positive[order]].mean())
        assert row["images"] == positive.sum()
        assert row["prevalence"] == pytest.approx(positive.mean())


def test_curves_end_at_full_recall_and_at_precision_one(predictions):
    curves = precision_recall_curves(predictions)
    disgust = curves[curves["emotion"] == "disgust"]
    assert disgust["recall"].iloc[0] == 1
    assert disgust["precision"].iloc[-1] == 1 and disgust["recall"].iloc[-1] == 0
