import csv
import errno
import gzip
import hashlib
import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from platformdirs import user_cache_path

from fer_lib.data import dataset as data
from fer_lib.data.dataset import Split, download_dataset, find_dataset, load_dataset

PIXELS = " ".join(str(i % 256) for i in range(48 * 48))
GOOD = [("0", PIXELS, "Training"), ("1", PIXELS, "PublicTest"), ("6", PIXELS, "PrivateTest")]


def written(path, rows, header=("emotion", "pixels", "Usage"), encoding="utf-8"):
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    path.write_bytes(text.getvalue().encode(encoding))
    return path


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    "header", [("emotion", "pixels", "Usage"), ("emotion", " pixels", " Usage")]
)
def test_plain_or_gzipped_whatever_the_name(tmp_path, zipped, header):
    path = written(tmp_path / "faces.txt", GOOD, header)
    if zipped:
        path.write_bytes(gzip.compress(path.read_bytes()))
    loaded = load_dataset(path)
    assert [len(split) for split in loaded.splits.values()] == [1, 1, 1]
    assert loaded.private_test.labels.tolist() == [6]
    assert loaded.training.images[0, 0, :3].tolist() == [0, 1, 2]


def test_second_load_comes_from_the_cache_and_a_changed_file_does_not(tmp_path, monkeypatch):
    path = written(tmp_path / "fer2013.csv", GOOD)
    first = load_dataset(path)
    monkeypatch.setattr(data, "read", lambda path: pytest.fail("decoded again"))
    np.testing.assert_array_equal(load_dataset(path).training.images, first.training.images)
    monkeypatch.undo()
    written(path, [("2", PIXELS, "Training"), *GOOD[1:]])
    assert load_dataset(path).training.labels.tolist() == [2]


def test_hashes_identify_pixels():
    images = np.zeros((2, 48, 48), np.uint8)
    images[1, 0, 0] = 1
    hashes = Split(images, np.zeros(2, np.uint8)).hashes
    assert hashes.dtype == np.uint64 and hashes[0] != hashes[1]
    assert int(hashes[0]) == int.from_bytes(hashlib.sha256(bytes(48 * 48)).digest()[:8], "little")


def test_a_broken_file_leaves_no_cache(tmp_path):
    path = written(tmp_path / "fer2013.csv", [*GOOD, ("7", PIXELS, "Training")])
    with pytest.raises(data.DataError, match="row 5"):
        load_dataset(path)
    assert not list(user_cache_path("fer_lib").glob(f"*{data.fingerprint(path)}*"))


def test_a_broken_cache_is_named_and_removing_it_mends_it(tmp_path):
    path = written(tmp_path / "fer2013.csv", [("4", PIXELS, "Training"), *GOOD])
    load_dataset(path)
    [cache] = user_cache_path("fer_lib").glob(f"*{data.fingerprint(path)}*")
    cache.write_bytes(cache.read_bytes()[:100])
    with pytest.raises(data.DataError, match=f"{re.escape(str(cache))}: .*remove it"):
        load_dataset(path)
    cache.unlink()
    assert load_dataset(path).training.labels[0] == 4


def test_a_disk_that_fills_while_the_cache_is_written(tmp_path, monkeypatch):
    path = written(tmp_path / "fer2013.csv", [("3", PIXELS, "Training"), *GOOD])

    def fill(file, **arrays):
        file.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", fill)
    with pytest.raises(data.DataError, match="the cache could not be written .*No space left"):
        load_dataset(path)
    monkeypatch.undo()
    folder = user_cache_path("fer_lib")
    assert not list(folder.glob(f"*{data.fingerprint(path)}*")) and not list(
        folder.glob(".writing-*")
    )


def test_two_processes_may_build_the_cache_at_once(tmp_path, synthetic_csv):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "fer_lib", "data", str(synthetic_csv)]
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0] and outputs[0] == outputs[1]
    assert [path.suffix for path in (tmp_path / "fer_lib").iterdir()] == [".npz"]


def test_find_prefers_the_variable_and_never_falls_through(tmp_path, monkeypatch):
    path = written(tmp_path / "fer2013.csv", GOOD)
    for place in (path, tmp_path):
        monkeypatch.setenv("FER2013", str(place))
        assert find_dataset() == path
    for part in ("train", "test"):
        (tmp_path / "folders" / part).mkdir(parents=True)
    monkeypatch.setenv("FER2013", str(tmp_path / "folders"))
    assert find_dataset() == tmp_path / "folders"
    (tmp_path / "zipped").mkdir()
    (tmp_path / "zipped" / "any-name.zip").touch()
    monkeypatch.setenv("FER2013", str(tmp_path / "zipped"))
    assert find_dataset() == tmp_path / "zipped" / "any-name.zip"
    monkeypatch.setattr(data, "ROOT", tmp_path)
    monkeypatch.setenv("FER2013", "zipped")  # relative, and not to be found from here
    assert find_dataset() == tmp_path / "zipped" / "any-name.zip"
    monkeypatch.setenv("FER2013", str(tmp_path / "nowhere.csv"))
    with pytest.raises(data.DataError, match="nowhere.csv"):
        find_dataset()
    monkeypatch.delenv("FER2013")
    monkeypatch.setattr(data, "ROOT", tmp_path)
    assert find_dataset() is None


def test_fetch_puts_kaggles_file_into_data(tmp_path, monkeypatch):
    import kagglehub

    archive = tmp_path / "archive"
    archive.mkdir()
    monkeypatch.setattr(kagglehub, "dataset_download", lambda name: str(archive))
    monkeypatch.setattr(data, "ROOT", tmp_path)
    monkeypatch.delenv("FER2013", raising=False)
    with pytest.raises(
        data.DataError, match="holds no data set; expected a folder that holds one of fer2013.csv"
    ):
        download_dataset()
    written(archive / "fer2013.csv", GOOD)
    assert download_dataset() == tmp_path / "data" / "fer2013.csv"
    assert load_dataset(find_dataset()).training.labels.tolist() == [0]


def test_fetch_without_a_network_says_what_to_do(monkeypatch):
    import kagglehub

    def refuse(name):
        raise ConnectionError("no route")

    monkeypatch.setattr(kagglehub, "dataset_download", refuse)
    with pytest.raises(
        data.DataError, match=r"Kaggle could not be reached \(no route\); data/README.md"
    ):
        download_dataset()


def test_real_counts_and_the_second_load_decodes_nothing(fer2013, monkeypatch):
    assert [len(split) for split in fer2013.splits.values()] == [28_709, 3_589, 3_589]
    assert [split.class_counts[1] for split in fer2013.splits.values()] == [436, 56, 55]
    monkeypatch.setattr(data, "read", lambda path: pytest.fail("decoded again"))
    assert load_dataset(find_dataset()).sha256 == fer2013.sha256
