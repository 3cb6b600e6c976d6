import csv
import gzip
import hashlib
import io
import time

import numpy as np
import pandas as pd
import pytest
from platformdirs import user_cache_path

from fer_lib import data

PIXELS = " ".join(str(i % 256) for i in range(48 * 48))
GOOD = [("0", PIXELS, "Training"), ("1", PIXELS, "PublicTest"), ("6", PIXELS, "PrivateTest")]


def written(path, rows, header=("emotion", "pixels", "Usage"), encoding="utf-8"):
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def test_reads_what_pandas_reads(synthetic_csv):
    images, labels, usages = data.read_csv(synthetic_csv)
    table = pd.read_csv(synthetic_csv)
    assert images.dtype == labels.dtype == np.uint8
    expected = np.stack([np.array(text.split(), int) for text in table["pixels"]]).reshape(-1, 48, 48)
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(labels, table["emotion"])
    assert [data.SPLITS[u] for u in usages] == table["Usage"].tolist()


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("header", [("emotion", "pixels", "Usage"), ("emotion", " pixels", " Usage")])
def test_plain_or_gzipped_whatever_the_name(tmp_path, zipped, header):
    path = written(tmp_path / "faces.txt", GOOD, header)
    if zipped:
        path.write_bytes(gzip.compress(path.read_bytes()))
    loaded = data.load(path)
    assert [len(split) for split in loaded.splits.values()] == [1, 1, 1]
    assert loaded.private_test.labels.tolist() == [6]
    assert loaded.training.images[0, 0, :3].tolist() == [0, 1, 2]


def test_second_load_comes_from_the_cache_and_a_changed_file_does_not(tmp_path, monkeypatch):
    path = written(tmp_path / "fer2013.csv", GOOD)
    first = data.load(path)
    monkeypatch.setattr(data, "read_csv", lambda path: pytest.fail("decoded again"))
    np.testing.assert_array_equal(data.load(path).training.images, first.training.images)
    monkeypatch.undo()
    written(path, [("2", PIXELS, "Training"), *GOOD[1:]])
    assert data.load(path).training.labels.tolist() == [2]


def test_hashes_identify_pixels():
    images = np.zeros((2, 48, 48), np.uint8)
    images[1, 0, 0] = 1
    hashes = data.Split(images, np.zeros(2, np.uint8)).hashes
    assert hashes.dtype == np.uint64 and hashes[0] != hashes[1]
    assert int(hashes[0]) == int.from_bytes(hashlib.sha256(bytes(48 * 48)).digest()[:8], "little")


@pytest.mark.parametrize(
    "row, message",
    [
        (("7", PIXELS, "Training"), "row 2: emotion is '7', expected a whole number from 0 to 6"),
        (("-1", PIXELS, "Training"), "row 2: emotion is '-1'"),
        (("", PIXELS, "Training"), "row 2: emotion is ''"),
        (("happy", PIXELS, "Training"), "row 2: emotion is 'happy'"),
        (("0", PIXELS + " 1", "Training"), "row 2: 2305 pixels, expected 2304"),
        (("0", PIXELS.rsplit(" ", 1)[0], "Training"), "row 2: 2303 pixels, expected 2304"),
        (("0", "256" + PIXELS[1:], "Training"), "row 2: pixel 1 is '256', expected a whole number from 0 to 255"),
        (("0", "-1" + PIXELS[1:], "Training"), "row 2: pixel 1 is '-1'"),
        (("0", PIXELS[:-1] + ".5", "Training"), "row 2: pixel 2304 is '25.5'"),
        (("0", "abc" + PIXELS[1:], "Training"), "row 2: pixel 1 is 'abc'"),
        (("0", PIXELS, "training"), "row 2: Usage is 'training', expected Training, PublicTest, PrivateTest"),
        (("0", PIXELS), "row 2: 2 fields, expected 3"),
    ],
)
def test_a_bad_row_is_named(tmp_path, row, message):
    path = written(tmp_path / "fer2013.csv", [row, *GOOD])
    with pytest.raises(data.DataError) as error:
        data.load(path)
    assert message in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "row 1: no column emotion, pixels, Usage; found nothing"),
        (b"emotion,pixels,Usage\n", "no row of Training among 0 rows"),
        (b"emotion,pixels\n", "row 1: no column Usage; found emotion, pixels"),
        ("emotion,pixels,Usage\n".encode("utf-16"), "not a readable CSV"),
        (bytes(range(256)) * 20, "not a readable CSV"),
        (gzip.compress(("emotion,pixels,Usage\n" + f"0,{PIXELS},Training\n" * 50).encode())[:-20], "not a readable CSV"),
    ],
)
def test_a_broken_file_is_named_and_leaves_no_cache(tmp_path, content, message):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)
    with pytest.raises(data.DataError) as error:
        data.load(path)
    assert message in str(error.value) and str(path) in str(error.value)
    assert not list(user_cache_path("fer_lib").glob(f"*{data.sha256_of(path)}*"))


def test_find_prefers_the_variable_and_never_falls_through(tmp_path, monkeypatch):
    path = written(tmp_path / "fer2013.csv", GOOD)
    for place in (path, tmp_path):
        monkeypatch.setenv("FER2013", str(place))
        assert data.find() == path
    monkeypatch.setenv("FER2013", str(tmp_path / "nowhere.csv"))
    with pytest.raises(data.DataError, match="nowhere.csv"):
        data.find()
    monkeypatch.delenv("FER2013")
    monkeypatch.setattr(data, "REPOSITORY", tmp_path)
    assert data.find() is None


def test_fetch_puts_kaggles_file_into_data(tmp_path, monkeypatch):
    import kagglehub

    archive = tmp_path / "archive"
    archive.mkdir()
    monkeypatch.setattr(kagglehub, "dataset_download", lambda name: str(archive))
    monkeypatch.setattr(data, "REPOSITORY", tmp_path)
    monkeypatch.delenv("FER2013", raising=False)
    with pytest.raises(data.DataError, match="holds neither fer2013.csv nor fer2013.csv.gz"):
        data.fetch()
    written(archive / "fer2013.csv", GOOD)
    assert data.fetch() == tmp_path / "data" / "fer2013.csv"
    assert data.load(data.find()).training.labels.tolist() == [0]


def test_fetch_without_a_network_says_what_to_do(monkeypatch):
    import kagglehub

    def refuse(name):
        raise ConnectionError("no route")

    monkeypatch.setattr(kagglehub, "dataset_download", refuse)
    with pytest.raises(data.DataError, match=r"Kaggle could not be reached \(no route\); data/README.md"):
        data.fetch()


def test_real_counts_and_the_second_load_is_fast(fer2013):
    assert [len(split) for split in fer2013.splits.values()] == [28_709, 3_589, 3_589]
    assert [split.class_counts[1] for split in fer2013.splits.values()] == [436, 56, 55]
    began = time.perf_counter()
    data.load(data.find())
    assert time.perf_counter() - began < 5  # a second on an idle machine; decoding takes ten times as long
