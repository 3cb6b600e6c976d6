"""Read FER2013 from a CSV, as Kaggle distributes it."""

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np

from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE, SPLITS
from fer_lib.data.readers.raw import MAX_BYTES, DataError, RawDataset, progress
from fer_lib.io import ARCHIVE_ERRORS, LimitedReader, TooLargeError
from fer_lib.text import quoted, reason

COLUMNS = ("emotion", "pixels", "Usage")
_LABELS = [str(label) for label in range(len(EMOTION_NAMES))]
_WHOLE_NUMBER = f"a whole number from 0 to {_LABELS[-1]}"
_LEVELS = {f"{level:0{width}}": level for level in range(256) for width in (1, 2, 3)}
_MAX_LINE = 131_072  # characters, as the `csv` module has for a field; 2,304 pixels take 9,215


def text_stream(binary: io.BufferedIOBase) -> io.TextIOWrapper:
    """Return an open binary file as text for `read_csv`, without a byte-order mark.

    It ends with a `TooLargeError` after `MAX_BYTES`.
    """
    limited = io.BufferedReader(LimitedReader(binary, MAX_BYTES))
    return io.TextIOWrapper(limited, encoding="utf-8-sig", newline="")


def read_csv(file: io.TextIOWrapper, name: str) -> RawDataset:
    """Read a CSV with the columns `emotion`, `pixels` and `Usage`, in any order.

    Blank lines may follow the last row.

    Args:
        file: An open text file, whose first row is the header.
        name: The name of the file in error messages.

    Raises:
        DataError: If the file or one of its rows is broken.
    """
    images, labels, split_indices = [], [], []
    try:
        rows = csv.reader(_lines(file))
        emotion, pixels, usage = _columns(header := next(rows, []), name)
        for number, row in enumerate(progress(rows), start=2):
            try:
                if not "".join(row).strip() and len(row) < 2:
                    _require_blank(file)
                    break
                if len(row) != len(header):
                    raise ValueError(f"{len(row)} fields, expected {len(header)}")
                labels.append(_position("emotion", row[emotion], _LABELS, _WHOLE_NUMBER))
                split_indices.append(_position("Usage", row[usage], SPLITS, ", ".join(SPLITS)))
                images.append(_parse_pixels(row[pixels]))
            except (TooLargeError, UnicodeError):
                raise
            except ValueError as error:
                raise DataError(f"{name}, row {number}: {error}") from None
    except TooLargeError as error:
        raise DataError(f"{name}: {error}") from None
    except (*ARCHIVE_ERRORS, UnicodeError, csv.Error) as error:
        raise DataError(
            f"{name}: not a readable CSV, plain or gzipped ({reason(error)})"
        ) from error
    return RawDataset(
        np.frombuffer(b"".join(images), np.uint8).reshape(-1, IMAGE_SIZE, IMAGE_SIZE),
        np.array(labels, np.uint8),
        np.array(split_indices, np.uint8),
    )


def _lines(file: io.TextIOWrapper) -> Iterator[str]:
    while line := file.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise csv.Error(f"a line of more than {_MAX_LINE - 1:,} characters")
        yield line


def _columns(header: list[str], name: str) -> list[int]:
    """Return the positions of `COLUMNS`."""
    columns = [column.strip() for column in header]
    names = quoted(", ".join(columns)) if columns else "nothing"
    if missing := [column for column in COLUMNS if column not in columns]:
        raise DataError(f"{name}, row 1: no column {', '.join(missing)}; found {names}")
    if repeated := [column for column in COLUMNS if columns.count(column) > 1]:
        raise DataError(f"{name}, row 1: more than one column {', '.join(repeated)}; found {names}")
    return [columns.index(column) for column in COLUMNS]


def _require_blank(file: io.TextIOWrapper) -> None:
    while text := file.read(2**20):
        if text.strip():
            raise ValueError("a blank line, which may only follow the last row")


def _position(column: str, text: str, values: Sequence[str], expected: str) -> int:
    if text.strip() not in values:
        raise ValueError(f"{column} is {quoted(text)}, expected {expected}")
    return values.index(text.strip())


def _parse_pixels(text: str) -> bytes:
    values = text.split()
    if len(values) != IMAGE_SIZE * IMAGE_SIZE:
        raise ValueError(f"{len(values)} pixels, expected {IMAGE_SIZE * IMAGE_SIZE}")
    try:
        return bytes(map(_LEVELS.__getitem__, values))
    except KeyError:
        position, value = next((i, v) for i, v in enumerate(values, 1) if v not in _LEVELS)
        raise ValueError(
            f"pixel {position} is {quoted(value)}, expected a whole number from 0 to 255"
        ) from None
