from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fer_lib.analysis.label_noise.ceilings import (
    CEILING_MODELS,
    PLURALITY,
    REGRESSION,
    ceilings,
    differences_from_regression,
    predict_labels_from_votes,
)
from fer_lib.analysis.leakage import LEAKAGE_PATH
from fer_lib.analysis.verdict import Verdict
from fer_lib.data.ferplus import Votes
from fer_lib.io import read_json
from fer_lib.runs.predictions import SplitPredictions

N = 400
LABELS = np.arange(N) % 7
HASHES = np.arange(N, dtype=np.uint64)


def votes_for(emotions):
    """Eight votes for an emotion, one for contempt and one unknown, on each image."""
    votes = 8 * np.eye(7, dtype=int)[emotions]
    return Votes(votes, np.tile([1, 1, 0], (len(votes), 1)))


def predicted(classes, hashes=HASHES):
    return SplitPredictions(
        9 * np.eye(7, dtype=np.float32)[classes], LABELS.astype(np.uint8), hashes
    )


def made(name, seed, share):
    """A run that is right on the first `share` of the images."""
    classes = np.where(np.arange(N) < share * N, LABELS, (LABELS + 1) % 7)
    return SimpleNamespace(
        name=name,
        seed=seed,
        config={"configuration": {"epochs": 70}},
        predictions={"private_test": predicted(classes)},
    )


def test_the_regression_is_fitted_on_training_and_not_on_private_test(dataset):
    """Training's annotators vote for the label, and PrivateTest's for the one after it."""
    votes = {
        "Training": votes_for(dataset.training.labels),
        "PrivateTest": votes_for((dataset.private_test.labels + 1) % 7),
    }
    from_votes = predict_labels_from_votes(dataset, votes)
    private = dataset.private_test
    np.testing.assert_array_equal(from_votes.predicted, (private.labels + 1) % 7)
    np.testing.assert_array_equal(from_votes.labels, private.labels)
    np.testing.assert_array_equal(from_votes.hashes, private.hashes)


def test_the_regression_is_that_of_scikit_learn_on_shares_of_votes(dataset):
    random = np.random.default_rng(0)

    def noisy(split):
        emotions = random.multinomial(8, np.full(7, 1 / 7), len(split))
        emotions[np.arange(len(split)), split.labels] += 1
        return Votes(emotions, np.tile([1, 0, 0], (len(split), 1)))

    votes = {"Training": noisy(dataset.training), "PrivateTest": noisy(dataset.private_test)}
    tables = [np.column_stack([each.emotions, each.other_classes]) / 10 for each in votes.values()]
    model = LogisticRegression(max_iter=1000).fit(tables[0], dataset.training.labels)
    probabilities = predict_labels_from_votes(dataset, votes).probabilities
    np.testing.assert_allclose(probabilities, model.predict_proba(tables[1]), atol=1e-6)


def test_ceilings_by_hand():
    """300 of 400 images are predicted right; a fifth of all have no votes."""
    classes = np.where(np.arange(N) < 300, LABELS, (LABELS + 1) % 7)
    votes = votes_for(LABELS)
    votes.emotions[::5] = 0
    leaked = read_json(LEAKAGE_PATH)["in_training"]["private_test"]["exact"][:100]
    hashes = np.concatenate([np.array(leaked, np.uint64), HASHES[100:]])  # the first 100 images
    table = ceilings(predicted(classes, hashes), votes)
    table = table.set_index(["predictor", "split"])
    whole, kept = (
        table.loc[(REGRESSION, f"{prefix}private_test")] for prefix in ("", "deduplicated_")
    )
    assert (whole["images"], kept["images"]) == (400, 300)
    assert whole["accuracy"] == 0.75 and kept["accuracy"] == pytest.approx(200 / 300)
    margin = NormalDist().inv_cdf(0.975) * np.sqrt(0.75 * 0.25 / 400)
    assert whole["accuracy_low"] == pytest.approx(0.75 - margin, abs=0.004)
    assert whole["accuracy_high"] == pytest.approx(0.75 + margin, abs=0.004)
    # Without votes all seven emotions tie: the label is one of seven.
    plurality = table.loc[(PLURALITY, "private_test")]
    assert plurality["accuracy"] == pytest.approx((320 + 80 / 7) / 400)


def test_differences_from_the_regression():
    classes = np.where(np.arange(N) < 0.6 * N, LABELS, (LABELS + 1) % 7)
    above, level = CEILING_MODELS
    runs = [made(above, seed, 0.80 + seed / 100) for seed in range(3)]
    runs += [made(level, seed, 0.59 + seed / 100) for seed in range(3)]
    table = differences_from_regression(runs, predicted(classes))
    assert table["split"].tolist() == 2 * ["private_test"] + 2 * ["deduplicated_private_test"]
    assert table["seeds"].tolist() == [3] * 4
    assert table["accuracy_difference"].tolist() == pytest.approx([0.21, 0.0] * 2)
    verdicts = [Verdict.CONFIRMED, Verdict.INCONCLUSIVE]
    assert table["verdict"].tolist() == verdicts * 2
    # The three seeds share what they have above the regression: from 240 to 320 or more of 400
    # images. The regression has no seeds, so only those of the experiment widen the interval.
    row = table.iloc[0]
    images, seeds = 0.21 * 0.79 / N, 0.01**2 / 3
    half = row["accuracy_difference_high"] - row["accuracy_difference"]
    assert half == pytest.approx(1.97 * np.sqrt(images + seeds), rel=0.08)


def test_an_experiment_without_runs_is_not_recorded():
    table = differences_from_regression([made(CEILING_MODELS[0], 0, 0.8)], predicted(LABELS))
    assert table["seeds"].tolist() == [1, 0, 1, 0]
    assert table["verdict"].tolist() == [Verdict.NOT_RECORDED] * 4  # one seed has no deviation
    assert table["accuracy_difference"].isna().tolist() == [False, True, False, True]
