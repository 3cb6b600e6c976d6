"""Any damage to a data set ends in a `DataError` of one line, or in a data set that is valid."""

import gzip
import io
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.readers import DataError, dataset_sha256, read_dataset

PIXELS = " ".join(str(level % 256) for level in range(2304))
SPLITS = ("Training", "PublicTest", "PrivateTest")
CSV = ("emotion,pixels,Usage\n" + "".join(f"0,{PIXELS},{split}\n" for split in SPLITS)).encode()


def zipped(files, method):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(name, content):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def image_bytes(kind):
    stream = io.BytesIO()
    Image.fromarray(np.eye(48, dtype=np.uint8) * 200).save(stream, kind)
    return stream.getvalue()


PLACES = [
    f"{folder}/{name}/{split}_1.png"
    for folder, splits in (("train", SPLITS[:1]), ("test", SPLITS[1:]))
    for name in EMOTION_NAMES
    for split in splits
]
FORMS = {
    "CSV": CSV,
    "gzip": gzip.compress(CSV, mtime=0),
    "tar": tarred("fer2013.csv", CSV),
    "gzipped tar": gzip.compress(tarred("fer2013/fer2013.csv", CSV), mtime=0),
    **{
        f"zip, method {method}": zipped({"fer2013.csv": CSV}, method)
        for method in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
            zipfile.ZIP_BZIP2,
            zipfile.ZIP_LZMA,
        )
    },
    "zip of images": zipped(dict.fromkeys(PLACES, image_bytes("PNG")), zipfile.ZIP_STORED),
}


def check(content, name="fer2013.csv"):
    """Read the file; return whether it is a data set."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            dataset = read_dataset(path)
        except DataError as error:
            assert str(path) in str(error) and str(error).isprintable() and len(str(error)) < 1000
            return False
    assert dataset.images.shape == (len(dataset.labels), 48, 48)
    assert dataset.labels.max() < 7 and set(dataset.split_indices.tolist()) == {0, 1, 2}
    return True


@pytest.mark.parametrize("form", FORMS)
def test_whole_files_are_read(form):
    assert check(FORMS[form])


@settings(max_examples=300, deadline=None)
@given(
    form=st.sampled_from(sorted(FORMS)),
    start=st.floats(0, 1),
    damage=st.binary(min_size=1, max_size=40),
    near_end=st.booleans(),
)
def test_overwritten_bytes(form, start, damage, near_end):
    content = bytearray(FORMS[form])
    first = len(content) - 1 - int(start * 100) if near_end else int(start * (len(content) - 1))
    content[first : first + len(damage)] = damage
    check(bytes(content))


def test_a_header_that_claims_a_name_of_half_the_file_is_not_quoted_whole():
    content = bytearray(FORMS["zip of images"])
    header = content.index(b"PK\x03\x04", 100)  # of the second image
    content[header + 26 : header + 28] = (2000).to_bytes(2, "little")
    assert not check(bytes(content))


def test_a_file_without_a_name_is_not_read():
    content = bytearray(FORMS["zip of images"])
    entry = content.index(b"PK\x01\x02")
    name = content.index(b"train/", entry)
    content[name] = 0  # zipfile ends a name there
    assert not check(bytes(content))


@settings(max_examples=150, deadline=None)
@given(form=st.sampled_from(sorted(FORMS)), length=st.floats(0, 1, exclude_max=True))
def test_cut_files(form, length):
    check(FORMS[form][: int(length * len(FORMS[form]))])


@settings(max_examples=150, deadline=None)
@given(
    start=st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b\x08\x00", CSV, CSV[:60], bytes(257)]),
    content=st.binary(max_size=600),
    name=st.sampled_from(["fer2013.csv", "fer2013.csv.gz", "a.zip", "fer2013.tar.gz"]),
)
def test_arbitrary_bytes(start, content, name):
    check(start + content, name)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"]),
    position=st.floats(0, 1, exclude_max=True),
    damage=st.binary(min_size=1, max_size=8),
)
def test_damaged_images(kind, position, damage):
    content = bytearray(image_bytes(kind))
    first = int(position * len(content))
    content[first : first + len(damage)] = damage
    files = dict.fromkeys(PLACES, image_bytes("PNG")) | {PLACES[0]: bytes(content)}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        for name, data in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        try:
            assert len(read_dataset(Path(folder)).images) == len(PLACES)
        except DataError as error:
            assert PLACES[0] in str(error) and str(error).isprintable()
        assert len(dataset_sha256(Path(folder))) == 64
