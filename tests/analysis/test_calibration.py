from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import t
from sklearn.metrics import log_loss

from fer_lib.analysis.calibration import (
    accuracy_at_coverage,
    calibration_table,
    emotion_threshold_table,
    reliability_table,
    selective_prediction_table,
    temperature,
    threshold_table,
)
from fer_lib.analysis.leakage import LEAKAGE_PATH
from fer_lib.io import read_json
from fer_lib.runs.predictions import SplitPredictions


def predictions(probabilities, labels):
    logits = np.log(np.asarray(probabilities, np.float32))
    return SplitPredictions(logits, np.array(labels), np.arange(len(labels), dtype=np.uint64))


ROWS = 8 * [[0.9] + 6 * [0.1 / 6]] + 2 * [[0.8] + 6 * [0.2 / 6]]


def model(public, private, rows=ROWS):
    """On both splits 90 % sure of class 0, and 80 % sure on two images."""
    return SimpleNamespace(
        predictions={
            "public_test": predictions(rows, public),
            "private_test": predictions(rows, private),
        }
    )


# Right on half of the images, in each bin: overconfident. Right on all: underconfident.
HALF = [0, 0, 0, 0, 1, 2, 3, 4, 0, 5]
ALL = 10 * [0]


@pytest.fixture
def overconfident():
    return model(HALF, HALF)


def test_calibration_by_hand(overconfident):
    row = calibration_table({"Model": [overconfident]}).iloc[0]
    assert row["confidence_gap"] == pytest.approx(0.88 - 0.5)
    # Two bins: 8 images of confidence 0.9 and accuracy 0.5, 2 of confidence 0.8 and accuracy 0.5.
    assert row["ece"] == pytest.approx((8 * 0.4 + 2 * 0.3) / 10)
    assert row["temperature"] > 1
    assert row["ece_change"] == pytest.approx(row["ece_scaled"] - row["ece"])
    assert row["ece_scaled"] < 0.1


def test_the_temperature_is_fitted_on_public_test_and_not_on_private_test():
    table = calibration_table({"A": [model(HALF, ALL)], "B": [model(ALL, HALF)]}).set_index("model")
    assert table.loc["A", "temperature"] > 1 > table.loc["B", "temperature"]
    # Each temperature is right for the other split.
    assert (table["ece_change"] > 0).all() and (table["nll_change"] > 0).all()


def test_scaled_measures_are_of_logits_over_the_temperature_of_public_test(run):
    row = calibration_table({"Tiny": [run]}).iloc[0]
    assert row["temperature"] == temperature(run)
    private = run.predictions["private_test"]
    for column, divisor in (("nll", 1), ("nll_scaled", row["temperature"])):
        scaled = SplitPredictions(private.logits / divisor, private.labels, private.hashes)
        expected = log_loss(private.labels, scaled.probabilities, labels=range(7))
        assert row[column] == pytest.approx(expected, rel=1e-5)


def test_means_over_seeds_have_intervals_of_images_and_seeds(overconfident):
    """A seed of confidence 0.7 on all images and one of 0.6, right on half of them."""
    sure, unsure = ([[p] + 6 * [(1 - p) / 6]] * 10 for p in (0.7, 0.6))
    seeds = [model(HALF, HALF, rows) for rows in (sure, unsure)]
    table = calibration_table({"Two": seeds, "One": [overconfident], "None": []})
    assert table["seeds"].tolist() == [2, 1, 0]
    row = table.iloc[0]
    assert row["confidence_gap"] == pytest.approx(0.65 - 0.5)
    # The seeds share all errors: their covariance is the variance of the number of right ones,
    # 10 · 1/4, over 10². The seed deviation is that of 0.7 and 0.6, and has one degree of freedom.
    images, seed_variance = 0.25 / 10, 0.005 / 2
    freedom = ((images + seed_variance) / seed_variance) ** 2
    margin = t.ppf(0.975, freedom) * np.sqrt(images + seed_variance)
    assert row["confidence_gap_high"] - row["confidence_gap"] == pytest.approx(margin, rel=0.05)
    assert row["confidence_gap_low"] == pytest.approx(2 * 0.15 - row["confidence_gap_high"])
    assert table.iloc[2].drop(["model", "seeds"]).isna().all()


def test_p_values_of_the_changes_are_corrected_for_the_models(overconfident):
    seeds = [model(HALF, HALF, [[p] + 6 * [(1 - p) / 6]] * 10) for p in (0.99, 0.98, 0.97)]
    alone = calibration_table({"A": seeds})["nll_p_value"]
    both = calibration_table({"A": seeds, "Same": seeds})["nll_p_value"]
    assert 0 < alone[0] < 0.5
    # The pooled deviation of both is the same, of twice the degrees of freedom.
    assert both.nunique() == 1 and both[0] < 2 * alone[0]
    assert both[0] > alone[0]


def test_deduplicated_calibration_leaves_out_what_training_holds(overconfident):
    leaked = read_json(LEAKAGE_PATH)["in_training"]["private_test"]["exact"][:4]
    private = overconfident.predictions["private_test"]
    private.hashes[:4] = leaked  # four of the five images that are right
    row = calibration_table({"Model": [overconfident]}, "deduplicated_private_test").iloc[0]
    assert row["confidence_gap"] == pytest.approx((4 * 0.9 + 2 * 0.8 - 1) / 6)


def test_a_missing_model_has_a_row_without_numbers(run):
    selective = selective_prediction_table({"Tiny": [run], "Missing": []}, (0.5,))
    assert selective["model"].tolist() == ["Tiny", "Missing"]
    assert selective.iloc[1].drop(["model", "seeds"]).isna().all()


def test_reliability_has_the_filled_bins(overconfident):
    table = reliability_table({"Model": overconfident, "Missing": None})
    before = table[~table["scaled"].astype(bool)]
    assert before[["count", "accuracy"]].values.tolist() == [[2, 0.5], [8, 0.5]]
    np.testing.assert_allclose(before["confidence"].astype(float), [0.8, 0.9], rtol=1e-6)
    after = table[table["scaled"].astype(bool)]
    assert after["confidence"].max() < 0.9
    assert reliability_table({"Missing": None}).empty


def test_selective_prediction_by_hand():
    """Two seeds that are right on three images, and most confident on one of them or on none."""
    rows = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    seeds = [
        SimpleNamespace(predictions={"private_test": predictions(each, labels)})
        for each, labels in ((rows, [0, 1, 0, 0]), (rows[::-1], [0, 0, 0, 1]))
    ]
    assert accuracy_at_coverage(seeds[0], 0.5) == 0.5
    assert accuracy_at_coverage(seeds[1], 0.25) == 0
    table = selective_prediction_table({"Model": seeds[:1]}, (1.0, 0.25))
    (row,) = table[["seeds", *table.filter(regex="coverage$")]].to_dict("records")
    assert row == {
        "seeds": 1,
        "accuracy_at_100_percent_coverage": 0.75,
        "accuracy_at_25_percent_coverage": 1,
    }
    mean = selective_prediction_table({"Model": seeds}, (0.25,)).iloc[0]
    assert mean["accuracy_at_25_percent_coverage"] == 0.5
    low, high = mean.filter(regex="_(low|high)$")
    assert low < 0.5 < high


def test_coverage_and_precision_of_an_emotion_by_hand():
    """Angry is predicted with a probability of 0.8, 0.8, 0.8 and 0.6, and fear with 0.8."""
    sure, unsure, fear = (
        [p if k == c else (1 - p) / 6 for k in range(7)] for c, p in ((0, 0.8), (0, 0.6), (2, 0.8))
    )
    rows = 20 * [sure, sure, sure, unsure, fear]
    run = model(20 * [0, 0, 1, 0, 2], 19 * [0, 0, 1, 1, 2] + [0, 0, 1, 1, 3], rows)
    assert temperature(run) == pytest.approx(1, abs=0.1)  # right on 80 % of PublicTest
    table = emotion_threshold_table([run, run], (0.0, 0.7)).set_index(["emotion", "threshold"])
    values = table[["coverage", "precision"]]
    assert values.loc[("angry", 0.0)].tolist() == pytest.approx([1, 1 / 2])
    assert values.loc[("angry", 0.7)].tolist() == pytest.approx([3 / 4, 2 / 3])
    assert values.loc[("fear", 0.7)].tolist() == pytest.approx([1, 19 / 20])
    assert values.loc[("sad", 0.7)].isna().all()
    low, high = table.loc[("angry", 0.7), ["precision_low", "precision_high"]]
    assert low < 2 / 3 < high
    assert table.loc[("fear", 0.7), "precision_high"] == 1  # cut


def test_thresholds_apply_to_calibrated_probabilities():
    """A model that is right on nine of ten images is as sure on PublicTest after scaling."""
    rows = 10 * [[0.6] + 6 * [0.4 / 6]]
    run = model([0] * 9 + [1], [0] * 8 + [1, 1], rows)
    table = threshold_table({"Model": [run], "Missing": []}, (0.7, 0.95))
    assert table["model"].tolist() == ["Model", "Model"]
    assert table["threshold"].tolist() == [0.7, 0.95]
    assert table["coverage"].tolist() == [1, 0]  # 0.6 before scaling, 0.9 after it
    assert table["accuracy"].iloc[0] == 0.8
