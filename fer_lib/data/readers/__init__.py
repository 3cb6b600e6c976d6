"""The forms in which FER2013 comes, one module each: a CSV (plain or gzipped), a zip, or folders
of images.

To support another form, add a module with a function that returns a `RawDataset`, and call it in
`read_dataset` below.
"""

import gzip
import hashlib
from pathlib import Path

from fer_lib.data.labels import IMAGE_SIZE, SPLITS
from fer_lib.data.readers.csv_file import COLUMNS, read_csv, text_stream
from fer_lib.data.readers.image_folder import IMAGE_SUFFIXES, is_image_folder, read_image_folder
from fer_lib.data.readers.raw import DataError, RawDataset
from fer_lib.data.readers.zip_archive import CSV_NAMES, read_zip
from fer_lib.io import sha256_of

__all__ = [
    "COLUMNS",
    "CSV_NAMES",
    "IMAGE_SIZE",
    "SPLITS",
    "DataError",
    "RawDataset",
    "dataset_sha256",
    "is_image_folder",
    "read_dataset",
]

_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"  # how such files begin


def read_dataset(path: Path) -> RawDataset:
    """Read a data set in any of its forms, told apart by content, not by name.

    Raises:
        DataError: names the file, the row or the folder, what was found and what was expected.
    """
    path = Path(path)
    start = b"" if path.is_dir() else _first_bytes(path)
    if path.is_dir():
        dataset = read_image_folder(path)
    elif start.startswith(_ZIP) or path.suffix == ".zip":
        dataset = read_zip(path)
    else:
        open_file = gzip.open if start.startswith(_GZIP) else open
        with open_file(path, "rb") as binary, text_stream(binary) as file:
            dataset = read_csv(file, str(path))
    for index, name in enumerate(SPLITS):
        if index not in dataset.split_indices:
            raise DataError(f"{path}: no image of {name} among {len(dataset.labels)}")
    return dataset


def dataset_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's images: 64 hexadecimal digits.

    A folder's is that of one line for each image: its path in the folder, a tab, and its own
    SHA-256, sorted by path.
    """
    path = Path(path)
    if not path.is_dir():
        return sha256_of(path)
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    lines = (f"{p.relative_to(path).as_posix()}\t{sha256_of(p)}\n" for p in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)
