"""Read FER2013, with a cache that is keyed by content."""

import hashlib
import shutil
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from fer_lib.data.discovery import EXPECTED, contents, locate, search
from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE, SPLITS
from fer_lib.data.readers import (
    DataError,
    RawDataset,
    dataset_sha256,
    listing_sha256,
    read_dataset,
)
from fer_lib.io import atomic_write, read_arrays, remove_unfinished
from fer_lib.paths import ROOT
from fer_lib.text import reason

_KAGGLE_DATASET = "deadskull7/fer2013"
_KAGGLE_MD5 = {  # of the challenge's files, as torchvision lists them
    "fer2013.csv": "f8428a1edbd21e88f42c73edd2a14f95",
    "icml_face_data.csv": "b114b9e04e6949e5fe8b6a98b3892b1d",
}
_CACHE_FORMAT = 4  # part of the cache's file name: raise it when what is stored changes


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
    def test_images_in_training(self) -> dict[str, int]:
        """The number of images of each test split that also occur in Training, pixel for pixel."""
        return {
            name: int(np.isin(split.hashes, self.training.hashes).sum())
            for name, split in self.splits.items()
            if split is not self.training
        }

    @property
    def class_counts(self) -> dict[str, dict[str, int]]:
        """Images by split, then by emotion."""
        return {
            name: dict(zip(EMOTION_NAMES, split.class_counts.tolist(), strict=True))
            for name, split in self.splits.items()
        }


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
            f"Kaggle could not be reached ({reason(error)}); download {_KAGGLE_DATASET} there by "
            "hand and set the environment variable FER2013 to the file"
        ) from error
    location = locate(folder)
    if location is None:
        raise DataError(f"{folder}: Kaggle's archive holds no data set; expected {EXPECTED}")
    target = root / "data" / location.path.name
    with atomic_write(target) as tmp:
        shutil.copyfile(location.path, tmp)
    return target


def is_kaggles_file(path: Path) -> bool | None:
    """Return whether a CSV has the known checksum of its name; None for a name without one."""
    if path.name not in _KAGGLE_MD5:
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest() == _KAGGLE_MD5[path.name]


def load_dataset(path: Path | str | None = None) -> Dataset:
    """Read a data set, or load it from the cache if it was read before.

    The cache is in the user's cache folder (`platformdirs`). Its files are named by the SHA-256 of
    the data set, so that a data set that has changed is read again. A broken one is replaced.

    Args:
        path: A file or a folder in any of the forms of `data.readers`. None uses `find_dataset`.

    Returns:
        The data set.

    Raises:
        DataError: If there is no data set, if it cannot be read, or if the cache cannot be written.

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
    location = search() if path is None else locate(Path(path))
    if location is None and path is None:
        raise DataError(
            "FER2013 is not on this machine: `python -m fer_lib download` gets it from Kaggle, or "
            "set the environment variable FER2013 to its file or folder; "
            f"{ROOT / 'data'} holds {contents(ROOT / 'data')}"
        )
    if location is None:
        raise DataError(
            f"{path}: expected a regular file, or {EXPECTED}; found {contents(Path(path))}"
        )
    sha256 = dataset_sha256(location.path)
    key = f"{_CACHE_FORMAT}-{sha256}-{listing_sha256(location.path)[:8]}"
    cache = user_cache_path("fer_lib") / f"fer2013-{key}.npz"
    raw, notes = _read_cached(location.path, cache)
    images = Split(raw.images, raw.labels)
    splits = (images[raw.split_indices == index] for index in range(len(SPLITS)))
    return Dataset(*splits, sha256, raw.public_test_drawn, (*location.notes, *notes, *raw.notes))


def _read_cached(path: Path, cache: Path) -> tuple[RawDataset, list[str]]:
    """Read a data set from its cache or, where there is none or a broken one, build it.

    Returns:
        The data set, and what a user should know of the cache.
    """
    remove_unfinished(cache.parent)
    notes = []
    if cache.exists():
        try:
            return _raw_dataset(read_arrays(cache)), notes
        except (OSError, ValueError) as error:
            notes.append(f"the cache was broken, and is built again: {reason(error)}")
    raw = read_dataset(path)
    try:
        with atomic_write(cache) as tmp:
            np.savez(tmp, **{**vars(raw), "notes": np.array(raw.notes, str)})
    except OSError as error:
        raise DataError(
            f"{cache}: the cache could not be written ({error.strerror or error}); it takes "
            f"{raw.images.nbytes / 1e6:.0f} MB, elsewhere with XDG_CACHE_HOME"
        ) from error
    return raw, notes


def _raw_dataset(arrays: dict[str, np.ndarray]) -> RawDataset:
    """Return the data set of a cache.

    Raises:
        ValueError: An array is missing, or has another shape, dtype or range.
    """
    expected = {field.name for field in fields(RawDataset)}
    if arrays.keys() != expected:
        raise ValueError(f"arrays {', '.join(arrays)}, expected {', '.join(expected)}")
    n = len(arrays["labels"]) if arrays["labels"].ndim else 0
    image_shape = (n, IMAGE_SIZE, IMAGE_SIZE)
    shapes = {"images": image_shape, "labels": (n,), "split_indices": (n,)}
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.uint8:
            raise ValueError(f"{name} is {array.dtype} {array.shape}, expected uint8 {shape}")
    drawn, notes = arrays["public_test_drawn"], arrays["notes"]
    in_range = (arrays["labels"] < len(EMOTION_NAMES)).all()
    if not in_range or set(np.unique(arrays["split_indices"])) != set(range(len(SPLITS))):
        raise ValueError("labels or splits out of range")
    if (drawn.ndim, drawn.dtype.kind, notes.ndim, notes.dtype.kind) != (0, "b", 1, "U"):
        raise ValueError("public_test_drawn or notes of another shape or dtype")
    return RawDataset(**arrays | {"public_test_drawn": bool(drawn), "notes": tuple(notes.tolist())})
