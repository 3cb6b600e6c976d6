"""FER2013's labels, and a run's predictions, compared with the FER+ votes."""

import numpy as np
import pandas as pd

from fer_lib.analysis.label_noise.differences import with_votes
from fer_lib.data.dataset import Dataset
from fer_lib.data.ferplus import ANNOTATORS, OTHER_COLUMNS, Votes
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.calibration import brier_score, negative_log_likelihood
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import Run


def label_agreement(dataset: Dataset, votes: dict[str, Votes]) -> dict:
    """Compare FER2013's labels with the FER+ votes.

    Returns:
        `images`, their number; `with_majority`, images on which one of the seven emotions has more
        than half of the votes; `no_face`, images on which "no face" has; `agreement`, the share of
        the images with a majority on which it equals FER2013's label; and `confusion`, counts
        [label][majority].
    """
    from sklearn.metrics import confusion_matrix

    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    majority = np.concatenate([split.majority for split in votes.values()])
    other_classes = np.concatenate([split.other_classes for split in votes.values()])
    known = majority >= 0
    return {
        "images": len(labels),
        "with_majority": int(known.sum()),
        "no_face": int((2 * other_classes[:, OTHER_COLUMNS.index("NF")] > ANNOTATORS).sum()),
        "agreement": float((majority == labels)[known].mean()),
        "confusion": confusion_matrix(
            labels[known], majority[known], labels=range(len(EMOTION_NAMES))
        ).tolist(),
    }


def vote_scores(run: Run, dataset: Dataset, votes: dict[str, Votes]) -> dict:
    """Score a run's PrivateTest predictions against the votes and against the labels.

    Returns:
        `images`, the number of images with a majority, and `label_accuracy` and `majority_accuracy`
        on them; `voted`, the number of images with a vote for one of the seven emotions, and `nll`
        and `brier` on them, of the probabilities against the distribution of these votes; and
        `by_votes`, for each number of votes for the most frequent emotion, `images`,
        `label_accuracy`, and `plurality_accuracy` against that emotion.

    Raises:
        DataError: the run's images are not those of the data set.
    """
    predictions, private = with_votes(run, dataset, votes)
    majority, distribution = private.majority, private.distribution
    known, voted = majority >= 0, ~np.isnan(distribution[:, 0])
    logits = predictions.logits[voted]
    return {
        "images": int(known.sum()),
        "label_accuracy": float(predictions.correct[known].mean()),
        "majority_accuracy": float((predictions.predicted == majority)[known].mean()),
        "voted": int(voted.sum()),
        "nll": negative_log_likelihood(logits, distribution[voted]),
        "brier": brier_score(logits, distribution[voted]),
        "by_votes": _by_votes(predictions, private),
    }


def _by_votes(predictions: SplitPredictions, votes: Votes) -> list[dict]:
    """Compute accuracy by the number of votes for the most frequent emotion.

    Images on which a class other than the seven emotions has more votes are left out."""
    most = votes.emotions.max(axis=1)
    table = pd.DataFrame({
        "votes": most,
        "images": 1,
        "label_accuracy": predictions.correct,
        "plurality_accuracy": votes.plurality(predictions.predicted),
    })  # fmt: skip
    decided = table[(most >= 2) & (most >= votes.other_classes.max(axis=1))]
    means = {"images": "sum", "label_accuracy": "mean", "plurality_accuracy": "mean"}
    return decided.groupby("votes").agg(means).reset_index().to_dict("records")
