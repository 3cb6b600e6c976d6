import csv
import errno
import gzip
import hashlib
import io
import os
import subprocess
import sys

import kagglehub
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from platformdirs import user_cache_path

from fer_lib.data.dataset import Split, download_dataset, is_kaggles_file, load_dataset
from fer_lib.data.discovery import find_dataset
from fer_lib.data.readers import DataError, dataset_sha256

PIXELS = " ".join(str(i % 256) for i in range(48 * 48))
ONE_OF_EACH_SPLIT = [
    ("0", PIXELS, "Training"),
    ("1", PIXELS, "PublicTest"),
    ("6", PIXELS, "PrivateTest"),
]


def write_csv(path, rows, header=("emotion", "pixels", "Usage")):
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    path.write_text(text.getvalue())
    return path


def cache_files(path):
    return list(user_cache_path("fer_lib").glob(f"*{dataset_sha256(path)}*"))


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize(
    "header", [("emotion", "pixels", "Usage"), ("emotion", " pixels", " Usage")]
)
def test_csv_is_read_plain_or_gzipped_under_any_name(tmp_path, gzipped, header):
    path = write_csv(tmp_path / "faces.txt", ONE_OF_EACH_SPLIT, header)
    if gzipped:
        path.write_bytes(gzip.compress(path.read_bytes()))
    dataset = load_dataset(path)
    assert [len(split) for split in dataset.splits.values()] == [1, 1, 1]
    assert dataset.private_test.labels.tolist() == [6]
    assert dataset.training.images[0, 0, :3].tolist() == [0, 1, 2]


def test_second_load_reads_the_cache(tmp_path):
    path = write_csv(tmp_path / "fer2013.csv", ONE_OF_EACH_SPLIT)
    load_dataset(path)
    [cache] = cache_files(path)
    with np.load(cache) as stored:
        arrays = dict(stored)
    np.savez(cache, **arrays | {"labels": np.uint8([5, 1, 6])})
    assert load_dataset(path).training.labels.tolist() == [5]
    cache.unlink()


def test_changed_file_is_read_anew(tmp_path):
    path = write_csv(tmp_path / "fer2013.csv", ONE_OF_EACH_SPLIT)
    load_dataset(path)
    write_csv(path, [("2", PIXELS, "Training"), *ONE_OF_EACH_SPLIT[1:]])
    assert load_dataset(path).training.labels.tolist() == [2]


def test_hash_is_the_sha256_of_the_pixels():
    images = np.zeros((2, 48, 48), np.uint8)
    images[1, 0, 0] = 1
    hashes = Split(images, np.zeros(2, np.uint8)).hashes
    assert hashes.dtype == np.uint64 and hashes[0] != hashes[1]
    assert int(hashes[0]) == int.from_bytes(hashlib.sha256(bytes(48 * 48)).digest()[:8], "little")


def test_rows_are_found_by_hash_and_label():
    images = np.zeros((3, 48, 48), np.uint8)
    images[2] = 9  # the first two images are equal and have different labels
    split = Split(images, np.uint8([0, 1, 2]))
    hashes = split.hashes[[2, 1, 0, 0]]
    assert split.rows_of(hashes, np.uint8([2, 1, 0, 5])).tolist() == [2, 1, 0, -1]


def test_missing_images_are_refused_above_the_allowed_fraction():
    split = Split(np.zeros((1, 48, 48), np.uint8), np.uint8([0]))
    hashes, labels = split.hashes[[0, 0, 0, 0]], np.uint8([0, 0, 0, 1])
    assert split.require(hashes, labels, "a run", missing_allowed=0.25).tolist() == [0, 0, 0, -1]
    with pytest.raises(DataError, match="1 of the 4 images of a run are not in this copy"):
        split.require(hashes, labels, "a run", missing_allowed=0.24)


def test_broken_file_leaves_no_cache(tmp_path):
    path = write_csv(tmp_path / "fer2013.csv", [*ONE_OF_EACH_SPLIT, ("7", PIXELS, "Training")])
    with pytest.raises(DataError, match="row 5"):
        load_dataset(path)
    assert not cache_files(path)


def save(path, **arrays):
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def changed(name, change):
    """Breaks one array of a cache, so that the file is whole and its content is not."""

    def break_cache(path):
        with np.load(path) as stored:
            arrays = dict(stored)
        arrays[name] = change(arrays[name])
        save(path, **arrays)

    return break_cache


BROKEN_CACHES = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "empty": lambda path: path.write_bytes(b""),
    "no arrays": lambda path: save(path),
    "one array": lambda path: save(path, images=np.zeros((4, 48, 48), np.uint8)),
    "no images": changed("images", lambda images: images[:0]),
    "fewer images": changed("images", lambda images: images[:-1]),
    "smaller images": changed("images", lambda images: images[:, :47]),
    "flat images": changed("images", lambda images: images.reshape(len(images), -1)),
    "floats": changed("images", lambda images: images.astype(np.float32)),
    "an object": changed("images", lambda images: np.array([None] * len(images))),
    "one label": changed("labels", lambda labels: labels[0]),
    "labels of floats": changed("labels", lambda labels: labels + 0.5),
    "a label of 7": changed("labels", lambda labels: labels * 0 + np.uint8(7)),
    "a split of 3": changed("split_indices", lambda splits: splits + np.uint8(1)),
    "one split": changed("split_indices", lambda splits: splits * 0),
    "numbers as notes": changed("notes", lambda notes: np.arange(3)),
    "a text for a truth value": changed("public_test_drawn", lambda drawn: np.array("no")),
    "several truth values": changed("public_test_drawn", lambda drawn: np.array([True, False])),
}


@pytest.mark.parametrize("case", BROKEN_CACHES)
def test_broken_cache_is_built_again_with_a_note(tmp_path, monkeypatch, case):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = write_csv(tmp_path / "fer2013.csv", [("4", PIXELS, "Training"), *ONE_OF_EACH_SPLIT])
    load_dataset(path)
    [cache] = cache_files(path)
    whole = cache.read_bytes()
    BROKEN_CACHES[case](cache)
    dataset = load_dataset(path)
    assert dataset.training.labels.tolist() == [4, 0]
    [note] = dataset.notes
    assert note.startswith("the cache was broken, and is built again: ")
    assert cache.read_bytes() == whole and not load_dataset(path).notes


@pytest.fixture(scope="module")
def small_csv(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "small.csv", ONE_OF_EACH_SPLIT)


@settings(max_examples=100, deadline=None)
@given(position=st.floats(0, 1, exclude_max=True), byte=st.integers(1, 255))
def test_a_cache_with_any_changed_byte_reads_the_same_or_is_built_again(small_csv, position, byte):
    load_dataset(small_csv)
    [cache] = cache_files(small_csv)
    content = bytearray(cache.read_bytes())
    content[int(position * len(content))] ^= byte
    cache.write_bytes(content)
    dataset, expected = load_dataset(small_csv), np.arange(48 * 48).reshape(48, 48) % 256
    assert [split.labels.tolist() for split in dataset.splits.values()] == [[0], [1], [6]]
    for split in dataset.splits.values():
        np.testing.assert_array_equal(split.images[0], expected)


def test_full_disk_leaves_no_half_written_cache(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "fer2013.csv", [("3", PIXELS, "Training"), *ONE_OF_EACH_SPLIT])

    def fill(file, **arrays):
        file.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", fill)
    with pytest.raises(DataError, match=r"the cache could not be written .*No space left"):
        load_dataset(path)
    assert not cache_files(path) and not list(user_cache_path("fer_lib").glob(".writing-*"))


def test_half_written_cache_of_a_killed_process_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = write_csv(tmp_path / "fer2013.csv", ONE_OF_EACH_SPLIT)
    load_dataset(path)
    folder = user_cache_path("fer_lib")
    half, recent = folder / ".writing-half.npz", folder / ".writing-recent.npz"
    for unfinished in (half, recent):
        unfinished.write_bytes(b"half")
    os.utime(half, (0, 0))
    load_dataset(path)
    assert not half.exists() and recent.exists()


def test_two_processes_build_the_cache_at_once(tmp_path, synthetic_csv):
    code = "import sys, fer_lib; print(fer_lib.load_dataset(sys.argv[1]).class_counts)"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(synthetic_csv)],
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0] and outputs[0] == outputs[1]
    assert [path.suffix for path in (tmp_path / "fer_lib").iterdir()] == [".npz"]


def test_environment_variable_names_a_file_or_the_folder_of_any_form(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "fer2013.csv", ONE_OF_EACH_SPLIT)
    for part in ("train", "test"):
        (tmp_path / "images" / part).mkdir(parents=True)
    archive = tmp_path / "zipped" / "any-name.zip"
    archive.parent.mkdir()
    archive.touch()
    for variable, expected in (
        (path, path),
        (tmp_path, path),
        (tmp_path / "images", tmp_path / "images"),
        (archive.parent, archive),
    ):
        monkeypatch.setenv("FER2013", str(variable))
        assert find_dataset() == expected


def test_relative_environment_variable_starts_from_the_root(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "fer2013.csv", ONE_OF_EACH_SPLIT)
    monkeypatch.setenv("FER2013", "fer2013.csv")
    assert find_dataset(tmp_path) == path


def test_wrong_environment_variable_is_an_error_even_with_another_copy(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data" / "fer2013.csv", ONE_OF_EACH_SPLIT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FER2013", "nowhere.csv")
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        find_dataset(tmp_path)
    monkeypatch.delenv("FER2013")
    assert find_dataset(tmp_path) == tmp_path / "data" / "fer2013.csv"


def test_missing_data_set_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.delenv("FER2013", raising=False)
    assert find_dataset(tmp_path) is None
    monkeypatch.setattr("fer_lib.data.dataset.search", lambda: None)
    with pytest.raises(DataError, match=r"not on this machine: `python -m fer_lib download`"):
        load_dataset()
    with pytest.raises(DataError, match=r"nowhere\.csv: expected .*; found no such file or folder"):
        load_dataset(tmp_path / "nowhere.csv")


def test_download_is_copied_into_data(tmp_path, monkeypatch):
    archive = tmp_path / "archive"
    archive.mkdir()
    monkeypatch.setattr(kagglehub, "dataset_download", lambda name: str(archive))
    monkeypatch.delenv("FER2013", raising=False)
    with pytest.raises(
        DataError, match=r"holds no data set; expected a folder with one of fer2013\.csv"
    ):
        download_dataset(tmp_path)
    write_csv(archive / "fer2013.csv", ONE_OF_EACH_SPLIT)
    assert download_dataset(tmp_path) == tmp_path / "data" / "fer2013.csv"
    assert load_dataset(find_dataset(tmp_path)).training.labels.tolist() == [0]


def test_a_file_is_kaggles_by_its_checksum(tmp_path, monkeypatch):
    abc = "900150983cd24fb0d6963f7d28e17f72"  # the MD5 of `abc`, RFC 1321
    monkeypatch.setattr("fer_lib.data.dataset._KAGGLE_MD5", {"fer2013.csv": abc})
    for name, content, expected in (
        ("fer2013.csv", b"abc", True),
        ("fer2013.csv", b"abd", False),
        ("fer2013.csv.gz", b"abc", None),
    ):
        (tmp_path / name).write_bytes(content)
        assert is_kaggles_file(tmp_path / name) is expected


def test_download_without_a_network_says_what_to_do(tmp_path, monkeypatch):
    def refuse(name):
        raise ConnectionError("no route")

    monkeypatch.setattr(kagglehub, "dataset_download", refuse)
    with pytest.raises(
        DataError, match=r"Kaggle could not be reached \(no route\); download deadskull7/fer2013"
    ):
        download_dataset(tmp_path)


def test_fer2013_has_its_published_class_counts(fer2013):
    assert [len(split) for split in fer2013.splits.values()] == [28_709, 3_589, 3_589]
    assert [split.class_counts[1] for split in fer2013.splits.values()] == [436, 56, 55]
