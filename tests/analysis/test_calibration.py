from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import log_loss

from fer_lib.analysis.calibration import (
    accuracy_at_coverage,
    calibration_table,
    reliability_table,
    selective_prediction_table,
    temperature,
)
from fer_lib.runs.predictions import SplitPredictions


def predictions(probabilities, labels):
    logits = np.log(np.asarray(probabilities, np.float32))
    return SplitPredictions(logits, np.array(labels), np.arange(len(labels), dtype=np.uint64))


@pytest.fixture
def overconfident():
    """On PrivateTest 90 % sure of class 0, 80 % sure on two images, and right on half of them.

    On PublicTest it is 90 % sure of class 0 and right on 70 % of the images.
    """
    rows = 8 * [[0.9] + 6 * [0.1 / 6]] + 2 * [[0.8] + 6 * [0.2 / 6]]
    private = predictions(rows, [0, 0, 0, 0, 1, 2, 3, 4, 0, 5])
    public = predictions(10 * rows[:1], [0, 0, 0, 0, 0, 0, 0, 3, 4, 5])
    return SimpleNamespace(predictions={"public_test": public, "private_test": private})


def test_temperature_makes_confidence_the_accuracy_on_public_test(overconfident):
    # Logits 0.9 : 0.1 / 6, a ratio of 54; at the accuracy of 70 %, 0.7 : 0.3 / 6, it is 14.
    expected = np.log(54) / np.log(14)
    assert temperature(overconfident) == pytest.approx(expected, rel=1e-3)


def test_calibration_by_hand(overconfident):
    row = calibration_table({"Model": overconfident}).iloc[0]
    # Two bins: 8 images of confidence 0.9 and accuracy 0.5, 2 of confidence 0.8 and accuracy 0.5.
    assert row["ece"] == pytest.approx((8 * 0.4 + 2 * 0.3) / 10)
    assert row["temperature"] > 1
    right, wrong = 0.1**2 + (0.1 / 6) ** 2 * 6, 0.9**2 + (1 - 0.1 / 6) ** 2 + (0.1 / 6) ** 2 * 5
    right2, wrong2 = 0.2**2 + (0.2 / 6) ** 2 * 6, 0.8**2 + (1 - 0.2 / 6) ** 2 + (0.2 / 6) ** 2 * 5
    assert row["brier"] == pytest.approx((4 * right + 4 * wrong + right2 + wrong2) / 10)


def test_scaled_measures_are_of_logits_over_the_temperature_of_public_test(run):
    row = calibration_table({"Tiny": run}).iloc[0]
    assert row["temperature"] == temperature(run)
    private = run.predictions["private_test"]
    for column, divisor in (("nll", 1), ("nll_scaled", row["temperature"])):
        scaled = SplitPredictions(private.logits / divisor, private.labels, private.hashes)
        expected = log_loss(private.labels, scaled.probabilities, labels=range(7))
        assert row[column] == pytest.approx(expected, rel=1e-5)


def test_a_missing_model_has_a_row_without_numbers(run):
    table = calibration_table({"Tiny": run, "Missing": None})
    assert table["model"].tolist() == ["Tiny", "Missing"]
    assert table.iloc[1].drop("model").isna().all()
    selective = selective_prediction_table({"Tiny": run, "Missing": None})
    assert selective.iloc[1].drop("model").isna().all()


def test_reliability_has_the_filled_bins(overconfident):
    table = reliability_table({"Model": overconfident, "Missing": None})
    before = table[~table["scaled"].astype(bool)]
    assert before[["count", "accuracy"]].values.tolist() == [[2, 0.5], [8, 0.5]]
    np.testing.assert_allclose(before["confidence"].astype(float), [0.8, 0.9], rtol=1e-6)
    after = table[table["scaled"].astype(bool)]
    assert after["confidence"].max() < 0.9
    assert reliability_table({"Missing": None}).empty


def test_accuracy_at_coverage_by_hand():
    rows = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]]
    split = predictions(rows, [0, 1, 0, 1])
    model = SimpleNamespace(predictions={"private_test": split})
    assert accuracy_at_coverage(model, 0.25) == 1
    assert accuracy_at_coverage(model, 0.5) == 0.5
    assert accuracy_at_coverage(model, 0.6) == pytest.approx(2 / 3)  # three of four images
    table = selective_prediction_table({"Model": model}, (1.0, 0.5))
    assert table.to_dict("records") == [
        {
            "model": "Model",
            "accuracy_at_100_percent_coverage": 0.5,
            "accuracy_at_50_percent_coverage": 0.5,
        }
    ]
