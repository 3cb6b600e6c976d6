"""FER+: what ten annotators saw in each picture (Barsoum et al. 2016), beside the one label that
FER2013 gives it."""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

from fer_lib import calibration, data, evaluation
from fer_lib.data import DataError, Dataset
from fer_lib.emotions import NAMES
from fer_lib.experiments import SUCCESSORS
from fer_lib.files import write_json
from fer_lib.profiles import RESULTS
from fer_lib.runs import Run

RECORD = RESULTS / "analysis" / "ferplus.json"

FILE_NAMES = ("fer2013new.csv", "ferplus_votes.csv.gz")
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


def find() -> Path | None:
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
    faces = data.find()
    folders = [*([faces.parent] if faces else []), data.REPOSITORY / "data"]
    return next(
        (folder / name for folder in folders for name in FILE_NAMES if (folder / name).is_file()),
        None,
    )


def load(path: Path, dataset: Dataset) -> dict[str, Votes]:
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


def labels_against_votes(dataset: Dataset, votes: dict[str, Votes]) -> dict:
    """How FER2013's labels and the votes agree.

    Returns:
        `images`; `with_majority`, those on which one of the seven emotions has more than half of
        the votes; `no_face`, those on which
        "no face" has; `agreement`, the share of the majorities that are FER2013's label;
        `confusion`, counts [label][majority]; and of
        PrivateTest `ceilings`: the share of labels right of who answers the most frequent of the
        seven, by chance where several are
        (`plurality`), and of who knows the ten votes and has learnt on Training which label they
        lead to (`fitted`, by multinomial
        logistic regression).
    """
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    majority = np.concatenate([mine.majority for mine in votes.values()])
    others = np.concatenate([mine.others for mine in votes.values()])
    sure = majority >= 0
    private, known = votes["PrivateTest"], dataset.private_test.labels

    def features(mine: Votes) -> np.ndarray:
        return np.concatenate([mine.emotions, mine.others], axis=1) / ANNOTATORS

    fitted = LogisticRegression(max_iter=1000).fit(
        features(votes["Training"]), dataset.training.labels
    )
    return {
        "images": len(labels),
        "with_majority": int(sure.sum()),
        "no_face": int((2 * others[:, OTHER_COLUMNS.index("NF")] > ANNOTATORS).sum()),
        "agreement": float((majority == labels)[sure].mean()),
        "confusion": confusion_matrix(
            labels[sure], majority[sure], labels=range(len(NAMES))
        ).tolist(),
        "ceilings": {
            "plurality": float(private.plurality(known).mean()),
            "fitted": float(fitted.score(features(private), known)),
        },
    }


def run_against_votes(run: Run, dataset: Dataset, votes: dict[str, Votes]) -> dict:
    """Score a run's PrivateTest predictions against the votes, next to FER2013's label on the same
    images.

    Returns:
        `images`, those with a majority; `accuracy_label` and `accuracy_majority` on them; `nll` and
        `brier` of the probabilities against
        the distribution of the votes, over the `voted` images that have a vote for one of the
        seven; and `by_votes`, a list of [votes of
        the most frequent emotion, images, accuracy against the label, accuracy against that
        emotion, as `Votes.plurality` has it].

    Raises:
        DataError: the run's images are not those of the data set.
    """
    order = _rows(run, dataset)
    private = votes["PrivateTest"][order]
    logits = run.predictions["private_test_logits"]
    majority, distribution, most = (
        private.majority,
        private.distribution,
        private.emotions.max(axis=1),
    )
    labels, answers = dataset.private_test.labels[order], logits.argmax(axis=1)
    sure, voted = majority >= 0, ~np.isnan(distribution[:, 0])
    by_votes = []
    for number in range(2, ANNOTATORS + 1):
        rows = (most == number) & (most >= private.others.max(axis=1))
        if rows.any():
            right = [
                float(values[rows].mean())
                for values in (answers == labels, private.plurality(answers))
            ]
            by_votes.append([number, int(rows.sum()), *right])
    return {
        "images": int(sure.sum()),
        "accuracy_label": float((answers == labels)[sure].mean()),
        "accuracy_majority": float((answers == majority)[sure].mean()),
        "voted": int(voted.sum()),
        "nll": calibration.nll(logits[voted], distribution[voted]),
        "brier": calibration.brier(logits[voted], distribution[voted]),
        "by_votes": by_votes,
    }


def _rows(run: Run, dataset: Dataset) -> np.ndarray:
    """For each of a run's PrivateTest predictions, the image's row in the data set: equal pictures
    in the order in which they stand."""
    split = dataset.private_test
    theirs = np.lexsort((split.labels, split.hashes))
    ours = np.lexsort(
        (run.predictions["private_test_labels"], run.predictions["private_test_hashes"])
    )
    if not np.array_equal(split.hashes[theirs], run.predictions["private_test_hashes"][ours]):
        raise DataError(
            f"{run.folder}: its PrivateTest is not that of this copy of FER2013, pixel for pixel"
        )
    rows = np.empty(len(ours), int)
    rows[ours] = theirs
    return rows


def change_against_votes(ours: Run, theirs: Run, dataset: Dataset, votes: dict[str, Votes]) -> dict:
    """How much more often one run is right than another, on the images of PrivateTest on which the
    votes have a majority.

    Returns:
        `compared_with`, the other's key; `accuracy_label` and `accuracy_majority`, the differences
        of accuracy against FER2013's label and
        against the majority, each as [difference, low, high] with its 95 % paired bootstrap
        interval.

    Raises:
        DataError: a run's images are not those of the data set.
    """
    split, majority = dataset.private_test, votes["PrivateTest"].majority
    sure, found, aligned = majority >= 0, {"compared_with": theirs.key}, []
    for run in (ours, theirs):
        logits = np.empty((len(split), len(NAMES)), np.float32)
        logits[_rows(run, dataset)] = run.predictions["private_test_logits"]
        aligned.append(logits[sure])
    for name, truth in (("accuracy_label", split.labels), ("accuracy_majority", majority)):
        models = [
            {"sure_logits": logits, "sure_labels": truth[sure], "sure_hashes": split.hashes[sure]}
            for logits in aligned
        ]
        difference = evaluation.paired_difference(*models, "sure")
        found[name] = [difference["accuracy"], *difference["intervals"]["accuracy"]]
    return found


def record(runs: list[Run], dataset: Dataset, votes: dict[str, Votes]) -> None:
    """Write to `RECORD` what is computed from the votes, which are not ours to keep."""
    by_key = {run.key: run for run in runs}
    bases = {
        run.key: by_key.get(f"{SUCCESSORS.get(run.config['experiment'])}/seed-{run.config['seed']}")
        for run in runs
    }
    record = {
        "labels": labels_against_votes(dataset, votes),
        "runs": {run.key: run_against_votes(run, dataset, votes) for run in runs},
        "successors": {
            key: change_against_votes(by_key[key], base, dataset, votes)
            for key, base in bases.items()
            if base
        },
    }
    write_json(RECORD, record)
