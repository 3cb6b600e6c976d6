from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss

from fer_lib.analysis.label_noise import (
    accuracy_against_votes,
    accuracy_by_agreement,
    follow_up_differences,
    label_noise,
    recorded_ceilings,
    recorded_differences_from_regression,
    recorded_leads,
)
from fer_lib.analysis.label_noise.agreement import label_agreement, vote_scores
from fer_lib.analysis.label_noise.ceilings import (
    ceilings,
    differences_from_regression,
    predict_labels_from_votes,
)
from fer_lib.analysis.label_noise.differences import (
    LEADS,
    comparison_records,
    vote_difference,
    vote_leads,
)
from fer_lib.analysis.label_noise.record import record_label_noise
from fer_lib.analysis.verdict import Verdict
from fer_lib.data.ferplus import Votes
from fer_lib.data.readers import DataError
from fer_lib.experiments import FOLLOW_UPS
from fer_lib.io import read_json, write_json


def votes_for_the_label(labels):
    """Eight votes for the label, one for contempt, one unknown; each tenth image has no face."""
    emotions = 8 * np.eye(7, dtype=int)[labels]
    others = np.tile([1, 1, 0], (len(labels), 1))
    emotions[::10], others[::10] = 0, [0, 0, 10]
    return Votes(emotions, others)


def run_of(name, seed, private):
    """A run of an experiment with some predictions on PrivateTest."""
    return SimpleNamespace(
        key=f"{name}/seed-{seed}",
        name=name,
        seed=seed,
        folder=name,
        config={"configuration": {"epochs": 70}},
        predictions={"private_test": private},
    )


@pytest.fixture(scope="module")
def votes(dataset):
    return {name: votes_for_the_label(split.labels) for name, split in dataset.splits.items()}


@pytest.fixture
def voted():
    """The rows of PrivateTest that have votes."""
    return np.arange(70) % 10 != 0


def test_label_agreement(dataset, votes):
    agreement = label_agreement(dataset, votes)
    without_votes = sum(-(-len(split) // 10) for split in dataset.splits.values())
    assert agreement["images"] - agreement["with_majority"] == without_votes
    assert agreement["no_face"] == without_votes
    assert agreement["agreement"] == 1
    assert np.trace(agreement["confusion"]) == agreement["with_majority"]


def test_label_confusion_has_labels_by_row(dataset, votes):
    neutral = np.tile(8 * np.eye(7, dtype=int)[6], (len(dataset.training), 1))
    training = Votes(neutral, np.tile([1, 1, 0], (len(dataset.training), 1)))
    agreement = label_agreement(dataset, {**votes, "Training": training})
    only_tests = label_agreement(dataset, votes)
    counts = np.array(agreement["confusion"])[:, 6]
    rest = sum(
        np.bincount(split.labels[np.arange(70) % 10 != 0], minlength=7)
        for split in (dataset.public_test, dataset.private_test)
    )
    expected = dataset.training.class_counts + np.where(np.arange(7) == 6, rest, 0)
    np.testing.assert_array_equal(counts, expected)
    assert agreement["agreement"] < only_tests["agreement"]


def test_vote_scores(run, dataset, votes, voted):
    scores = vote_scores(run, dataset, votes)
    private = run.predictions["private_test"]
    accuracy = accuracy_score(private.labels[voted], private.predicted[voted])
    assert scores["images"] == scores["voted"] == 63
    assert scores["label_accuracy"] == scores["majority_accuracy"] == accuracy
    expected = log_loss(private.labels[voted], private.probabilities[voted], labels=range(7))
    assert scores["nll"] == pytest.approx(expected)
    assert scores["by_votes"] == [
        {"votes": 8, "images": 63, "label_accuracy": accuracy, "plurality_accuracy": accuracy}
    ]


def test_votes_are_matched_by_image_not_by_row(run, dataset, votes):
    order = np.random.default_rng(0).permutation(70)
    shuffled = SimpleNamespace(
        folder=run.folder, predictions={"private_test": run.predictions["private_test"][order]}
    )
    scores, expected = (vote_scores(each, dataset, votes) for each in (shuffled, run))
    assert scores.pop("by_votes") == expected.pop("by_votes")
    assert scores == pytest.approx(expected)


def test_images_of_another_data_set_are_refused(run, dataset, votes):
    private = run.predictions["private_test"]
    other = replace(private, hashes=private.hashes + np.uint64(1))
    with pytest.raises(DataError, match="not that of this copy"):
        vote_scores(
            SimpleNamespace(folder="other", predictions={"private_test": other}), dataset, votes
        )


@pytest.fixture
def perfect_run(run):
    """A run like the other that predicts every label."""
    private = run.predictions["private_test"]
    logits = 9 * np.eye(7, dtype=np.float32)[private.labels]
    return run_of("se_cnn_distilled", 0, replace(private, logits=logits))


@pytest.fixture
def baseline(run):
    return run_of("se_cnn", 0, run.predictions["private_test"])


def test_vote_difference_is_that_on_images_with_a_majority(
    perfect_run, baseline, dataset, votes, voted
):
    difference = vote_difference(perfect_run, baseline, dataset, votes)
    expected = (~baseline.predictions["private_test"].correct)[voted].mean()
    value, low, high = difference["majority_accuracy"]
    assert value == pytest.approx(expected)
    assert low <= value <= high
    assert difference["label_accuracy"] == difference["majority_accuracy"]


def test_recorded_runs_and_follow_ups(perfect_run, baseline, dataset, votes, tmp_path):
    path = tmp_path / "label_noise.json"
    record_label_noise([baseline, perfect_run], dataset, votes, path)
    record = read_json(path)
    difference = vote_difference(perfect_run, baseline, dataset, votes)
    assert record["follow_ups"] == {"se_cnn_distilled/seed-0": difference}
    assert difference["compared_with"] == "se_cnn/seed-0"
    table = follow_up_differences(path)
    assert table[["model", "seed", "baseline"]].values.tolist() == [
        ["SE-CNN, distilled", 0, "SE-CNN"]
    ]
    limits = table.filter(like="majority_accuracy_difference").iloc[0]
    assert limits.tolist() == difference["majority_accuracy"]

    scores = accuracy_against_votes({"Perfect": perfect_run, "Missing": None}, path)
    assert scores["model"].tolist() == ["Perfect", "Missing"]
    assert scores["label_accuracy"].iloc[0] == 1
    assert scores.iloc[1].drop("model").isna().all()
    from_votes = predict_labels_from_votes(dataset, votes)
    pd.testing.assert_frame_equal(
        recorded_ceilings(path), ceilings(from_votes, votes["PrivateTest"])
    )
    columns = ["experiment", "split", "seeds", "accuracy_difference", "verdict"]
    pd.testing.assert_frame_equal(
        recorded_differences_from_regression(path)[columns],
        differences_from_regression([baseline, perfect_run], from_votes)[columns],
    )
    by_agreement = accuracy_by_agreement({"Perfect": perfect_run, "Missing": None}, path)
    assert by_agreement.values.tolist() == [["Perfect", 8, 63, 1.0, 1.0]]


def test_follow_ups_are_compared_by_seed(run, dataset, votes, tmp_path):
    """One whose baseline has no run of that seed with PrivateTest is left out."""
    path, (name, baseline) = tmp_path / "label_noise.json", FOLLOW_UPS[0]
    private = run.predictions["private_test"]
    rolled = replace(private, logits=np.roll(private.logits, 1, axis=1))
    runs = [
        run_of(experiment, seed, private if seed else rolled)  # seeds differ
        for experiment, seed in ((name, 0), (name, 1), (baseline, 1), (baseline, 2))
    ]
    record_label_noise(runs, dataset, votes, path)
    ((key, difference),) = read_json(path)["follow_ups"].items()
    assert (key, difference["compared_with"]) == (f"{name}/seed-1", f"{baseline}/seed-1")
    assert difference["label_accuracy"][0] == 0
    assert follow_up_differences(path)["seed"].tolist() == [1]


def test_leads_of_several_seeds_against_label_and_majority(run, dataset, votes, voted):
    """The experiment predicts each majority vote; the label differs from it where it has votes."""
    name, baseline = LEADS[0]
    private = run.predictions["private_test"]
    neutral = Votes(np.tile(8 * np.eye(7, dtype=int)[6], (70, 1)), np.tile([1, 1, 0], (70, 1)))

    def made(experiment, seed, share):
        """Right against the vote on the first `share` of the images, and else wrong."""
        predicted = np.where(np.arange(70) < share, 6, 0)
        logits = 9 * np.eye(7, dtype=np.float32)[predicted]
        return run_of(experiment, seed, replace(private, logits=logits))

    runs = [made(name, 0, 60), made(name, 1, 64), made(baseline, 0, 34), made(baseline, 1, 36)]
    leads = vote_leads(runs, dataset, {**votes, "PrivateTest": neutral})
    by_target = leads[leads["experiment"] == name].set_index("target")
    assert by_target.index.tolist() == ["label", "majority"]
    assert by_target["seeds"].tolist() == by_target["baseline_seeds"].tolist() == [2, 2]
    row = by_target.loc["majority"]
    assert row["accuracy_difference"] == pytest.approx((62 - 35) / 70)
    assert row["accuracy_difference_low"] < 27 / 70 < row["accuracy_difference_high"]
    assert row["verdict"] is Verdict.CONFIRMED
    labels = private.labels
    right = [((np.where(np.arange(70) < k, 6, 0)) == labels).mean() for k in (60, 64, 34, 36)]
    expected = (right[0] + right[1] - right[2] - right[3]) / 2
    assert by_target.loc["label", "accuracy_difference"] == pytest.approx(expected)
    missing = leads[leads["experiment"] != name]
    assert missing["verdict"].tolist() == [Verdict.NOT_RECORDED] * 2 * (len(LEADS) - 1)


def test_leads_are_stored_and_read(tmp_path):
    leads = pd.DataFrame({
        "experiment": ["a", "b"],
        "accuracy_difference": [0.25, np.nan],
        "verdict": [Verdict.INCONCLUSIVE, Verdict.NOT_RECORDED],
    })  # fmt: skip
    path = tmp_path / "label_noise.json"
    write_json(path, {"leads": comparison_records(leads)})
    assert read_json(path)["leads"][1]["accuracy_difference"] is None
    pd.testing.assert_frame_equal(recorded_leads(path), leads)


def test_label_noise_of_a_record(tmp_path):
    path = tmp_path / "label_noise.json"
    confusion = 6 * np.eye(7, dtype=int) + 1
    confusion[2] = [3, 0, 1, 0, 0, 0, 0]
    labels = {"images": 200, "with_majority": 150, "no_face": 3, "agreement": 0.7}
    write_json(path, {"labels": {**labels, "confusion": confusion.tolist()}})
    noise = label_noise(path)
    assert (noise.no_majority, noise.no_face) == (0.25, 3)
    by_class = noise.agreement_by_class.set_index("emotion")
    assert by_class.loc["fear"].tolist() == [4, 0.25]
    assert by_class.loc["angry"].tolist() == [13, 7 / 13]
    assert noise.majority_share("fear", "angry") == 3 / 4
    assert noise.majority_share("angry", "fear") == 1 / 13
