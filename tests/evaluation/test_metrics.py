import numpy as np
import pytest
from sklearn import metrics as sk

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import bootstrap_intervals
from fer_lib.evaluation.metrics import class_shares, classification_metrics, metrics_by_split
from fer_lib.paths import RESULTS
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.store import find_runs


@pytest.fixture
def predictions():
    random = np.random.default_rng(0)
    labels = random.choice(7, 500, p=[0.14, 0.02, 0.14, 0.25, 0.17, 0.11, 0.17]).astype(np.uint8)
    logits = random.normal(size=(500, 7)).astype(np.float32)
    logits[np.arange(500), labels] += 1.5
    return SplitPredictions(logits, labels, np.arange(500, dtype=np.uint64))


def test_metrics_agree_with_scikit_learn(predictions):
    labels, predicted = predictions.labels, predictions.predicted
    metrics = classification_metrics(predictions.logits, labels)
    report = sk.classification_report(
        labels, predicted, target_names=EMOTION_NAMES, output_dict=True, zero_division=0
    )
    assert metrics["n"] == 500
    assert metrics["accuracy"] == pytest.approx(report["accuracy"])
    balanced = sk.balanced_accuracy_score(labels, predicted)
    assert metrics["balanced_accuracy"] == pytest.approx(balanced)
    for ours, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
        assert metrics[f"macro_{ours}"] == pytest.approx(report["macro avg"][theirs])
        for name in EMOTION_NAMES:
            assert metrics["per_class"][name][ours] == pytest.approx(report[name][theirs])
    assert metrics["per_class"]["disgust"]["support"] == (labels == 1).sum()
    assert metrics["confusion"] == sk.confusion_matrix(labels, predicted).tolist()


@pytest.mark.filterwarnings("error")  # of classes that are never predicted
def test_metrics_by_hand_with_classes_that_are_absent():
    logits = np.eye(7)[[0, 0, 1, 3]]  # the predicted classes
    metrics = classification_metrics(logits, np.array([0, 1, 1, 3]))
    assert metrics["accuracy"] == 0.75
    assert metrics["per_class"]["angry"] == {
        "precision": 0.5,
        "recall": 1.0,
        "f1": pytest.approx(2 / 3),
        "support": 1,
    }
    assert metrics["balanced_accuracy"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 7)
    assert metrics["confusion"][1] == [1, 1, 0, 0, 0, 0, 0]
    assert metrics["confusion"][6] == [0] * 7
    assert metrics["intervals"] == bootstrap_intervals(np.array(metrics["confusion"]))


def test_metrics_of_both_splits_are_those_of_their_images_together(predictions):
    by_split = {"public_test": predictions[:200], "private_test": predictions[200:]}
    metrics = metrics_by_split(by_split)
    assert list(metrics) == ["public_test", "private_test", "both"]
    assert metrics["both"] == classification_metrics(predictions.logits, predictions.labels)
    assert metrics["public_test"]["n"] == 200
    assert list(metrics_by_split({"public_test": predictions[:200]})) == ["public_test"]


def test_recorded_metrics_are_those_of_the_recorded_predictions():
    for run in find_runs(RESULTS):
        assert metrics_by_split(run.predictions) == run.metrics, run.key


def test_shares_are_of_the_true_class_and_0_where_it_is_absent():
    counts = np.diag([8, 4, 1, 1, 1, 1, 0])
    counts[0, 1], counts[1, 0] = 2, 12  # 2 of 10, and 12 of 16
    for shares in (class_shares(counts), *class_shares(np.stack([counts, counts]))):
        assert shares[0, :2].tolist() == [0.8, 0.2]
        assert shares[1, :2].tolist() == [0.75, 0.25]
        assert not shares[6].any()
