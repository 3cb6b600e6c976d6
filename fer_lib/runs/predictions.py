"""The predictions of one model on one split, and their alignment by image."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, float64, same shape."""
    shifted = np.asarray(logits, np.float64)
    exponentials = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@dataclass(frozen=True, eq=False)
class SplitPredictions:
    """Predictions on the images of one split.

    Attributes:
        logits: float32 [n, classes].
        labels: uint8 [n], the true classes.
        hashes: uint64 [n], which identify the images (`data.dataset.Split.hashes`).

    Raises:
        ValueError: the three are not of the same number of images.
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
        """The predictions of some images, by index or mask."""
        return SplitPredictions(self.logits[rows], self.labels[rows], self.hashes[rows])

    @cached_property
    def probabilities(self) -> np.ndarray:
        """float64 [n, classes]: the softmax of the logits."""
        return softmax(self.logits)

    @cached_property
    def predicted(self) -> np.ndarray:
        """int64 [n]: the predicted classes."""
        return self.logits.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """bool [n]: whether the predicted class is the label."""
        return self.predicted == self.labels

    def first_of_class(self, label: int, n: int) -> np.ndarray:
        """int64 [at most n]: the rows of the first images of a class, examples chosen by no one."""
        return np.flatnonzero(self.labels == label)[:n]

    @cached_property
    def order(self) -> np.ndarray:
        """int64 [n]: the rows sorted by hash, then label, which is one order for every model."""
        return np.lexsort((self.labels, self.hashes))


class Predictor(Protocol):
    """What has predictions: a run, or an ensemble of runs."""

    @property
    def predictions(self) -> dict[str, SplitPredictions]:
        """By split: `public_test`, and `private_test` where it was evaluated."""

    @property
    def metrics(self) -> dict:
        """`evaluation.metrics.metrics_by_split` of the predictions."""


def align(*predictions: SplitPredictions) -> list[SplitPredictions]:
    """Bring the predictions of several models on the same images into one order, `order`.

    An image is identified by its hash and its label: some stand in FER2013 under two labels.

    Raises:
        ValueError: they are not of the same images and labels.
    """
    aligned = [each[each.order] for each in predictions]
    first = aligned[0]
    if not all(
        np.array_equal(each.hashes, first.hashes) and np.array_equal(each.labels, first.labels)
        for each in aligned
    ):
        raise ValueError("predictions to be aligned are not of the same images and labels")
    return aligned
