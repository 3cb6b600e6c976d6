"""Readers for the forms of FER2013: a CSV (plain or gzipped), folders of images, or a zip of them.

To support another form, add a module with a function that returns a `RawDataset`, and call it in
`read_dataset` below.
"""

import gzip
import hashlib
import zipfile
from pathlib import Path

from fer_lib.data.labels import SPLITS
from fer_lib.data.readers.csv_file import COLUMNS, read_csv, text_stream
from fer_lib.data.readers.image_folder import IMAGE_SUFFIXES, is_image_folder, read_image_folder
from fer_lib.data.readers.raw import DataError, RawDataset
from fer_lib.io import sha256_of

__all__ = [
    "COLUMNS",
    "CSV_NAMES",
    "DataError",
    "RawDataset",
    "dataset_sha256",
    "is_image_folder",
    "read_dataset",
    "read_zip",
]

CSV_NAMES = ("fer2013.csv", "icml_face_data.csv")
_MAC_FOLDER = "__MACOSX"  # metadata that macOS adds to archives
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"  # how such files begin


def read_dataset(path: Path) -> RawDataset:
    """Read a data set in any of its forms, which are recognized by content, not by name.

    Args:
        path: A file or a folder.

    Returns:
        The images and labels in the order of rows or files.

    Raises:
        DataError: If the data set is broken. The message names the file, the row or the folder,
            what was found and what was expected.
    """
    if path.is_dir():
        dataset = read_image_folder(path)
    elif _begins_with(path, _ZIP) or path.suffix == ".zip":
        dataset = read_zip(path)
    else:
        open_file = gzip.open if _begins_with(path, _GZIP) else open
        with open_file(path, "rb") as binary, text_stream(binary) as file:
            dataset = read_csv(file, str(path))
    for index, name in enumerate(SPLITS):
        if index not in dataset.split_indices:
            raise DataError(f"{path}: no image of {name} among {len(dataset.labels)}")
    return dataset


def read_zip(path: Path) -> RawDataset:
    """Read a CSV with a known name, or else the only CSV, or else image folders.

    The image folders are at the top of the archive or one level below.

    Args:
        path: A zip file.

    Raises:
        DataError: If the archive is broken, or has none or several of these.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.startswith(f"{_MAC_FOLDER}/")]
            csvs = [name for name in names if name.lower().endswith(".csv")]
            known = [name for name in csvs if Path(name).name.lower() in CSV_NAMES]
            if len(chosen := known or csvs) == 1:
                with text_stream(archive.open(chosen[0])) as file:
                    return read_csv(file, f"{path}, {chosen[0]}")
            root = zipfile.Path(archive)
            folders = [
                folder
                for folder in (root, *root.iterdir())
                if folder.name != _MAC_FOLDER and is_image_folder(folder)
            ]
            if not csvs and len(folders) == 1:
                return read_image_folder(folders[0])
            raise DataError(
                f"{path}: expected one {' or '.join(CSV_NAMES)}, or folders train and test; "
                f"found {', '.join(csvs) or 'no CSV'}"
            )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: not a readable zip ({error})") from error


def dataset_sha256(path: Path) -> str:
    """Return the SHA-256 of a file or of a folder's images, as 64 hexadecimal digits.

    For a folder it is that of a text with one line per image, sorted by path: the path in the
    folder, a tab, and the SHA-256 of the file.
    """
    if not path.is_dir():
        return sha256_of(path)
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    lines = (f"{p.relative_to(path).as_posix()}\t{sha256_of(p)}\n" for p in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _begins_with(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start
