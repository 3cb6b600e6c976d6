"""Readers for the forms of FER2013: a CSV (plain, gzipped or in an archive), folders of images, or
a zip of them.

To support another form, add a module with a function that returns a `RawDataset`, and call it in
`read_dataset` below.
"""

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from fer_lib.data.labels import SPLITS
from fer_lib.data.readers.csv_file import COLUMNS, read_csv, text_stream
from fer_lib.data.readers.files import folder_files, zip_files
from fer_lib.data.readers.image_folder import read_image_folder
from fer_lib.data.readers.raw import MAX_BYTES, DataError, RawDataset
from fer_lib.data.readers.splits import find_image_files, has_image_suffix, is_image_folder
from fer_lib.io import (
    ARCHIVE_ERRORS,
    LimitedReader,
    TooLargeError,
    require_regular_file,
    sha256_of,
)
from fer_lib.text import quoted, reason

__all__ = [
    "COLUMNS",
    "CSV_NAMES",
    "DataError",
    "RawDataset",
    "dataset_sha256",
    "is_image_folder",
    "listing_sha256",
    "read_dataset",
]

CSV_NAMES = ("fer2013.csv", "icml_face_data.csv")
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"  # how such files begin
_TAR, _TAR_OFFSET = b"ustar", 257  # what a tar holds there


def read_dataset(path: Path) -> RawDataset:
    """Read a data set in any of its forms, which are recognized by content, not by name.

    Args:
        path: A file or a folder.

    Returns:
        The images and labels in the order of rows or files.

    Raises:
        DataError: If the data set is broken, or unpacks to more than 500 MB. The message names the
            file, the row or the folder, what was found and what was expected.
    """
    if path.is_dir():
        dataset = read_image_folder(folder_files(path))
    elif _is_zip(path):
        dataset = _read_zip(path)
    else:
        open_file = gzip.open if _begins_with(path, _GZIP) else open
        with open_file(path, "rb") as binary:
            dataset = _read_stream(binary, path)
    for index, name in enumerate(SPLITS):
        if index not in dataset.split_indices:
            raise DataError(f"{path}: no image of {name} among {len(dataset.labels)}")
    return dataset


def dataset_sha256(path: Path) -> str:
    """Return the SHA-256 of a file or of a folder's images, as 64 hexadecimal digits.

    For a folder it is that of a text with one line per image, sorted by path: the path in the
    folder, a tab, and the SHA-256 of the file.

    Raises:
        DataError: If the path is no regular file, or holds something else than such files.
    """
    if not path.is_dir():
        try:
            require_regular_file(path)
        except ValueError as error:
            raise DataError(str(error)) from None
        return sha256_of(path)
    names = filter(has_image_suffix, folder_files(path).names)
    paths = sorted(path / name for name in names)
    lines = (f"{p.relative_to(path).as_posix()}\t{sha256_of(p)}\n" for p in paths)
    return _text_sha256("".join(lines))


def listing_sha256(path: Path) -> str:
    """Return the SHA-256 of the paths of all files in a folder, those that are not read too.

    It tells whether the notes on a folder still hold. Of a file it is that of nothing.
    """
    names = folder_files(path).names if path.is_dir() else ()
    return _text_sha256("".join(f"{name}\n" for name in names))


def _text_sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _read_zip(path: Path) -> RawDataset:
    """Read a CSV with a known name, or else image folders, or else the only CSV."""
    try:
        with zipfile.ZipFile(path) as archive:
            files = zip_files(path, archive)
            csvs = [name for name in files.names if name.lower().endswith(".csv")]
            known = [name for name in csvs if _is_known(name)]
            if not known and find_image_files(files):
                return read_image_folder(files)
            if len(chosen := known or csvs) == 1:
                with archive.open(chosen[0]) as binary, text_stream(binary) as file:
                    return read_csv(file, f"{path}, {chosen[0]}")
    except ARCHIVE_ERRORS as error:
        raise DataError(f"{path}: not a readable zip ({reason(error)})") from error
    raise _no_csv(path, files.names)


def _read_stream(binary: io.BufferedIOBase, path: Path) -> RawDataset:
    """Read a CSV, or a tar with one, such as the challenge's `fer2013.tar.gz`.

    All of it is unpacked once before it is parsed, which takes longer, to learn its size.
    """
    try:
        limited = LimitedReader(binary, MAX_BYTES)
        while limited.read(2**20):
            pass
        binary.seek(0)
        stream = io.BufferedReader(binary)
        if stream.peek(_TAR_OFFSET + len(_TAR))[_TAR_OFFSET:].startswith(_TAR):
            return _read_tar(stream, path)
        with text_stream(stream) as file:
            return read_csv(file, str(path))
    except TooLargeError as error:
        raise DataError(f"{path}: {error}") from None
    except ARCHIVE_ERRORS as error:
        raise DataError(
            f"{path}: not a readable CSV, plain or gzipped ({reason(error)})"
        ) from error


def _read_tar(stream: io.BufferedReader, path: Path) -> RawDataset:
    """Read the first CSV with a known name."""
    names = []
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            names.append(member.name)
            if member.isfile() and _is_known(member.name):
                with text_stream(archive.extractfile(member)) as file:
                    return read_csv(file, f"{path}, {PurePosixPath(member.name).name}")
    raise _no_csv(path, names)


def _is_known(name: str) -> bool:
    return PurePosixPath(name).name.lower() in CSV_NAMES


def _no_csv(path: Path, names: Iterable[str]) -> DataError:
    csvs = ", ".join(name for name in names if name.lower().endswith((".csv", ".tar.gz")))
    return DataError(
        f"{path}: expected one {' or '.join(CSV_NAMES)}, or folders train and test; "
        f"found {quoted(csvs) if csvs else 'no CSV'}"
    )


def _is_zip(path: Path) -> bool:
    return _begins_with(path, _ZIP) or path.suffix == ".zip"


def _begins_with(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start
