import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import paired_difference
from fer_lib.evaluation.metrics import classification_metrics, confidence_gap, metrics_by_split
from fer_lib.runs.predictions import softmax


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    labels = rng.choice(7, 500, p=[0.14, 0.02, 0.14, 0.25, 0.17, 0.11, 0.17]).astype(np.uint8)
    logits = rng.normal(size=(500, 7)).astype(np.float32)
    logits[np.arange(500), labels] += 1.5
    return logits, labels


def test_agrees_with_scikit_learn(case):
    logits, labels = case
    predicted = logits.argmax(axis=1)
    result = classification_metrics(logits, labels)
    report = sk.classification_report(
        labels, predicted, target_names=EMOTION_NAMES, output_dict=True, zero_division=0
    )
    assert result["accuracy"] == pytest.approx(report["accuracy"])
    assert result["balanced_accuracy"] == pytest.approx(
        sk.balanced_accuracy_score(labels, predicted)
    )
    for ours, theirs in (
        ("macro_precision", "precision"),
        ("macro_recall", "recall"),
        ("macro_f1", "f1-score"),
    ):
        assert result[ours] == pytest.approx(report["macro avg"][theirs])
    assert result["per_class"]["fear"]["f1"] == pytest.approx(report["fear"]["f1-score"])
    assert sum(map(sum, result["confusion"])) == result["n"] == 500


def test_by_hand():
    logits = np.eye(7)[[0, 0, 1, 3]]  # predicted
    result = classification_metrics(logits, np.array([0, 1, 1, 3]))
    assert result["accuracy"] == 0.75
    assert result["per_class"]["angry"] == {
        "precision": 0.5,
        "recall": 1.0,
        "f1": pytest.approx(2 / 3),
        "support": 1,
    }
    assert result["balanced_accuracy"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert result["confusion"][1][0] == 1


def test_the_accuracy_interval_agrees_with_scipys_bootstrap(case):
    logits, labels = case
    correct = (logits.argmax(axis=1) == labels).astype(float)
    low, high = classification_metrics(logits, labels)["intervals"]["accuracy"]
    theirs = stats.bootstrap(
        (correct,), np.mean, method="percentile", n_resamples=4000, rng=1
    ).confidence_interval
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.008)
    half = 1.96 * np.sqrt(correct.mean() * (1 - correct.mean()) / len(correct))
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)


def test_the_macro_f1_interval_agrees_with_resampled_images(case):
    logits, labels = case
    predicted = logits.argmax(axis=1)
    rng = np.random.default_rng(1)
    rows = rng.integers(len(labels), size=(600, len(labels)))
    theirs = [
        sk.f1_score(labels[r], predicted[r], labels=range(7), average="macro", zero_division=0)
        for r in rows
    ]
    assert classification_metrics(logits, labels)["intervals"]["macro_f1"] == pytest.approx(
        np.quantile(theirs, [0.025, 0.975]), abs=0.02
    )


def test_probabilities_do_not_overflow():
    values = softmax(np.float32([[1000, 0, -1000]]))
    np.testing.assert_allclose(values, [[1, 0, 0]])
    np.testing.assert_allclose(softmax(np.log([[0.2, 0.3, 0.5]])), [[0.2, 0.3, 0.5]])


def test_both_is_the_two_splits_together(case):
    logits, labels = case
    predictions = {
        "public_test_logits": logits[:200], "public_test_labels": labels[:200],
        "private_test_logits": logits[200:], "private_test_labels": labels[200:],
    }  # fmt: skip
    result = metrics_by_split(predictions)
    assert result["both"] == classification_metrics(logits, labels)
    assert list(metrics_by_split({k: v for k, v in predictions.items() if "public" in k})) == [
        "public_test"
    ]


def as_predictions(logits, labels, hashes):
    return {
        "private_test_logits": logits,
        "private_test_labels": labels,
        "private_test_hashes": hashes,
    }


def test_paired_difference_agrees_with_scipy_and_with_resampled_images(case):
    logits, labels = case
    rng = np.random.default_rng(3)
    hashes = rng.integers(2**60, size=500).astype(np.uint64)
    hashes[1], labels[1] = (
        hashes[0],
        (labels[0] + 1) % 7,
    )  # the same picture twice, under two labels
    logits[1] = logits[0]
    better = logits.copy()
    better[np.arange(500), labels] += 0.7
    better[1] = better[0]
    order = rng.permutation(500)
    shuffled = as_predictions(logits[order], labels[order], hashes[order])
    result = paired_difference(as_predictions(better, labels, hashes), shuffled, "private_test")
    a, b = (x.argmax(axis=1) == labels for x in (better, logits))
    assert result["accuracy"] == pytest.approx(a.mean() - b.mean())
    assert (result["only_ours"], result["only_theirs"]) == ((a & ~b).sum(), (b & ~a).sum())
    assert result["p_value"] == pytest.approx(
        stats.binomtest(int((a & ~b).sum()), int((a != b).sum()), 0.5).pvalue
    )
    rows = rng.integers(500, size=(4000, 500))
    theirs = np.quantile(a[rows].mean(axis=1) - b[rows].mean(axis=1), [0.025, 0.975])
    assert result["intervals"]["accuracy"] == pytest.approx(theirs, abs=0.006)

    def macro_f1(x, r):
        return sk.f1_score(
            labels[r], x[r].argmax(axis=1), labels=range(7), average="macro", zero_division=0
        )

    everything = np.arange(500)
    assert result["macro_f1"] == pytest.approx(
        macro_f1(better, everything) - macro_f1(logits, everything)
    )
    theirs = np.quantile(
        [macro_f1(better, r) - macro_f1(logits, r) for r in rows[:600]], [0.025, 0.975]
    )
    assert result["intervals"]["macro_f1"] == pytest.approx(theirs, abs=0.02)


def test_a_model_does_not_differ_from_itself(case):
    predictions = as_predictions(*case, np.arange(500, dtype=np.uint64))
    result = paired_difference(predictions, predictions, "private_test")
    assert result["accuracy"] == result["macro_f1"] == 0 and result["p_value"] == 1
    assert result["intervals"] == {"accuracy": [0, 0], "macro_f1": [0, 0]}


def test_other_images_are_refused(case):
    one, other = (as_predictions(*case, np.arange(500, dtype=np.uint64) + i) for i in range(2))
    with pytest.raises(ValueError, match="not scored on the same images"):
        paired_difference(one, other, "private_test")


def test_confidence_by_hand_and_by_scipy(case):
    p = np.array([[0.8, 0.1, 0.1], [0.5, 0.3, 0.2], [0.4, 0.3, 0.3]])
    result = confidence_gap(np.log(p), np.array([0, 0, 1]))
    assert result["mean"] == pytest.approx((0.8 + 0.5 + 0.4) / 3)
    assert result["gap"] == pytest.approx(result["mean"] - 2 / 3)
    assert result["mean_when_wrong"] == pytest.approx(0.4) and result[
        "true_when_wrong"
    ] == pytest.approx(0.3)
    logits, labels = case
    gaps = softmax(logits).max(axis=1) - (logits.argmax(axis=1) == labels)
    theirs = stats.bootstrap(
        (gaps,), np.mean, method="percentile", n_resamples=4000, rng=1
    ).confidence_interval
    assert confidence_gap(logits, labels)["interval"] == pytest.approx(
        [theirs.low, theirs.high], abs=0.006
    )
