"""The return type and the error of the readers."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from fer_lib.text import printable

MAX_BYTES = 500_000_000  # of a data set, unpacked; FER2013's CSV takes 301 million
_EXPECTED_IMAGES = 35_887  # scales the progress bar, nothing else


class DataError(ValueError):
    """The data set is missing or broken.

    The message names the file and the row or folder, what was found and what was expected. It is
    one line (`text.printable`).
    """

    def __init__(self, message: str):
        super().__init__(printable(message))


@dataclass(frozen=True, eq=False)
class RawDataset:
    """A data set in the order of its rows or files.

    Attributes:
        images: uint8 [n, 48, 48], gray levels 0–255.
        labels: uint8 [n], positions in `data.labels.EMOTIONS`.
        split_indices: uint8 [n], positions in `data.labels.SPLITS`.
        public_test_drawn: Whether PublicTest was drawn from Training because the copy lacks
            FER2013's own.
        notes: Remarks for the user on how the data set was read.
    """

    images: np.ndarray
    labels: np.ndarray
    split_indices: np.ndarray
    public_test_drawn: bool = False
    notes: tuple[str, ...] = ()


def progress(items: Iterable) -> tqdm:
    """Return an iterator over images with a progress bar, which appears only on a terminal."""
    return tqdm(items, "reading FER2013", _EXPECTED_IMAGES, unit=" images", disable=None)
