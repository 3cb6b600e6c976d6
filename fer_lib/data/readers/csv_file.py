"""Read FER2013 from a CSV, as Kaggle distributes it."""

import csv
import io
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np

from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE, SPLITS
from fer_lib.data.readers.raw import DataError, RawDataset, progress

COLUMNS = ("emotion", "pixels", "Usage")
_LABELS = [str(label) for label in range(len(EMOTION_NAMES))]
_WHOLE_NUMBER = f"a whole number from 0 to {_LABELS[-1]}"


def text_stream(binary) -> io.TextIOWrapper:
    """Return an open binary file as text for `read_csv`, without a byte-order mark."""
    return io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")


def read_csv(file: io.TextIOWrapper, name: str) -> RawDataset:
    """Read a CSV with the columns `emotion`, `pixels` and `Usage`, in any order.

    Args:
        file: An open text file, whose first row is the header.
        name: The name of the file in error messages.

    Raises:
        DataError: If the file or one of its rows is broken.
    """
    images, labels, split_indices = [], [], []
    try:
        rows = csv.reader(file)
        header = [column.strip() for column in next(rows, [])]
        if missing := [column for column in COLUMNS if column not in header]:
            raise DataError(
                f"{name}, row 1: no column {', '.join(missing)}; "
                f"found {', '.join(header) or 'nothing'}"
            )
        emotion, pixels, usage = (header.index(column) for column in COLUMNS)
        for number, row in enumerate(progress(rows), start=2):
            try:
                if len(row) != len(header):
                    raise ValueError(f"{len(row)} fields, expected {len(header)}")
                labels.append(_position("emotion", row[emotion], _LABELS, _WHOLE_NUMBER))
                split_indices.append(_position("Usage", row[usage], SPLITS, ", ".join(SPLITS)))
                images.append(_parse_pixels(row[pixels]))
            except ValueError as error:
                raise DataError(f"{name}, row {number}: {error}") from None
    except (OSError, EOFError, UnicodeError, csv.Error, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{name}: not a readable CSV, plain or gzipped ({error})") from error
    return RawDataset(
        np.frombuffer(b"".join(images), np.uint8).reshape(-1, IMAGE_SIZE, IMAGE_SIZE),
        np.array(labels, np.uint8),
        np.array(split_indices, np.uint8),
    )


def _position(column: str, text: str, values: Sequence[str], expected: str) -> int:
    if text.strip() not in values:
        raise ValueError(f"{column} is {text!r}, expected {expected}")
    return values.index(text.strip())


def _parse_pixels(text: str) -> bytes:
    values = text.split()
    if len(values) != IMAGE_SIZE * IMAGE_SIZE:
        raise ValueError(f"{len(values)} pixels, expected {IMAGE_SIZE * IMAGE_SIZE}")
    try:
        return bytes(map(int, values))
    except ValueError:
        position, value = next(
            (i, v) for i, v in enumerate(values, 1) if not (v.isdecimal() and int(v) <= 255)
        )
        raise ValueError(
            f"pixel {position} is {value!r}, expected a whole number from 0 to 255"
        ) from None
