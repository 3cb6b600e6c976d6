"""FER+: what ten annotators saw in each picture (Barsoum et al. 2016), beside the one label that
FER2013 gives it."""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer_lib.data.dataset import Dataset, find_dataset
from fer_lib.data.readers import DataError
from fer_lib.paths import ROOT

FERPLUS_FILE_NAMES = ("fer2013new.csv", "ferplus_votes.csv.gz")
# FER+'s names of the seven, in our order, and its other answers: an emotion FER2013 does not know,
# and no answer.
EMOTION_COLUMNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
OTHER_COLUMNS = ("contempt", "unknown", "NF")
ANNOTATORS = 10
_LEAST_AGREEMENT = 0.5  # far below it the rows of the two files belong to different pictures


@dataclass(frozen=True, eq=False)
class Votes:
    """The votes on the pictures of one split, in its order.

    Attributes:
        emotions: int [n, 7], votes for each of the seven emotions. others: int [n, 3], for
            contempt, unknown and no face.
    """

    emotions: np.ndarray
    others: np.ndarray

    @property
    def majority(self) -> np.ndarray:
        """int [n]: the emotion with more than half of all votes; -1 where none has."""
        total = self.emotions.sum(axis=1) + self.others.sum(axis=1)
        return np.where(2 * self.emotions.max(axis=1) > total, self.emotions.argmax(axis=1), -1)

    @property
    def distribution(self) -> np.ndarray:
        """float [n, 7]: the shares of the votes for the seven emotions; NaN where there are
        none."""
        total = self.emotions.sum(axis=1, keepdims=True)
        return np.divide(
            self.emotions, total, out=np.full(self.emotions.shape, np.nan), where=total > 0
        )

    def plurality(self, answers: np.ndarray) -> np.ndarray:
        """float [n]: how likely an answer is the most frequent of the seven, where chance decides
        between those with as many votes."""
        most = self.emotions == self.emotions.max(axis=1, keepdims=True)
        return most[np.arange(len(answers)), answers] / most.sum(axis=1)

    def __getitem__(self, rows: np.ndarray) -> "Votes":
        return Votes(self.emotions[rows], self.others[rows])


def find_votes() -> Path | None:
    """Return where the votes are: the `FERPLUS` environment variable, else beside FER2013's file,
    else `data/`, else None.

    Raises:
        DataError: the variable is set but leads to no file.
    """
    if place := os.environ.get("FERPLUS"):
        path = Path(place).expanduser()
        if not path.is_file():
            raise DataError(f"the environment variable FERPLUS is {place!r}: no such file")
        return path
    faces = find_dataset()
    folders = [*([faces.parent] if faces else []), ROOT / "data"]
    return next(
        (
            folder / name
            for folder in folders
            for name in FERPLUS_FILE_NAMES
            if (folder / name).is_file()
        ),
        None,
    )


def load_votes(path: Path, dataset: Dataset) -> dict[str, Votes]:
    """Read the votes, by split: `Training`, `PublicTest`, `PrivateTest`.

    Args:
        path: FER+'s `fer2013new.csv`, plain or gzipped: a row for each row of FER2013's CSV, in
            its order.
        dataset: FER2013, from its CSV.

    Raises:
        DataError: the file is no FER+, or its rows are not those of the data set.
    """
    try:
        table = pd.read_csv(path)
        emotions, others = (
            table[list(columns)].to_numpy(int) for columns in (EMOTION_COLUMNS, OTHER_COLUMNS)
        )
        usages = table["Usage"].to_numpy()
    except (KeyError, ValueError, OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: not FER+'s votes, expected columns Usage, {', '.join(EMOTION_COLUMNS + OTHER_COLUMNS)} ({error})"
        ) from error
    votes = {}
    for name, split in dataset.splits.items():
        rows = usages == name
        if rows.sum() != len(split):
            raise DataError(
                f"{path}: {rows.sum()} rows of {name}, expected {len(split)}, one for each image of FER2013's CSV"
            )
        votes[name] = Votes(emotions[rows], others[rows])
        sure = votes[name].majority >= 0
        agreement = float((votes[name].majority == split.labels)[sure].mean())
        if agreement < _LEAST_AGREEMENT:
            raise DataError(
                f"{path}: only {agreement:.0%} of the majorities in {name} are FER2013's labels: the rows stand in another order"
            )
    return votes
