"""FER2013: found, read in whatever form it comes, and cached by content."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.readers import (
    CSV_NAMES,
    SPLITS,
    DataError,
    dataset_sha256,
    is_folder_form,
    read_dataset,
)
from fer_lib.io import atomic_write, read_arrays
from fer_lib.paths import ROOT

_FILE_NAMES = tuple(f"{name}{ending}" for name in CSV_NAMES for ending in ("", ".gz"))
_CACHE_FORMAT = 2  # part of the cache's file name: raise it when what is stored changes


@dataclass(frozen=True, eq=False)
class Split:
    """The images of one split, in the order of the file.

    Attributes:
        images: uint8 [n, 48, 48], grey levels 0–255.
        labels: uint8 [n], positions in `emotions.NAMES`, or in the classes of another data set.
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

    def rows_of(self, hashes: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Where images, by hash and label, stand here: int [n], and -1 for those that do not. Some
        pictures stand in FER2013 under two labels."""
        rows = {
            pair: row
            for row, pair in enumerate(zip(self.hashes.tolist(), self.labels.tolist(), strict=True))
        }
        return np.array(
            [rows.get(pair, -1) for pair in zip(hashes.tolist(), labels.tolist(), strict=True)], int
        )

    def require(
        self, hashes: np.ndarray, labels: np.ndarray, whose: str, missing_allowed: float = 0
    ) -> np.ndarray:
        """As `rows_of`, but refuses a copy of the data set that lacks more than the allowed share
        of the images.

        Args:
            whose: what the images belong to, for the message. missing_allowed: 0–1.

        Raises:
            DataError: too many are missing.
        """
        rows = self.rows_of(hashes, labels)
        if (missing := int((rows < 0).sum())) > missing_allowed * len(rows):
            raise DataError(
                f"{missing} of the {len(rows)} images of {whose} are not in this copy of FER2013, pixel for pixel"
            )
        return rows

    @property
    def class_counts(self) -> np.ndarray:
        """int64 [7]: the number of images of each emotion."""
        return np.bincount(self.labels, minlength=len(EMOTION_NAMES))


@dataclass(frozen=True, eq=False)
class Dataset:
    """FER2013's three splits, and what they were read from.

    Attributes:
        sha256: of the file or folder, as `formats.fingerprint` gives it.
        public_test_drawn: whether PublicTest is not FER2013's own but was drawn from Training.
        notes: what a reader must know of how it was read.
    """

    training: Split
    public_test: Split
    private_test: Split
    sha256: str
    public_test_drawn: bool = False
    notes: tuple[str, ...] = ()

    @property
    def splits(self) -> dict[str, Split]:
        """The three splits under FER2013's own names."""
        return dict(zip(SPLITS, (self.training, self.public_test, self.private_test), strict=True))

    @property
    def class_counts(self) -> dict[str, dict[str, int]]:
        """Images by split, then by emotion."""
        return {
            name: dict(zip(EMOTION_NAMES, split.class_counts.tolist(), strict=True))
            for name, split in self.splits.items()
        }


def find_dataset() -> Path | None:
    """Return where FER2013 is: the `FER2013` environment variable (a file or a folder), else
    `data/`, else None.

    A relative path in the variable leads from the current folder, or else from the repository's:
    notebooks run in a folder of
    their own.

    Raises:
        DataError: the variable is set but leads to no such file; falling through to another copy
        would hide it.
    """
    if place := os.environ.get("FER2013"):
        path = Path(place).expanduser()
        found = _candidate(path) or _candidate(ROOT / path)
        if found is None:
            raise DataError(
                f"the environment variable FER2013 is {place!r}: expected the data set's file, or {_EXPECTED}"
            )
        return found
    return _candidate(ROOT / "data")


_EXPECTED = (
    f"a folder that holds one of {', '.join(_FILE_NAMES)}, or one zip, or folders train and test"
)


def _candidate(place: Path) -> Path | None:
    if place.is_file() or is_folder_form(place):
        return place
    named = [place / name for name in _FILE_NAMES if (place / name).is_file()]
    zips = sorted(place.glob("*.zip")) if place.is_dir() else []
    return named[0] if named else zips[0] if len(zips) == 1 else None


def download_dataset() -> Path:
    """Download FER2013 from Kaggle with `kagglehub` (a public data set: no account) into `data/`,
    and return its path.

    Raises:
        DataError: the download failed, or brought no CSV.
    """
    import kagglehub

    try:
        folder = Path(kagglehub.dataset_download("deadskull7/fer2013"))
    except Exception as error:  # kagglehub documents no exceptions of its own
        raise DataError(
            f"Kaggle could not be reached ({error}); data/README.md says how to get the file by hand"
        ) from error
    source = _candidate(folder)
    if source is None:
        raise DataError(f"{folder}: Kaggle's archive holds no data set; expected {_EXPECTED}")
    target = ROOT / "data" / source.name
    with atomic_write(target) as aside:
        shutil.copyfile(source, aside)
    return target


def load_dataset(path: Path) -> Dataset:
    """Read a data set, from the cache where this very content was read before.

    The cache is a folder of the user's (`platformdirs`), its files named by the SHA-256 of what was
    read, so that a changed
    data set is never mistaken for an old one.

    Args:
        path: a file or a folder in any of the forms of `formats`.

    Raises:
        DataError: `path` is no readable FER2013, or the cache is broken or cannot be written.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    sha256 = dataset_sha256(path)
    cache = user_cache_path("fer_lib") / f"fer2013-{_CACHE_FORMAT}-{sha256}.npz"
    if not cache.exists():
        decoded = read_dataset(path)
        try:
            with atomic_write(cache) as aside:
                np.savez(aside, **{**vars(decoded), "notes": np.array(decoded.notes, str)})
        except OSError as error:
            size = decoded.images.nbytes / 1e6
            raise DataError(
                f"{cache}: the cache could not be written ({error.strerror or error}); it takes {size:.0f} MB, elsewhere with XDG_CACHE_HOME"
            ) from error
    try:
        stored = read_arrays(cache)
    except ValueError as error:
        raise DataError(f"{error}; it is a cache: remove it, and it is built again") from error
    images, labels, usages = stored["images"], stored["labels"], stored["usages"]
    public_test_drawn, notes = bool(stored["public_test_drawn"]), tuple(stored["notes"].tolist())
    splits = (Split(images[usages == i], labels[usages == i]) for i in range(len(SPLITS)))
    return Dataset(*splits, sha256, public_test_drawn, notes)
