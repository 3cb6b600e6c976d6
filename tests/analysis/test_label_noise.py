import gzip
from types import SimpleNamespace

import numpy as np
import pytest

from fer_lib.analysis.label_noise import (
    LABEL_NOISE_PATH,
    change_against_votes,
    record_label_noise,
    run_against_votes,
)
from fer_lib.data import ferplus
from fer_lib.data.ferplus import EMOTION_COLUMNS, Votes, find_votes, load_votes
from fer_lib.data.readers import SPLITS, DataError
from fer_lib.io import read_json
from fer_lib.plotting.trust import labels_against_votes
from fer_lib.runs.predictions import softmax


@pytest.fixture(scope="module")
def votes_file(dataset, tmp_path_factory):
    """Made-up votes on the synthetic faces: eight for the label; every tenth face has none of the
    seven."""
    path = tmp_path_factory.mktemp("votes") / "fer2013new.csv"
    lines = [
        "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    ]
    order = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")
    for name in SPLITS:
        for row, label in enumerate(dataset.splits[name].labels):
            votes = dict.fromkeys(order, 0)
            votes[EMOTION_COLUMNS[label]] = 0 if row % 10 == 0 else 8
            rest = [0, 0, 10] if row % 10 == 0 else [1, 1, 0]
            lines.append(",".join(map(str, [name, f"fer{row}.png", *votes.values(), *rest])))
    path.write_text("\n".join(lines))
    return path


def test_votes_stand_in_our_order(dataset, votes_file):
    votes = load_votes(votes_file, dataset)["PrivateTest"]
    expected = dataset.private_test.labels.astype(int)
    expected[::10] = -1
    np.testing.assert_array_equal(votes.majority, expected)
    assert np.isnan(votes.distribution[0]).all() and votes.distribution[1].max() == 1


def test_half_of_the_votes_is_no_majority():
    votes = Votes(
        np.array([[5, 1, 1, 1, 0, 0, 0], [6, 1, 1, 0, 0, 0, 0]]), np.array([[2, 0, 0], [0, 1, 1]])
    )
    assert votes.majority.tolist() == [-1, 0]
    np.testing.assert_allclose(votes.distribution[0, :2], [5 / 8, 1 / 8])


def test_chance_decides_between_emotions_with_as_many_votes():
    votes = Votes(
        np.array([[4, 4, 2, 0, 0, 0, 0], [3, 3, 3, 1, 0, 0, 0], [9, 1, 0, 0, 0, 0, 0]]),
        np.zeros((3, 3), int),
    )
    for answers, expected in (([1, 2, 0], [1 / 2, 1 / 3, 1]), ([2, 3, 1], [0, 0, 0])):
        np.testing.assert_allclose(votes.plurality(np.array(answers)), expected)


def test_gzipped_votes_are_read_too(dataset, votes_file, tmp_path):
    packed = tmp_path / "ferplus_votes.csv.gz"
    packed.write_bytes(gzip.compress(votes_file.read_bytes()))
    np.testing.assert_array_equal(
        load_votes(packed, dataset)["Training"].emotions,
        load_votes(votes_file, dataset)["Training"].emotions,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("anger", "rage"), "expected columns"),
        (lambda text: text.replace("8", "many"), "not FER"),
        (lambda text: text[: text.rindex("\n")], "69 rows of PrivateTest, expected 70"),
        (
            lambda text: text.replace(
                "neutral,happiness,surprise,sadness,anger",
                "happiness,surprise,sadness,anger,neutral",
            ),
            "another order",
        ),
        (lambda text: "", "not FER"),
    ],
)
def test_faults_are_named(dataset, votes_file, tmp_path, change, message):
    broken = tmp_path / "fer2013new.csv"
    broken.write_text(change(votes_file.read_text()))
    with pytest.raises(DataError, match=message):
        load_votes(broken, dataset)


def test_labels_against_votes_by_hand(dataset, votes_file):
    found = labels_against_votes(dataset, load_votes(votes_file, dataset))
    without = sum(-(-len(split) // 10) for split in dataset.splits.values())
    assert found["images"] - found["with_majority"] == found["no_face"] == without
    assert found["agreement"] == 1 and np.trace(found["confusion"]) == found["with_majority"]
    assert found["ceilings"]["plurality"] == pytest.approx(
        (63 + 7 / 7) / 70
    )  # without a vote all seven are as frequent
    assert found["ceilings"]["fitted"] >= 63 / 70


def test_a_run_against_votes_by_hand(run, dataset, votes_file):
    votes = load_votes(votes_file, dataset)
    found = run_against_votes(run, dataset, votes)
    labels, logits = run.predictions["private_test_labels"], run.predictions["private_test_logits"]
    voted = np.arange(70) % 10 != 0
    assert found["images"] == found["voted"] == 63
    assert (
        found["accuracy_label"]
        == found["accuracy_majority"]
        == (logits.argmax(axis=1) == labels)[voted].mean()
    )
    p = softmax(logits)[voted, labels[voted]]
    assert found["nll"] == pytest.approx(-np.log(p).mean())
    assert found["by_votes"] == [[8, 63, found["accuracy_label"], found["accuracy_majority"]]]


def test_what_a_change_does_is_counted_on_the_images_with_a_majority(
    run, dataset, votes_file, tmp_path, monkeypatch
):
    votes = load_votes(votes_file, dataset)
    labels, logits = run.predictions["private_test_labels"], run.predictions["private_test_logits"]
    knowing = SimpleNamespace(
        key="se_cnn_distilled/seed-0", folder=tmp_path, config={"experiment": "se_cnn_distilled", "seed": 0},
        predictions={**run.predictions, "private_test_logits": 9 * np.eye(7, dtype=np.float32)[labels]},
    )  # fmt: skip
    base = SimpleNamespace(
        key="se_cnn/seed-0",
        folder=tmp_path,
        config={"experiment": "se_cnn", "seed": 0},
        predictions=run.predictions,
    )
    found = change_against_votes(knowing, base, dataset, votes)
    wrong = (logits.argmax(axis=1) != labels)[np.arange(70) % 10 != 0].mean()
    difference, low, high = found["accuracy_majority"]
    assert difference == pytest.approx(wrong) and low <= difference <= high
    assert (
        found["accuracy_label"] == found["accuracy_majority"]
        and found["compared_with"] == "se_cnn/seed-0"
    )
    monkeypatch.setattr(ferplus, "RECORD", tmp_path / "ferplus.json")
    record_label_noise([base, knowing], dataset, votes)
    assert read_json(LABEL_NOISE_PATH)["successors"] == {"se_cnn_distilled/seed-0": found}


def test_found_beside_the_faces(synthetic_csv, votes_file, tmp_path, monkeypatch):
    monkeypatch.delenv("FERPLUS", raising=False)
    monkeypatch.setenv("FER2013", str(synthetic_csv))
    beside = synthetic_csv.parent / "fer2013new.csv"
    assert find_votes() is None or find_votes().parent != beside.parent
    beside.write_bytes(votes_file.read_bytes())
    assert find_votes() == beside
    beside.unlink()
    monkeypatch.setenv("FERPLUS", str(tmp_path / "nowhere.csv"))
    with pytest.raises(DataError, match="no such file"):
        find_votes()
