"""Find and read FER2013, with a cache that is keyed by content."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from fer_lib.data.labels import EMOTION_NAMES, SPLITS
from fer_lib.data.readers import (
    CSV_NAMES,
    DataError,
    dataset_sha256,
    is_image_folder,
    read_dataset,
)
from fer_lib.io import atomic_write, read_arrays
from fer_lib.paths import ROOT

_FILE_NAMES = tuple(f"{name}{suffix}" for name in CSV_NAMES for suffix in ("", ".gz"))
_EXPECTED = f"a folder with one of {', '.join(_FILE_NAMES)}, one zip, or folders train and test"
_KAGGLE_DATASET = "deadskull7/fer2013"
_CACHE_FORMAT = 3  # part of the cache's file name: raise it when what is stored changes


@dataclass(frozen=True, eq=False)
class Split:
    """The images of one split, in the order of the file.

    Attributes:
        images: uint8 [n, 48, 48], gray levels 0–255.
        labels: uint8 [n], positions in `data.labels.EMOTIONS` or in the classes of another data
            set.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: np.ndarray) -> "Split":
        """Return some of the images, by index or mask."""
        return Split(self.images[rows], self.labels[rows])

    @cached_property
    def hashes(self) -> np.ndarray:
        """uint64 [n]: the first eight bytes (little-endian) of the SHA-256 of each image's pixels.

        They identify an image independently of its row, without revealing it.
        """
        digests = b"".join(hashlib.sha256(image.tobytes()).digest()[:8] for image in self.images)
        return np.frombuffer(digests, "<u8")

    @property
    def class_counts(self) -> np.ndarray:
        """int64 [7]: the number of images of each emotion."""
        return np.bincount(self.labels, minlength=len(EMOTION_NAMES))

    def rows_of(self, hashes: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the rows of images, found by hash and label.

        The label is needed because some images of FER2013 occur with two labels.

        Args:
            hashes: uint64 [n].
            labels: uint8 [n].

        Returns:
            int [n]: The rows in this split, -1 for images that are not in it.
        """
        rows = {
            image: row
            for row, image in enumerate(
                zip(self.hashes.tolist(), self.labels.tolist(), strict=True)
            )
        }
        images = zip(hashes.tolist(), labels.tolist(), strict=True)
        return np.array([rows.get(image, -1) for image in images], int)

    def require(
        self, hashes: np.ndarray, labels: np.ndarray, owner: str, missing_allowed: float = 0
    ) -> np.ndarray:
        """Return the rows of images as `rows_of` does, and check that few are missing.

        Args:
            hashes: uint64 [n].
            labels: uint8 [n].
            owner: What the images belong to, for the error message.
            missing_allowed: The fraction of images that may be missing, 0–1.

        Raises:
            DataError: If more images are missing.
        """
        rows = self.rows_of(hashes, labels)
        if (missing := int((rows < 0).sum())) > missing_allowed * len(rows):
            raise DataError(
                f"{missing} of the {len(rows)} images of {owner} are not in this copy of FER2013, "
                "pixel for pixel"
            )
        return rows


@dataclass(frozen=True, eq=False)
class Dataset:
    """The three splits of FER2013.

    Attributes:
        training: The images to fit on.
        public_test: The images for selection.
        private_test: The images for the reported results.
        sha256: The SHA-256 of the file or folder (`data.readers.dataset_sha256`).
        public_test_drawn: Whether PublicTest was drawn from Training because the copy lacks
            FER2013's own.
        notes: Remarks for the user on how the data set was read.
    """

    training: Split
    public_test: Split
    private_test: Split
    sha256: str
    public_test_drawn: bool = False
    notes: tuple[str, ...] = ()

    @property
    def splits(self) -> dict[str, Split]:
        """The three splits by FER2013's own names."""
        return dict(zip(SPLITS, (self.training, self.public_test, self.private_test), strict=True))

    @property
    def class_counts(self) -> dict[str, dict[str, int]]:
        """Images by split, then by emotion."""
        return {
            name: dict(zip(EMOTION_NAMES, split.class_counts.tolist(), strict=True))
            for name, split in self.splits.items()
        }


def find_dataset(root: Path = ROOT) -> Path | None:
    """Find FER2013 where the environment variable `FER2013` points, or else in `data/`.

    The variable names a file or a folder. A relative path is relative to the current folder or else
    to `root`, because notebooks run in their own folder.

    Args:
        root: The folder that contains `data/`.

    Returns:
        The file or folder, or None if there is none.

    Raises:
        DataError: If the variable is set but does not point to a data set. No other copy is used
            instead.
    """
    if variable := os.environ.get("FER2013"):
        path = Path(variable).expanduser()
        dataset = _dataset_in(path) or _dataset_in(root / path)
        if dataset is None:
            raise DataError(
                f"the environment variable FER2013 is {variable!r}: "
                f"expected the data set's file, or {_EXPECTED}"
            )
        return dataset
    return _dataset_in(root / "data")


def _dataset_in(path: Path) -> Path | None:
    """Return the data set at a path or in the folder at that path, or None."""
    if path.is_file() or is_image_folder(path):
        return path
    named = [path / name for name in _FILE_NAMES if (path / name).is_file()]
    zips = list(path.glob("*.zip")) if path.is_dir() else []
    return named[0] if named else zips[0] if len(zips) == 1 else None


def download_dataset(root: Path = ROOT) -> Path:
    """Download FER2013 from Kaggle with `kagglehub` into `data/`. No account is needed.

    Args:
        root: The folder that contains `data/`.

    Returns:
        The path of the downloaded file.

    Raises:
        DataError: If the download fails or contains no data set.
    """
    import kagglehub

    try:
        folder = Path(kagglehub.dataset_download(_KAGGLE_DATASET))
    except Exception as error:  # kagglehub documents no exceptions of its own
        raise DataError(
            f"Kaggle could not be reached ({error}); download {_KAGGLE_DATASET} there by hand and "
            "set the environment variable FER2013 to the file"
        ) from error
    source = _dataset_in(folder)
    if source is None:
        raise DataError(f"{folder}: Kaggle's archive holds no data set; expected {_EXPECTED}")
    target = root / "data" / source.name
    with atomic_write(target) as tmp:
        shutil.copyfile(source, tmp)
    return target


def load_dataset(path: Path | str | None = None) -> Dataset:
    """Read a data set, or load it from the cache if it was read before.

    The cache is in the user's cache folder (`platformdirs`). Its files are named by the SHA-256 of
    the data set, so that a data set that has changed is read again.

    Args:
        path: A file or a folder in any of the forms of `data.readers`. None uses `find_dataset`.

    Returns:
        The data set.

    Raises:
        DataError: If there is no data set, if it cannot be read, or if the cache is broken or
            cannot be written.

    Example:
        >>> from fer_lib.data.synthetic import write_synthetic_csv
        >>> sizes = {"Training": 60, "PublicTest": 30, "PrivateTest": 30}
        >>> write_synthetic_csv("faces.csv.gz", sizes)
        >>> dataset = load_dataset("faces.csv.gz")
        >>> dataset.training.images.shape
        (60, 48, 48)
        >>> dataset.class_counts["PublicTest"]["happy"] >= 3
        True
    """
    path = find_dataset() if path is None else Path(path)
    if path is None:
        raise DataError(
            "FER2013 is not on this machine: `python -m fer_lib download` gets it from Kaggle, or "
            "set the environment variable FER2013 to its file or folder"
        )
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    sha256 = dataset_sha256(path)
    cache = user_cache_path("fer_lib") / f"fer2013-{_CACHE_FORMAT}-{sha256}.npz"
    if not cache.exists():
        raw = read_dataset(path)
        try:
            with atomic_write(cache) as tmp:
                np.savez(tmp, **{**vars(raw), "notes": np.array(raw.notes, str)})
        except OSError as error:
            raise DataError(
                f"{cache}: the cache could not be written ({error.strerror or error}); it takes "
                f"{raw.images.nbytes / 1e6:.0f} MB, elsewhere with XDG_CACHE_HOME"
            ) from error
    try:
        arrays = read_arrays(cache)
    except ValueError as error:
        raise DataError(f"{error}; it is a cache: remove it, and it is built again") from error
    images = Split(arrays["images"], arrays["labels"])
    splits = (images[arrays["split_indices"] == index] for index in range(len(SPLITS)))
    return Dataset(
        *splits, sha256, bool(arrays["public_test_drawn"]), tuple(arrays["notes"].tolist())
    )
