import gzip
import os

import numpy as np
import pytest

from fer_lib.data.ferplus import EMOTION_COLUMNS, Votes, find_votes, load_votes
from fer_lib.data.labels import SPLITS
from fer_lib.data.readers import DataError

HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)


@pytest.fixture(scope="module")
def votes_file(dataset, tmp_path_factory):
    """Eight of ten votes are for the label; one image in ten has ten votes for no face."""
    path = tmp_path_factory.mktemp("votes") / "fer2013new.csv"
    lines = [HEADER]
    for split in SPLITS:
        for row, label in enumerate(dataset.splits[split].labels):
            votes = dict.fromkeys(HEADER.split(",")[2:], 0)
            no_face = row % 10 == 0
            votes |= {"NF": 10} if no_face else {"contempt": 1, "unknown": 1}
            votes[EMOTION_COLUMNS[label]] = 0 if no_face else 8
            lines.append(",".join(map(str, [split, f"fer{row}.png", *votes.values()])))
    path.write_text("\n".join(lines))
    return path


def test_votes_are_in_label_order(dataset, votes_file):
    votes = load_votes(votes_file, dataset)["PrivateTest"]
    expected = dataset.private_test.labels.astype(int)
    expected[::10] = -1
    np.testing.assert_array_equal(votes.majority, expected)
    assert votes.other_classes[:2].tolist() == [[0, 0, 10], [1, 1, 0]]
    assert np.isnan(votes.distribution[0]).all() and votes.distribution[1].max() == 1


def test_half_of_the_votes_is_no_majority():
    votes = Votes(
        np.array([[5, 1, 1, 1, 0, 0, 0], [6, 1, 1, 0, 0, 0, 0]]), np.array([[2, 0, 0], [0, 1, 1]])
    )
    assert votes.majority.tolist() == [-1, 0]
    np.testing.assert_allclose(votes.distribution[0, :2], [5 / 8, 1 / 8])
    assert votes[np.array([False, True])].majority.tolist() == [0]


def test_plurality_is_shared_by_tied_emotions():
    votes = Votes(
        np.array([[4, 4, 2, 0, 0, 0, 0], [3, 3, 3, 1, 0, 0, 0], [9, 1, 0, 0, 0, 0, 0]]),
        np.zeros((3, 3), int),
    )
    np.testing.assert_allclose(votes.plurality(np.array([1, 2, 0])), [1 / 2, 1 / 3, 1])
    np.testing.assert_allclose(votes.plurality(np.array([2, 3, 1])), [0, 0, 0])


def test_gzipped_votes_equal_plain_ones(dataset, votes_file, tmp_path):
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
            "in another order",
        ),
        (lambda text: "", "not FER"),
    ],
    ids=["unknown column", "not a number", "row missing", "columns swapped", "empty"],
)
def test_broken_file_is_named(dataset, votes_file, tmp_path, change, message):
    broken = tmp_path / "fer2013new.csv"
    broken.write_text(change(votes_file.read_text()))
    with pytest.raises(DataError, match=message) as error:
        load_votes(broken, dataset)
    assert str(broken) in str(error.value)


def test_votes_are_found_by_variable_then_beside_fer2013_then_in_data(
    votes_file, tmp_path, monkeypatch
):
    monkeypatch.delenv("FERPLUS", raising=False)
    monkeypatch.delenv("FER2013", raising=False)
    assert find_votes(tmp_path) is None
    in_data = tmp_path / "data" / "fer2013new.csv"
    in_data.parent.mkdir()
    in_data.touch()
    assert find_votes(tmp_path) == in_data
    beside = tmp_path / "elsewhere" / "ferplus_votes.csv.gz"
    beside.parent.mkdir()
    beside.touch()
    (beside.parent / "fer2013.csv").touch()
    monkeypatch.setenv("FER2013", str(beside.parent / "fer2013.csv"))
    assert find_votes(tmp_path) == beside
    monkeypatch.setenv("FERPLUS", str(votes_file))
    assert find_votes(tmp_path) == votes_file
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FERPLUS", "nowhere.csv")
    with pytest.raises(DataError, match=r"FERPLUS is 'nowhere\.csv': no such file"):
        find_votes(tmp_path)


def test_a_bomb_ends_at_the_limit(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("fer_lib.data.ferplus._MAX_BYTES", 10_000)
    path = tmp_path / "ferplus_votes.csv.gz"
    path.write_bytes(gzip.compress(HEADER.encode() + b"\n" * 20_000))
    with pytest.raises(DataError, match=r"not FER\+'s votes, .* \(more than 0 MB, unpacked\)"):
        load_votes(path, dataset)


@pytest.mark.parametrize("value", ["-1", "", "half", "1e400"])
def test_votes_are_counts(dataset, votes_file, tmp_path, value):
    path = tmp_path / "fer2013new.csv"
    lines = votes_file.read_text().splitlines()
    lines[5] = ",".join([*lines[5].split(",")[:-1], value])
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"fer2013new\.csv: not FER\+'s votes"):
        load_votes(path, dataset)


def test_a_pipe_holds_no_votes(dataset, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="not a regular file"):
        load_votes(tmp_path / "pipe.csv", dataset)
    monkeypatch.setenv("FERPLUS", str(tmp_path / "pipe.csv"))
    with pytest.raises(DataError, match=r"the environment variable FERPLUS is '.*': no such file"):
        find_votes()
