"""FER+ (Barsoum et al. 2016): votes of ten annotators on each image of FER2013."""

import gzip
import io
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer_lib.data.dataset import Dataset
from fer_lib.data.discovery import find_dataset
from fer_lib.data.readers import DataError
from fer_lib.io import LimitedReader, require_regular_file
from fer_lib.paths import ROOT
from fer_lib.text import quoted, reason

FERPLUS_FILE_NAMES = ("fer2013new.csv", "ferplus_votes.csv.gz")
# FER+'s names of the seven emotions, in the order of `data.labels`, and of its other classes:
# contempt, which FER2013 lacks, unknown, and no face.
EMOTION_COLUMNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
OTHER_COLUMNS = ("contempt", "unknown", "NF")
ANNOTATORS = 10
_MAX_BYTES = 50_000_000  # unpacked; Microsoft's file takes 2 million
_MIN_AGREEMENT = 0.5  # lower agreement means that the rows of the two files are ordered differently


@dataclass(frozen=True, eq=False)
class Votes:
    """The votes on the images of one split, in its order.

    Attributes:
        emotions: int [n, 7], the votes for each of the seven emotions.
        other_classes: int [n, 3], the votes for contempt, unknown and no face (`OTHER_COLUMNS`).
    """

    emotions: np.ndarray
    other_classes: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "Votes":
        """Return the votes on some images, by index or mask."""
        return Votes(self.emotions[rows], self.other_classes[rows])

    @property
    def majority(self) -> np.ndarray:
        """int [n]: the emotion with more than half of all votes, or -1 if there is none."""
        total = self.emotions.sum(axis=1) + self.other_classes.sum(axis=1)
        return np.where(2 * self.emotions.max(axis=1) > total, self.emotions.argmax(axis=1), -1)

    @property
    def distribution(self) -> np.ndarray:
        """float [n, 7]: the fractions of the votes for the seven emotions, NaN without votes."""
        total = self.emotions.sum(axis=1, keepdims=True)
        return np.divide(
            self.emotions, total, out=np.full(self.emotions.shape, np.nan), where=total > 0
        )

    def plurality(self, labels: np.ndarray) -> np.ndarray:
        """Score labels by whether they are the emotion with the most votes.

        Args:
            labels: int [n], 0–6.

        Returns:
            float [n]: 1 for the emotion with the most votes and 0 for others; if k emotions tie for
            the most votes, 1 / k for each of them.
        """
        most = self.emotions == self.emotions.max(axis=1, keepdims=True)
        return most[np.arange(len(labels)), labels] / most.sum(axis=1)


def find_votes(root: Path = ROOT) -> Path | None:
    """Find the votes where `FERPLUS` points, or else beside FER2013, or else in `data/`.

    Args:
        root: The folder that contains `data/`.

    Returns:
        The file, or None if there is none.

    Raises:
        DataError: If the environment variable `FERPLUS` is set but does not point to a file.
    """
    if variable := os.environ.get("FERPLUS"):
        path = Path(variable).expanduser()
        if not path.is_file():
            raise DataError(f"the environment variable FERPLUS is {quoted(variable)}: no such file")
        return path
    dataset = find_dataset(root)
    folders = [*([dataset.parent] if dataset else []), root / "data"]
    candidates = (folder / name for folder in folders for name in FERPLUS_FILE_NAMES)
    return next((path for path in candidates if path.is_file()), None)


def load_votes(path: Path, dataset: Dataset) -> dict[str, Votes]:
    """Read the votes on the images of each split.

    Args:
        path: FER+'s `fer2013new.csv`, plain or gzipped. It has one row for each row of FER2013's
            CSV, in the same order.
        dataset: FER2013, read from its CSV.

    Returns:
        The votes by split: `Training`, `PublicTest`, `PrivateTest`.

    Raises:
        DataError: If the file is not FER+'s, or its rows do not match those of the data set.
    """
    try:
        require_regular_file(path)
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as binary:
            table = pd.read_csv(io.BufferedReader(LimitedReader(binary, _MAX_BYTES)))
        emotions, other_classes = (
            _counts(table[list(columns)]) for columns in (EMOTION_COLUMNS, OTHER_COLUMNS)
        )
        usages = table["Usage"].to_numpy()
    except (KeyError, ValueError, OSError, EOFError, zlib.error) as error:
        columns = ", ".join(EMOTION_COLUMNS + OTHER_COLUMNS)
        raise DataError(
            f"{path}: not FER+'s votes, expected columns Usage, {columns} ({reason(error)})"
        ) from error
    votes = {}
    for name, split in dataset.splits.items():
        rows = usages == name
        if rows.sum() != len(split):
            raise DataError(
                f"{path}: {rows.sum()} rows of {name}, expected {len(split)}, one for each image "
                "of FER2013's CSV"
            )
        votes[name] = Votes(emotions[rows], other_classes[rows])
        majority = votes[name].majority
        agreement = float((majority == split.labels)[majority >= 0].mean())
        if agreement < _MIN_AGREEMENT:
            raise DataError(
                f"{path}: the majority vote is FER2013's label for only {agreement:.0%} of {name}: "
                "the rows are in another order"
            )
    return votes


def _counts(table: pd.DataFrame) -> np.ndarray:
    if not all(dtype.kind in "iu" for dtype in table.dtypes) or (table < 0).any(axis=None):
        raise ValueError("votes are not whole numbers from 0 on")
    return table.to_numpy(int)
