"""Data sets that are no files, that unpack without end, or that no reader should open."""

import gzip
import io
import os
import socket
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageFile

from fer_lib.data.dataset import load_dataset
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.readers import DataError, dataset_sha256, read_dataset

LIMIT = 100_000
ROWS = [f"0,{' '.join(['7'] * 2304)},{split}\n" for split in ("Training", "PublicTest")]
CSV = "emotion,pixels,Usage\n" + "".join(ROWS)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 48 48\n%%EndComments\nshowpage\n"


@pytest.fixture
def limit(monkeypatch):
    """A data set may unpack to 100 kB."""
    for module in ("fer_lib.data.readers", "fer_lib.data.readers.files"):
        monkeypatch.setattr(f"{module}.MAX_BYTES", LIMIT)
    monkeypatch.setattr("fer_lib.data.readers.csv_file.MAX_BYTES", LIMIT)


def image_bytes(size=(48, 48), kind="PNG"):
    stream = io.BytesIO()
    Image.new("L", size, 7).save(stream, kind)
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Two images of each class in train, one in test."""
    for name in EMOTION_NAMES:
        for place in ("train/{}/1.png", "train/{}/2.png", "test/{}/1.png"):
            path = tmp_path / "faces" / place.format(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image_bytes())
    return tmp_path / "faces"


def tar_bytes(name, size, content=b""):
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf() + content


def write_zip(path, member, content, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(member, content)


@pytest.mark.parametrize(
    "content",
    [
        bytes(5 * LIMIT),
        CSV.encode() + b"\n" * LIMIT,
        CSV.encode() + b"0 " * LIMIT,
        CSV.encode() + ROWS[0].encode() * 30,
        tar_bytes("x", 5 * LIMIT, bytes(5 * LIMIT)),
        tar_bytes("fer2013.csv", 5 * LIMIT, bytes(5 * LIMIT)),
    ],
    ids=("zeros", "blank lines", "one cell", "rows", "a tar", "a CSV in a tar"),
)
def test_a_gzip_ends_at_the_limit(tmp_path, limit, content):
    path = tmp_path / "fer2013.csv.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=r"fer2013\.csv\.gz: more than 0 MB, unpacked$"):
        read_dataset(path)


@pytest.mark.parametrize("member", ["fer2013.csv", "train/happy/1.png", "readme.txt"])
def test_a_zip_ends_at_the_limit(tmp_path, limit, member):
    write_zip(tmp_path / "a.zip", member, bytes(2 * LIMIT))
    with pytest.raises(DataError, match=r"a\.zip: more than 0 MB, unpacked$"):
        read_dataset(tmp_path / "a.zip")


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    write_zip(path, "fer2013.csv", CSV + "\n" * 1_000_000)
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")  # in the archive's directory
    content[entry + 24 : entry + 28] = len(CSV).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"fer2013\.csv: not a readable CSV"):
        read_dataset(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_a_damaged_zip_is_one_message(tmp_path, method):
    path = tmp_path / "a.zip"
    write_zip(path, "fer2013.csv", CSV * 20, method)
    content = bytearray(path.read_bytes())
    content[60:100] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zip, fer2013\.csv: not a readable CSV"):
        read_dataset(path)


def test_a_zip_names_each_file_once_and_in_few_characters(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings(action="ignore"):
        archive.writestr("fer2013.csv", CSV)
        archive.writestr("fer2013.csv", CSV)
    with pytest.raises(DataError, match=r"a\.zip: holds several files fer2013\.csv"):
        read_dataset(path)
    write_zip(path, "x" * 60_000, "")
    with pytest.raises(DataError, match=r"a\.zip: holds a file with a name of 60,000 characters"):
        read_dataset(path)


def test_a_file_larger_than_the_limit_is_refused_also_without_compression(tmp_path, limit):
    path = tmp_path / "fer2013.csv"
    path.write_text(CSV + ROWS[0] * 30)
    with pytest.raises(DataError, match=r"fer2013\.csv: more than 0 MB"):
        read_dataset(path)


@pytest.fixture(params=["pipe", "socket", "device"])
def endless(request, tmp_path):
    """A file that would be read for ever, by its name's ending an image."""
    path = tmp_path / f"{request.param}.png"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(path))  # its name must be short
    else:
        path.symlink_to("/dev/zero")
    return path


def test_only_regular_files_are_data_sets(endless, monkeypatch):
    with pytest.raises(DataError, match=r"expected a regular file, .* found something else"):
        load_dataset(endless)
    with pytest.raises(DataError, match="not a regular file"):
        dataset_sha256(endless)
    monkeypatch.setenv("FER2013", str(endless))
    with pytest.raises(DataError, match=r"the environment variable FER2013 is .* something else"):
        load_dataset()


def test_only_regular_files_lie_in_a_folder(endless, folder):
    endless.rename(folder / "train" / "happy" / endless.name)
    for read in (load_dataset, read_dataset, dataset_sha256):
        with pytest.raises(DataError, match=rf"train/happy/{endless.name}: not a regular file"):
            read(folder)


def test_links_may_lead_in_circles(folder):
    (folder / "self").symlink_to(".")
    (folder / "train" / "happy" / "up").symlink_to("../..")
    dataset = load_dataset(folder)
    assert [len(split) for split in dataset.splits.values()] == [7, 7, 7]
    assert len(dataset.notes) == 1  # on the drawn PublicTest


def test_a_folder_that_cannot_be_read_is_named(folder, close_folder):
    close_folder("fear")
    with pytest.raises(DataError, match=r"/fear: Permission denied"):
        read_dataset(folder)


@pytest.mark.parametrize(
    "content, message",
    [
        (EPS, "unknown format"),
        (image_bytes((13_000, 13_000)), "more than 100 million pixels"),
        (image_bytes((9_000, 9_000)), "9000 × 9000 pixels, expected 48 × 48"),
    ],
    ids=("EPS", "169 million pixels", "81 million pixels"),
)
def test_an_image_is_decoded_only_if_it_can_be_a_face(folder, monkeypatch, content, message):
    load = ImageFile.ImageFile.load

    def load_small(image):
        assert image.size == (48, 48)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", load_small)
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *a: pytest.fail("started"))
    (folder / "train" / "happy" / "x.jpg").write_bytes(content)
    with warnings.catch_warnings(action="error"), pytest.raises(DataError, match=message):
        read_dataset(folder)


def test_hidden_files_are_passed_over(folder):
    expected = dataset_sha256(folder)
    for name in ("._1.png", ".DS_Store"):
        (folder / "train" / "happy" / name).write_bytes(b"metadata")
    (folder / "__MACOSX" / "train").mkdir(parents=True)
    (folder / "__MACOSX" / "train" / "x.png").write_bytes(b"metadata")
    assert dataset_sha256(folder) == expected
    assert len(read_dataset(folder).notes) == 1  # on the drawn PublicTest


def test_files_that_are_not_read_are_counted_at_each_load(folder):
    assert len(load_dataset(folder).notes) == 1
    (folder / "train" / "happy" / "a.webp").write_bytes(b"x")
    (folder / "train" / "happy" / "nested").mkdir()
    (folder / "train" / "happy" / "nested" / "1.png").write_bytes(image_bytes())
    assert load_dataset(folder).notes[-1] == (
        "files that are not read: 1 .png, 1 .webp; the first is train/happy/a.webp"
    )
    (folder / "train" / "happy" / "b.webp").write_bytes(b"x")
    assert "2 .webp" in load_dataset(folder).notes[-1]


@pytest.mark.parametrize(
    "mode, accepted", [("1", True), ("P", True), ("LA", True), ("I;16", False)]
)
def test_one_rule_for_all_modes(folder, mode, accepted):
    image = Image.fromarray(np.eye(48, dtype=np.uint8) * 255).convert(mode)
    image.save(folder / "train" / "happy" / "x.png")
    if accepted:
        dataset = read_dataset(folder)
        assert f"read as gray: 1 ({mode})" in dataset.notes[0]
        assert (dataset.images == np.eye(48, dtype=np.uint8) * 255).all(axis=(1, 2)).sum() == 1
    else:
        with pytest.raises(DataError, match="not plain gray"):
            read_dataset(folder)


def test_a_message_is_one_line():
    assert str(DataError("data/a\nb\x1b[31m.csv: broken")) == r"data/a\nb\x1b[31m.csv: broken"
