"""The predictions of one model on one split, and their alignment by image."""

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Compute the softmax over the last axis, float64, of the same shape."""
    shifted = np.asarray(logits, np.float64)
    exponentials = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@dataclass(frozen=True, eq=False)
class SplitPredictions:
    """Predictions on the images of one split.

    Attributes:
        logits: float32 [n, classes].
        labels: true classes, uint8 [n].
        hashes: uint64 [n]; they identify the images (`data.dataset.Split.hashes`).

    Raises:
        ValueError: the arrays have different lengths.
    """

    logits: np.ndarray
    labels: np.ndarray
    hashes: np.ndarray

    def __post_init__(self):
        lengths = [len(values) for values in (self.logits, self.labels, self.hashes)]
        if len(set(lengths)) > 1:
            raise ValueError("there are {} logits, {} labels and {} hashes".format(*lengths))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: np.ndarray) -> "SplitPredictions":
        """Select images by index or mask."""
        return SplitPredictions(self.logits[rows], self.labels[rows], self.hashes[rows])

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits, float64 [n, classes]."""
        return softmax(self.logits)

    @cached_property
    def predicted(self) -> np.ndarray:
        """Predicted classes, int64 [n]."""
        return self.logits.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """Whether the predicted class is the label, bool [n]."""
        return self.predicted == self.labels

    def first_of_class(self, label: int, n: int) -> np.ndarray:
        """Return the rows of the first n images of a class, int64 [at most n]."""
        return np.flatnonzero(self.labels == label)[:n]

    @cached_property
    def order(self) -> np.ndarray:
        """Rows sorted by hash, then label, int64 [n]; the same order for every model."""
        return np.lexsort((self.labels, self.hashes))


class Predictor(Protocol):
    """Protocol of objects with predictions: a run, or an ensemble of runs."""

    @property
    def predictions(self) -> dict[str, SplitPredictions]:
        """Predictions by split: `public_test`, and `private_test` if it was evaluated."""

    @property
    def metrics(self) -> dict:
        """`evaluation.metrics.metrics_by_split` of the predictions."""


@dataclass(frozen=True, eq=False)
class PredictedRun:
    """A run with other predictions than its own, such as those of another TTA scheme.

    Comparisons over seeds take it in place of the run.

    Attributes:
        name, config, seed: of the run.
        predictions: by split.
    """

    name: str
    config: dict
    predictions: dict[str, SplitPredictions]
    seed: int = 0


def align(*predictions: SplitPredictions) -> list[SplitPredictions]:
    """Sort the predictions of several models on the same images into the same order.

    An image is identified by its hash and its label, because some images occur in FER2013 with two
    different labels.

    Raises:
        ValueError: the predictions are not of the same images and labels.
    """
    aligned = [each[each.order] for each in predictions]
    if not all(
        np.array_equal(each.hashes, first.hashes) and np.array_equal(each.labels, first.labels)
        for first, each in itertools.pairwise(aligned)
    ):
        raise ValueError("predictions to be aligned are not of the same images and labels")
    return aligned
