import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from fer_lib.evaluation.bootstrap import (
    bootstrap_confusions,
    bootstrap_counts,
    bootstrap_intervals,
    confusion_scores,
    paired_difference,
    percentile_interval,
)
from fer_lib.runs.predictions import SplitPredictions


def split_predictions(predicted, labels, hashes=None):
    hashes = np.arange(len(labels)) if hashes is None else hashes
    logits = np.eye(7, dtype=np.float32)[predicted]
    return SplitPredictions(logits, np.uint8(labels), np.uint64(hashes))


@pytest.fixture(scope="module")
def models():
    """Predictions of a better and a worse model on the same 500 images."""
    random = np.random.default_rng(0)
    labels = random.choice(7, 500, p=[0.14, 0.02, 0.14, 0.25, 0.17, 0.11, 0.17])
    hashes = random.integers(2**60, size=500)
    better, worse = (
        np.where(random.random(500) < accuracy, labels, random.integers(0, 7, 500))
        for accuracy in (0.6, 0.5)
    )
    return [split_predictions(predicted, labels, hashes) for predicted in (better, worse)]


def macro_f1(labels, predicted):
    return sk.f1_score(labels, predicted, labels=range(7), average="macro", zero_division=0)


def test_confusion_scores_agree_with_scikit_learn(models):
    confusions = np.stack(
        [sk.confusion_matrix(m.labels, m.predicted, labels=range(7)) for m in models]
    )
    scores = confusion_scores(confusions)
    for k, model in enumerate(models):
        labels, predicted = model.labels, model.predicted
        assert scores["accuracy"][k] == pytest.approx(sk.accuracy_score(labels, predicted))
        balanced = sk.balanced_accuracy_score(labels, predicted)
        assert scores["balanced_accuracy"][k] == pytest.approx(balanced)
        assert scores["macro_f1"][k] == pytest.approx(macro_f1(labels, predicted))
        by_class = sk.f1_score(labels, predicted, labels=range(7), average=None)
        np.testing.assert_allclose(scores["f1"][k], by_class)


def test_confusion_scores_by_hand_with_absent_classes():
    confusion = np.zeros((1, 7, 7), int)
    confusion[0, 0, 0], confusion[0, 1, 0], confusion[0, 1, 1] = 2, 1, 1
    scores = confusion_scores(confusion)
    assert scores["accuracy"] == [0.75]
    assert scores["balanced_accuracy"] == [(1 + 0.5) / 2]  # of the two classes that are present
    np.testing.assert_allclose(scores["f1"][0], [4 / 5, 2 / 3, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(scores["macro_f1"], [(4 / 5 + 2 / 3) / 7])


def test_percentile_interval_by_hand():
    assert percentile_interval(np.arange(1001)) == pytest.approx([25, 975])


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_intervals_agree_with_the_normal_approximation_and_with_resampled_images(models):
    labels, predicted = models[0].labels, models[0].predicted
    intervals = bootstrap_intervals(sk.confusion_matrix(labels, predicted, labels=range(7)))
    accuracy = (predicted == labels).mean()
    half = 1.96 * np.sqrt(accuracy * (1 - accuracy) / 500)
    assert intervals["accuracy"] == pytest.approx([accuracy - half, accuracy + half], abs=0.008)
    rows = np.random.default_rng(1).integers(500, size=(600, 500))
    for name, score in (("macro_f1", macro_f1), ("balanced_accuracy", sk.balanced_accuracy_score)):
        expected = np.quantile([score(labels[r], predicted[r]) for r in rows], [0.025, 0.975])
        assert intervals[name] == pytest.approx(expected, abs=0.02)


def test_intervals_of_certain_scores_have_no_width():
    flawless = np.diag([5] * 7)
    assert bootstrap_intervals(flawless)["accuracy"] == [1, 1]


def test_the_stream_of_random_numbers_that_every_recorded_interval_follows_from():
    counts = bootstrap_counts(4)
    assert counts.shape == (2000, 4) and (counts.sum(axis=1) == 4).all()
    assert counts[:3].tolist() == [[1, 1, 1, 1], [1, 1, 1, 1], [1, 2, 1, 0]]
    draws = np.random.RandomState(0).multinomial(10_000, [0.3, 0.1, 0.2, 0.4], 2000)
    expected = np.quantile((draws[:, 0] + draws[:, 3]) / 10_000, [0.025, 0.975])
    confusion = np.array([[3_000, 1_000], [2_000, 4_000]])
    assert bootstrap_intervals(confusion)["accuracy"] == expected.tolist()
    other = np.random.RandomState(1).multinomial(10_000, [0.3, 0.1, 0.2, 0.4], 2000)
    assert (np.quantile((other[:, 0] + other[:, 3]) / 10_000, [0.025, 0.975]) != expected).all()


def test_confusions_count_the_resampled_images():
    model = split_predictions([0, 1, 1, 2], [0, 0, 1, 2], [4, 3, 2, 1])
    (confusions,) = bootstrap_confusions(model)
    aligned = model[np.array([3, 2, 1, 0])]  # in the order of the hashes
    assert confusions.shape == (2000, 7, 7) and confusions.dtype == int
    for k in (0, 1, 1999):
        expected = np.zeros((7, 7))
        cells = zip(aligned.labels, aligned.predicted, bootstrap_counts(4)[k], strict=True)
        for label, predicted, count in cells:
            expected[label, predicted] += count
        np.testing.assert_array_equal(confusions[k], expected)


def test_confusions_are_paired_by_image_whatever_the_order(models):
    order = np.random.default_rng(2).permutation(500)
    straight, shuffled = bootstrap_confusions(models[0], models[0][order])
    np.testing.assert_array_equal(straight, shuffled)


def test_mcnemar_by_hand():
    # Only a is correct on five images, only b on one: p = 2 (C(6,0) + C(6,1)) / 2^6.
    a = split_predictions([0, 0, 0, 0, 0, 1, 2, 3], [0, 0, 0, 0, 0, 0, 2, 1])
    b = split_predictions([1, 1, 1, 1, 1, 0, 2, 3], [0, 0, 0, 0, 0, 0, 2, 1])
    result = paired_difference(a, b)
    assert (result["only_a_correct"], result["only_b_correct"]) == (5, 1)
    assert result["p_value"] == pytest.approx(2 * (1 + 6) / 64)
    assert result["accuracy"] == pytest.approx(4 / 8)
    reverse = paired_difference(b, a)
    assert (reverse["only_a_correct"], reverse["only_b_correct"]) == (1, 5)
    assert reverse["p_value"] == result["p_value"] and reverse["accuracy"] == -result["accuracy"]


def test_paired_difference_agrees_with_scipy_and_with_resampled_images(models):
    a, b = models
    order = np.random.default_rng(3).permutation(500)
    result = paired_difference(a, b[order])
    assert result["accuracy"] == pytest.approx(a.correct.mean() - b.correct.mean())
    discordant = int((a.correct & ~b.correct).sum()), int((b.correct & ~a.correct).sum())
    assert (result["only_a_correct"], result["only_b_correct"]) == discordant
    assert result["p_value"] == pytest.approx(
        stats.binomtest(discordant[0], sum(discordant)).pvalue
    )
    rows = np.random.default_rng(4).integers(500, size=(4000, 500))
    expected = np.quantile(
        a.correct[rows].mean(axis=1) - b.correct[rows].mean(axis=1), [0.025, 0.975]
    )
    assert result["intervals"]["accuracy"] == pytest.approx(expected, abs=0.006)

    def difference(r):
        return macro_f1(a.labels[r], a.predicted[r]) - macro_f1(b.labels[r], b.predicted[r])

    assert result["macro_f1"] == pytest.approx(difference(np.arange(500)))
    expected = np.quantile([difference(r) for r in rows[:600]], [0.025, 0.975])
    assert result["intervals"]["macro_f1"] == pytest.approx(expected, abs=0.02)


def test_a_model_does_not_differ_from_itself(models):
    result = paired_difference(models[0], models[0])
    assert result["accuracy"] == result["macro_f1"] == 0 and result["p_value"] == 1
    assert result["intervals"] == {"accuracy": [0, 0], "macro_f1": [0, 0]}


def test_predictions_on_other_images_are_refused(models):
    other = split_predictions(models[1].predicted, models[1].labels, models[1].hashes + 1)
    for function in (paired_difference, bootstrap_confusions):
        with pytest.raises(ValueError, match="not of the same images"):
            function(models[0], other)
