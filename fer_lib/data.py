"""FER2013: found, read from the Kaggle CSV, checked row by row, and cached by content."""

import csv
import gzip
import hashlib
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path
from tqdm import tqdm

from fer_lib.emotions import NAMES
from fer_lib.files import replacing

SIDE = 48
SPLITS = ("Training", "PublicTest", "PrivateTest")
COLUMNS = ("emotion", "pixels", "Usage")
REPOSITORY = Path(__file__).resolve().parent.parent

_FILE_NAMES = ("fer2013.csv", "fer2013.csv.gz")
_CACHE_FORMAT = 1  # part of the cache's file name: raise it when what is stored changes
_ROWS_EXPECTED = 35_887  # scales the progress bar, nothing else


class DataError(ValueError):
    """The data set is missing or broken; the message says where, what was found and what was expected."""


@dataclass(frozen=True, eq=False)
class Split:
    """The images of one split, in the order of the file.

    Attributes:
        images: uint8 [n, 48, 48], grey levels 0–255.
        labels: uint8 [n], positions in `emotions.NAMES`.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def hashes(self) -> np.ndarray:
        """uint64 [n]: the first eight bytes (little-endian) of the SHA-256 of each image's pixels.

        They identify an image whatever its row, without giving it away.
        """
        digests = b"".join(hashlib.sha256(image.tobytes()).digest()[:8] for image in self.images)
        return np.frombuffer(digests, "<u8")

    @property
    def class_counts(self) -> np.ndarray:
        """int64 [7]: the number of images of each emotion."""
        return np.bincount(self.labels, minlength=len(NAMES))


@dataclass(frozen=True, eq=False)
class Dataset:
    """FER2013's three splits and the SHA-256 of the file they were read from."""

    training: Split
    public_test: Split
    private_test: Split
    sha256: str

    @property
    def splits(self) -> dict[str, Split]:
        """The three splits under FER2013's own names."""
        return dict(zip(SPLITS, (self.training, self.public_test, self.private_test), strict=True))

    @property
    def class_counts(self) -> dict[str, dict[str, int]]:
        """Images by split, then by emotion."""
        return {name: dict(zip(NAMES, split.class_counts.tolist(), strict=True)) for name, split in self.splits.items()}


def find() -> Path | None:
    """Return where FER2013 is: the `FER2013` environment variable (a file or a folder), else `data/`, else None.

    Raises:
        DataError: the variable is set but leads to no such file; falling through to another copy would hide it.
    """
    if place := os.environ.get("FER2013"):
        found = _in(Path(place).expanduser())
        if found is None:
            raise DataError(
                f"the environment variable FER2013 is {place!r}: expected the data set's CSV file, "
                f"or a folder that holds {' or '.join(_FILE_NAMES)}"
            )
        return found
    return _in(REPOSITORY / "data")


def _in(place: Path) -> Path | None:
    candidates = (place / name for name in _FILE_NAMES) if place.is_dir() else (place,)
    return next((path for path in candidates if path.is_file()), None)


def fetch() -> Path:
    """Download FER2013 from Kaggle with `kagglehub` (a public data set: no account) into `data/`, and return its path.

    Raises:
        DataError: the download failed, or brought no CSV.
    """
    import kagglehub

    try:
        folder = Path(kagglehub.dataset_download("deadskull7/fer2013"))
    except Exception as error:  # kagglehub documents no exceptions of its own
        raise DataError(f"Kaggle could not be reached ({error}); data/README.md says how to get the file by hand") from error
    source = _in(folder)
    if source is None:
        raise DataError(f"{folder}: Kaggle's archive holds neither {' nor '.join(_FILE_NAMES)}")
    target = REPOSITORY / "data" / source.name
    with replacing(target) as aside:
        shutil.copyfile(source, aside)
    return target


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load(path: Path) -> Dataset:
    """Read a data set, from the cache where this very content was read before.

    The cache is a folder of the user's (`platformdirs`), its files named by the SHA-256 of the CSV, so that a changed
    CSV is never mistaken for an old one.

    Raises:
        DataError: `path` is no readable FER2013 CSV.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    sha256 = sha256_of(path)
    cache = user_cache_path("fer_lib") / f"fer2013-{_CACHE_FORMAT}-{sha256}.npz"
    if not cache.exists():
        images, labels, usage = read_csv(path)
        with replacing(cache) as aside:
            np.savez(aside, images=images, labels=labels, usage=usage)
    with np.load(cache) as stored:
        images, labels, usage = stored["images"], stored["labels"], stored["usage"]
    splits = (Split(images[usage == i], labels[usage == i]) for i in range(len(SPLITS)))
    return Dataset(*splits, sha256=sha256)


def read_csv(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read a CSV in Kaggle's form (columns `emotion,pixels,Usage` in any order), plain or gzipped.

    Returns:
        images uint8 [n, 48, 48], labels uint8 [n], and the position of each row's split in `SPLITS`, uint8 [n].

    Raises:
        DataError: names the file, the row (the header is row 1), what was found and what was expected.
    """
    images, labels, usages = [], [], []
    try:
        with _open_text(path) as file:
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise DataError(f"{path}, row 1: no column {', '.join(missing)}; found {', '.join(header) or 'nothing'}")
            emotion, pixels, usage = (header.index(name) for name in COLUMNS)
            progress = tqdm(rows, "reading FER2013", _ROWS_EXPECTED, unit=" images", disable=None)  # only on a terminal
            for number, row in enumerate(progress, start=2):
                try:
                    if len(row) != len(header):
                        raise ValueError(f"{len(row)} fields, expected {len(header)}")
                    labels.append(_label(row[emotion]))
                    usages.append(_usage(row[usage]))
                    images.append(_pixels(row[pixels]))
                except ValueError as error:
                    raise DataError(f"{path}, row {number}: {error}") from None
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable CSV, plain or gzipped ({error})") from error
    for index, name in enumerate(SPLITS):
        if index not in usages:
            raise DataError(f"{path}: no row of {name} among {len(labels)} rows")
    shape = (len(images), SIDE, SIDE)
    return np.frombuffer(b"".join(images), np.uint8).reshape(shape), np.array(labels, np.uint8), np.array(usages, np.uint8)


def _open_text(path: Path):
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return (gzip.open if zipped else open)(path, "rt", encoding="utf-8-sig", newline="")


def _label(text: str) -> int:
    if text.strip() not in {str(label) for label in range(len(NAMES))}:
        raise ValueError(f"emotion is {text!r}, expected a whole number from 0 to {len(NAMES) - 1}")
    return int(text)


def _usage(text: str) -> int:
    if text.strip() not in SPLITS:
        raise ValueError(f"Usage is {text!r}, expected {', '.join(SPLITS)}")
    return SPLITS.index(text.strip())


def _pixels(text: str) -> bytes:
    values = text.split()
    if len(values) != SIDE * SIDE:
        raise ValueError(f"{len(values)} pixels, expected {SIDE * SIDE}")
    try:
        return bytes(map(int, values))
    except ValueError:
        column, value = next((i, v) for i, v in enumerate(values, 1) if not (v.isdecimal() and int(v) <= 255))
        raise ValueError(f"pixel {column} is {value!r}, expected a whole number from 0 to 255") from None
