"""What an epoch of training shows: which images, in which order, with which targets."""

import keras
import numpy as np

from fer_lib.data.dataset import Split
from fer_lib.experiments import Experiment


def stratified_subset(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The rows of a share of each class, rounded, but of one image at least: drawn by the seed, in
    ascending order.

    Args:
        labels: integers [n]. share: 0–1.
    """
    draws, drawn = np.random.default_rng(seed), []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        drawn.append(draws.permutation(rows)[: max(1, round(share * len(rows)))])
    return np.sort(np.concatenate(drawn))


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels as targets, float32 [n, classes]."""
    return np.eye(classes, dtype=np.float32)[labels]


class TrainSequence(keras.utils.PyDataset):
    """A split in an order that is drawn from (seed, epoch); mixed as drawn from (seed, epoch,
    batch).

    Args:
        targets: float32 [n, classes], one row of shares for each image of `split`.
        experiment: its `batch_size`, `mixup` and `class_balancing_power` count.
    """

    def __init__(self, split: Split, targets: np.ndarray, experiment: Experiment, seed: int):
        super().__init__()
        self._images, self._targets = split.images[..., None], targets
        self._batch_size, self._mixup, self._seed = (
            experiment.batch_size,
            experiment.mixup_alpha,
            seed,
        )
        self._odds = None
        if experiment.class_balancing_power:
            odds = (
                np.bincount(split.labels).astype(float)[split.labels]
                ** -experiment.class_balancing_power
            )
            self._odds = odds / odds.sum()
        self.start(epoch=0)

    def start(self, epoch: int) -> None:
        """Draw the order of an epoch."""
        self._epoch = epoch
        draws, n = np.random.default_rng([self._seed, epoch]), len(self._images)
        self._order = (
            draws.permutation(n) if self._odds is None else draws.choice(n, n, p=self._odds)
        )

    def __len__(self) -> int:
        return -(-len(self._images) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        images, targets = self._images[rows], self._targets[rows]
        if not self._mixup:
            return images, targets
        draws = np.random.default_rng([self._seed, self._epoch, index])
        share = draws.beta(self._mixup, self._mixup, len(rows)).astype(np.float32)[:, None]
        others, picture_share = draws.permutation(len(rows)), share[..., None, None]
        return picture_share * images + (1 - picture_share) * images[others], share * targets + (
            1 - share
        ) * targets[others]
