"""The batches of an epoch: images, their order, and targets."""

from collections.abc import Mapping
from types import MappingProxyType

import keras
import numpy as np

from fer_lib.data.dataset import Split
from fer_lib.experiments import Experiment


def stratified_subset(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Draw the same fraction of the images of each class, and at least one.

    Args:
        labels: Integers [n].
        fraction: The fraction to draw, 0–1.
        seed: The seed of the draw.

    Returns:
        Row numbers, int [m], ascending.

    Example:
        >>> labels = np.repeat([0, 1], [3, 100])
        >>> rows = stratified_subset(labels, 0.1, seed=0)
        >>> np.bincount(labels[rows]).tolist()
        [1, 10]
    """
    rng = np.random.default_rng(seed)
    classes = (rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels))
    drawn = [rows[: max(1, round(fraction * len(rows)))] for rows in classes]
    return np.sort(np.concatenate(drawn))


def one_hot(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return one-hot targets.

    Args:
        labels: Integers [n].
        num_classes: The number of classes.

    Returns:
        float32 [n, num_classes].

    Example:
        >>> one_hot(np.array([0, 2]), 3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return np.eye(num_classes, dtype=np.float32)[labels]


class TrainSequence(keras.utils.PyDataset):
    """The batches of a split, in an order determined by seed and epoch.

    A batch has images, uint8 [batch, 48, 48, 1] (float32 with mixup), and targets, float32
    [batch, classes]. With FER+ votes, the targets are the dictionary that `TrainingModel` takes.

    Args:
        split: The images.
        targets: float32 [n, classes], one-hot labels or soft targets.
        experiment: Its `batch_size`, `mixup_alpha` and `class_balancing_power` are used.
        seed: The seed of the order and of mixup.
        votes: The targets of the FER+ head (`multitask.vote_targets`), empty without one.

    Attributes:
        num_images: The number of images of an epoch.
    """

    def __init__(
        self,
        split: Split,
        targets: np.ndarray,
        experiment: Experiment,
        seed: int,
        votes: Mapping[str, np.ndarray] = MappingProxyType({}),
    ):
        super().__init__()
        self._images, self._targets = split.images[..., None], {"labels": targets, **votes}
        self._batch_size, self._mixup_alpha = experiment.batch_size, experiment.mixup_alpha
        self._seed, self._sampling, self.num_images = seed, None, len(split)
        if experiment.class_balancing_power:
            class_sizes = np.bincount(split.labels).astype(float)[split.labels]
            weights = class_sizes**-experiment.class_balancing_power
            self._sampling = weights / weights.sum()
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Draw the order of the images in an epoch."""
        self._epoch, n = epoch, self.num_images
        rng = np.random.default_rng([self._seed, epoch])
        self._order = (
            rng.permutation(n) if self._sampling is None else rng.choice(n, n, p=self._sampling)
        )

    def __len__(self) -> int:
        return -(-self.num_images // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray | dict[str, np.ndarray]]:
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        images = self._images[rows]
        targets = {name: values[rows] for name, values in self._targets.items()}
        if self._mixup_alpha:
            rng = np.random.default_rng([self._seed, self._epoch, index])
            weight = rng.beta(self._mixup_alpha, self._mixup_alpha, len(rows))[:, None]
            weight, partner = weight.astype(np.float32), rng.permutation(len(rows))
            image_weight = weight[..., None, None]
            images = image_weight * images + (1 - image_weight) * images[partner]
            for name, values in targets.items():
                targets[name] = (
                    values * values[partner]  # masked where one of the two images is
                    if name == "vote_weights"
                    else weight * values + (1 - weight) * values[partner]
                )
        return images, targets if len(targets) > 1 else targets["labels"]
