"""Read FER2013 from folders of images, one folder per class::

    train/<class>/*.png
    test/<class>/PublicTest_*.png, PrivateTest_*.png

`readers.splits` has other forms. Class names may be aliases (`data.labels`) or labels, and the
files JPEG or PNG.

An image is read as it is if it has 8-bit gray levels. Any other that becomes opaque and gray, with
equal red, green and blue, when Pillow converts it to RGB is read as these gray levels: 1-bit,
palette, CMYK, RGB and transparent modes alike. All others are refused.
"""

import hashlib

import numpy as np
from PIL import UnidentifiedImageError

from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE
from fer_lib.data.readers.files import Files
from fer_lib.data.readers.raw import DataError, RawDataset, progress
from fer_lib.data.readers.splits import (
    PUBLIC_TEST,
    TRAINING,
    find_image_files,
    split_notes,
    unread_note,
)
from fer_lib.images import open_image
from fer_lib.text import reason

_DRAWN_FRACTION = 10  # one in ten images of Training is drawn where there is no PublicTest


def read_image_folder(files: Files) -> RawDataset:
    """Read the images of a folder or of an archive, as `splits.find_image_files` finds them.

    If neither folders nor file names tell PublicTest, it is drawn from Training: the tenth of each
    class whose pixels have the lowest SHA-256. The draw thus depends on the images only, not on
    their names or order.

    Args:
        files: The files, with at least one image.

    Raises:
        DataError: If a folder is missing or unknown, or if an image is broken, in color or of
            another size.
    """
    image_files = find_image_files(files)
    if not image_files:
        raise DataError(f"{files.name}: no images in folders train/<class> and test/<class>")
    images = np.empty((len(image_files), IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    modes = set()
    converted = 0
    for row, file in enumerate(progress(image_files)):
        images[row], mode = _read_gray(files, file.name)
        if mode != "L":
            modes.add(mode)
            converted += 1
    labels = np.array([file.label for file in image_files], np.uint8)
    split_indices = np.array([file.split for file in image_files], np.uint8)
    notes = split_notes(image_files)
    if converted:
        notes.append(
            f"gray images in other modes than 8-bit gray, read as gray: {converted:,} "
            f"({', '.join(sorted(modes))})"
        )
    if public_test_drawn := PUBLIC_TEST not in split_indices:
        drawn = []
        for label in range(len(EMOTION_NAMES)):
            rows = np.flatnonzero((split_indices == TRAINING) & (labels == label))
            ranked = sorted(rows, key=lambda row: hashlib.sha256(images[row].tobytes()).digest())
            drawn += ranked[: max(1, len(rows) // _DRAWN_FRACTION)]
        split_indices[drawn] = PUBLIC_TEST
        notes.append(
            "this copy does not tell PublicTest from PrivateTest: all of test is used as "
            f"PrivateTest, and {len(drawn):,} images of train, a tenth of each class, as PublicTest"
        )
    notes += unread_note(set(files.names) - {file.name for file in image_files})
    return RawDataset(images, labels, split_indices, public_test_drawn, tuple(notes))


def _read_gray(files: Files, name: str) -> tuple[np.ndarray, str]:
    """Return an image's pixels, uint8 [48, 48], and Pillow's mode of the file.

    Images of another size, with real colors or with transparency are refused.
    """
    path, expected = f"{files.name}/{name}", (IMAGE_SIZE, IMAGE_SIZE)
    try:
        with files.open(name) as stream, open_image(stream) as image:
            size, mode = image.size, image.mode
            if size == expected:
                pixels = np.asarray(image if mode == "L" else image.convert("RGBA"))
    except Exception as error:  # Pillow's decoders and zipfile raise many kinds on broken files
        is_unknown = isinstance(error, UnidentifiedImageError)
        why = "unknown format" if is_unknown else reason(error)
        raise DataError(f"{path}: not a readable image ({why})") from error
    if size != expected:
        raise DataError(
            f"{path}: {size[0]} × {size[1]} pixels, expected {IMAGE_SIZE} × {IMAGE_SIZE}"
        )
    if mode == "L":
        return pixels, mode
    is_gray = (pixels[..., 3] == 255).all() and (pixels[..., :2] == pixels[..., 1:3]).all()
    if mode.startswith(("I", "F")) or not is_gray:
        raise DataError(
            f"{path}: an image of mode {mode} that is not plain gray; expected gray levels 0–255"
        )
    return pixels[..., 0], mode
