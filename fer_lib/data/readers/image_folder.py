"""Read FER2013 from folders of images, one folder per class::

    train/<class>/*.png
    test/<class>/PublicTest_*.png, PrivateTest_*.png

Class names may be aliases (`data.labels`), and the files JPEG or PNG. `Path` below may also be a
path inside a zip (`zipfile.Path`).
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE, SPLITS, label_of
from fer_lib.data.readers.raw import DataError, RawDataset, progress

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
_TRAINING, _PUBLIC_TEST, _PRIVATE_TEST = range(len(SPLITS))
_UNREADABLE = (  # what Pillow and zipfile raise
    *(OSError, ValueError, SyntaxError, EOFError, zlib.error),
    *(zipfile.BadZipFile, Image.DecompressionBombError),
)
_DRAWN_FRACTION = 10  # one in ten images of Training is drawn where there is no PublicTest


def is_image_folder(path: Path) -> bool:
    """Return whether `path` is a folder with `train` and `test`, in upper or lower case."""
    return path.is_dir() and {"train", "test"} <= {child.name.lower() for child in path.iterdir()}


def read_image_folder(root: Path) -> RawDataset:
    """Read the images in `train` and `test`, classes in label order and files by name.

    If the file names in `test` do not tell the split, all of `test` becomes PrivateTest, and
    PublicTest is drawn from Training: the tenth of each class whose pixels have the lowest SHA-256.
    The draw thus depends on the images only, not on their names or order.

    Args:
        root: The folder of `train` and `test`.

    Raises:
        DataError: If a folder is missing or unknown, or if an image is broken, in color or of
            another size.
    """
    parts = {part: list(_class_files(root, part)) for part in ("train", "test")}
    labels, files = zip(*parts["train"], *parts["test"], strict=True)
    splits = [_TRAINING] * len(parts["train"]) + [_test_split(f.name) for _, f in parts["test"]]
    public_test_drawn = None in splits
    if public_test_drawn and not {_PUBLIC_TEST, _PRIVATE_TEST}.isdisjoint(splits):
        raise DataError(
            f"{files[splits.index(None)]}: expected a name that begins with PublicTest_ or "
            "PrivateTest_, as other names in test do"
        )
    pixels, in_color = zip(*map(_read_gray, progress(files)), strict=True)
    images, labels = np.stack(pixels), np.array(labels, np.uint8)
    count = sum(in_color)
    notes = [f"{count:,} gray images were stored in color: read as gray"] if count else []
    split_indices = np.array([_PRIVATE_TEST if s is None else s for s in splits], np.uint8)
    if public_test_drawn:
        drawn = []
        for label in range(len(EMOTION_NAMES)):
            rows = np.flatnonzero((split_indices == _TRAINING) & (labels == label))
            ranked = sorted(rows, key=lambda row: hashlib.sha256(images[row].tobytes()).digest())
            drawn += ranked[: max(1, len(rows) // _DRAWN_FRACTION)]
        split_indices[drawn] = _PUBLIC_TEST
        notes.append(
            "this copy does not tell PublicTest from PrivateTest: all of test is used as "
            f"PrivateTest, and {len(drawn):,} images of train, a tenth of each class, as PublicTest"
        )
    return RawDataset(images, labels, split_indices, public_test_drawn, tuple(notes))


def _class_files(root: Path, part: str) -> Iterator[tuple[int, Path]]:
    """Yield the label and the file of each image in `train` or `test`."""
    folder = next((f for f in root.iterdir() if f.name.lower() == part and f.is_dir()), None)
    if folder is None:
        raise DataError(f"{root}: no folder {part}; expected train and test")
    for label, child in sorted(_class_folders(folder).items()):
        files = [f for f in child.iterdir() if Path(f.name).suffix.lower() in IMAGE_SUFFIXES]
        if not files:
            raise DataError(
                f"{child}: no image; expected files that end in {', '.join(IMAGE_SUFFIXES)}"
            )
        yield from ((label, file) for file in sorted(files, key=lambda file: file.name))


def _class_folders(folder: Path) -> dict[int, Path]:
    """Return the folder of each label."""
    classes = {}
    children = (f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))
    for child in sorted(children, key=lambda child: child.name):
        try:
            label = label_of(child.name)
        except ValueError as error:
            raise DataError(f"{child}: {error}") from None
        if label in classes:
            raise DataError(
                f"{folder}: both {classes[label].name} and {child.name} are "
                f"{EMOTION_NAMES[label]}; expected one folder for each emotion"
            )
        classes[label] = child
    if missing := [name for label, name in enumerate(EMOTION_NAMES) if label not in classes]:
        names = ", ".join(child.name for child in classes.values()) or "none"
        raise DataError(f"{folder}: no folder for {', '.join(missing)}; found {names}")
    return classes


def _test_split(file_name: str) -> int | None:
    """Return the position in `SPLITS` of a file in `test`, or None if its name does not tell it."""
    name, tests = file_name.lower(), (_PUBLIC_TEST, _PRIVATE_TEST)
    return next((split for split in tests if name.startswith(SPLITS[split].lower())), None)


def _read_gray(file: Path) -> tuple[np.ndarray, bool]:
    """Return an image's pixels, uint8 [48, 48], and whether it was stored in color.

    Images of another size, with real colors or with transparency are refused.
    """
    try:
        with file.open("rb") as stream, Image.open(stream) as image:
            image.load()
            size, mode = image.size, image.mode
            pixels = np.asarray(image if mode == "L" else image.convert("RGBA"))
    except _UNREADABLE as error:
        raise DataError(f"{file}: not a readable image ({error})") from error
    if size != (IMAGE_SIZE, IMAGE_SIZE):
        raise DataError(
            f"{file}: {size[0]} × {size[1]} pixels, expected {IMAGE_SIZE} × {IMAGE_SIZE}"
        )
    if mode == "L":
        return pixels, False
    is_gray = (pixels[..., 3] == 255).all() and (pixels[..., :2] == pixels[..., 1:3]).all()
    if mode.startswith(("I", "F")) or not is_gray:
        raise DataError(
            f"{file}: an image of mode {mode} that is not plain gray; expected gray levels 0–255"
        )
    return np.ascontiguousarray(pixels[..., 0]), True
