from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from fer_lib.analysis.comparison import (
    Estimate,
    accuracy_table,
    balanced_table,
    deduplicated_accuracy,
    estimate,
    largest_confusion,
    paired_differences,
    source_accuracies,
    trivial_classifiers,
)
from fer_lib.analysis.leakage import LEAKAGE_PATH
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.experiments import EXPERIMENTS
from fer_lib.io import read_json
from fer_lib.runs.predictions import SplitPredictions

LABELS = np.repeat(np.arange(7), 10).astype(np.uint8)


def predictor(wrong: list[int], hashes: np.ndarray | None = None) -> SimpleNamespace:
    """A model that predicts the next class on some rows, and the true class on the others.

    So on PrivateTest; on PublicTest it is wrong on all images.
    """
    predicted = LABELS.astype(int)
    predicted[wrong] = (predicted[wrong] + 1) % 7
    hashes = np.arange(len(LABELS), dtype=np.uint64) if hashes is None else hashes
    classes = {"public_test": (LABELS + 1) % 7, "private_test": predicted}
    predictions = {
        split: SplitPredictions(np.eye(7, dtype=np.float32)[each], LABELS, hashes)
        for split, each in classes.items()
    }
    return SimpleNamespace(predictions=predictions, metrics=metrics_by_split(predictions))


def test_estimates_have_their_interval_and_may_be_missing(run):
    metrics = run.metrics["both"]
    assert estimate(run, "both") == (metrics["accuracy"], *metrics["intervals"]["accuracy"])
    assert estimate(None, "both") == Estimate(None, None, None)
    assert estimate(SimpleNamespace(metrics={}), "private_test") == Estimate()
    assert Estimate(1, 2, 3).columns("f1") == {"f1": 1, "f1_low": 2, "f1_high": 3}
    assert np.isnan(list(Estimate().columns("f1").values())).all()


def test_tables_are_numeric_even_where_nothing_is_recorded():
    missing = {"Missing": None}
    for table in (
        accuracy_table(missing),
        balanced_table(missing),
        paired_differences(None, missing),
    ):
        assert table.iloc[:, 1:].select_dtypes("number").shape[1] == table.shape[1] - 1


def test_deduplicated_accuracy_leaves_out_images_that_occur_in_training():
    leaked = read_json(LEAKAGE_PATH)["in_training"]["private_test"]
    hashes = np.arange(len(LABELS), dtype=np.uint64)
    hashes[:4] = leaked["exact"][:4]
    hashes[4:6] = leaked["near"][:2]
    model = predictor([0, 1, 4, 10], hashes)  # 4 of 70 are wrong
    assert estimate(model, "private_test").value == pytest.approx(66 / 70)
    assert deduplicated_accuracy(model).value == pytest.approx(64 / 66)
    assert deduplicated_accuracy(None) == Estimate()


def test_accuracy_table_has_one_row_per_model(run):
    table = accuracy_table({"Tiny": run, "Missing": None}).set_index("model")
    predictions = run.predictions["private_test"]
    expected = accuracy_score(predictions.labels, predictions.predicted)
    assert table.loc["Tiny", "private_test_accuracy"] == pytest.approx(expected)
    low, high = run.metrics["both"]["intervals"]["accuracy"]
    assert table.loc["Tiny", ["both_accuracy_low", "both_accuracy_high"]].tolist() == [low, high]
    assert table.loc["Missing"].isna().all()


def test_balanced_table_weights_all_classes_equally(run):
    table = balanced_table({"Tiny": run, "Missing": None})
    predictions = run.predictions["private_test"]
    expected = f1_score(predictions.labels, predictions.predicted, average="macro", zero_division=0)
    assert table.loc[0, "macro_f1"] == pytest.approx(expected)
    assert table.loc[0, "macro_f1_low"] <= expected <= table.loc[0, "macro_f1_high"]
    assert table.iloc[1, 1:].isna().all()


def test_trivial_classifiers_are_chance_and_the_majority_class(dataset):
    table = accuracy_table(trivial_classifiers(dataset.class_counts)).set_index("model")
    assert table.loc["Chance", "private_test_accuracy"] == pytest.approx(1 / 7)
    majority = np.argmax(dataset.training.class_counts)
    for split in ("public_test", "private_test"):
        share = (getattr(dataset, split).labels == majority).mean()
        assert table.loc["Majority class", f"{split}_accuracy"] == pytest.approx(share)
    assert table["deduplicated_private_test_accuracy"].isna().all()


def test_source_accuracies_have_wilson_intervals():
    table = source_accuracies().set_index("model")
    accuracy, low, high = table.loc[EXPERIMENTS["custom_cnn"].title]
    n, z = 7178, 1.959964  # the formula by hand
    center = (accuracy + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(accuracy * (1 - accuracy) / n + z**2 / (4 * n**2))
    assert accuracy == 0.6154
    assert [low, high] == pytest.approx([center - half, center + half], abs=1e-4)


def test_paired_differences_count_what_only_one_model_classifies_correctly():
    model, baseline = predictor([0, 1]), predictor([1, 2, 3, 4])
    row = paired_differences(model, {"Baseline": baseline}).iloc[0]
    assert row["accuracy_difference"] == pytest.approx(2 / 70)
    assert row["accuracy_difference_low"] < 2 / 70 < row["accuracy_difference_high"]
    assert (row["only_model_correct"], row["only_baseline_correct"]) == (3, 1)
    assert row["p_value"] == pytest.approx(binomtest(3, 4).pvalue)
    missing = paired_differences(model, {"Missing": None}).iloc[0]
    assert missing["baseline"] == "Missing" and missing.iloc[1:].isna().all()


def test_largest_confusion_is_a_share_of_the_true_class():
    counts = np.diag([90] * 7)
    counts[0, 2] = 9  # angry, predicted as fear: 9 of 99
    counts[1] = [3, 6, 0, 0, 0, 0, 0]  # disgust, predicted as angry: 3 of 9
    model = SimpleNamespace(metrics={"private_test": {"confusion": counts.tolist()}})
    assert largest_confusion(model) == ("disgust", "angry", pytest.approx(1 / 3), 3)
    assert largest_confusion(None).share is None
