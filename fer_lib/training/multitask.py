"""Multi-task learning: a second head that learns the distribution of FER+ votes, in training only.

The votes are those of ten annotators on each image of FER2013 (Barsoum et al. 2016). Only votes on
images of Training are used, and none of an image whose pixels also occur in a test split.
"""

from dataclasses import dataclass

import keras
import numpy as np

from fer_lib.data.dataset import Dataset
from fer_lib.data.ferplus import (
    EMOTION_COLUMNS,
    FERPLUS_FILE_NAMES,
    OTHER_COLUMNS,
    Votes,
    find_votes,
    load_votes,
)
from fer_lib.data.readers import DataError

VOTE_CLASSES = (*EMOTION_COLUMNS, "contempt")  # FER+'s "unknown" and "NF" (no face) are left out


@dataclass(frozen=True, eq=False)
class VoteTargets:
    """The targets of the vote head for some images.

    Attributes:
        shares: of the votes, float32 [n, 8], in the order of `VOTE_CLASSES`.
        weights: float32 [n]: 1, or 0 for an image that is masked.
    """

    shares: np.ndarray
    weights: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "VoteTargets":
        """The targets of some images, by index or mask."""
        return VoteTargets(self.shares[rows], self.weights[rows])

    def mixed(self, weight: np.ndarray, partner: np.ndarray) -> "VoteTargets":
        """The targets of images mixed with others: masked where one of the two is.

        Args:
            weight: of each image, float32 [n, 1]; its partner has the rest.
            partner: the row that each image is mixed with, int [n].
        """
        shares = weight * self.shares + (1 - weight) * self.shares[partner]
        return VoteTargets(shares, self.weights * self.weights[partner])

    @property
    def num_masked(self) -> int:
        """How many images the vote head does not learn from."""
        return int((self.weights == 0).sum())


def vote_head() -> keras.layers.Dense:
    """Return a dense layer from features to one logit for each of `VOTE_CLASSES`."""
    return keras.layers.Dense(len(VOTE_CLASSES), dtype="float32", name="ferplus_logits")


def vote_targets(votes: Votes, dataset: Dataset) -> VoteTargets:
    """Return the targets of the vote head for the images of Training.

    Args:
        votes: those on the images of Training, in their order.

    Returns:
        Masked are images without a vote for one of `VOTE_CLASSES`, and images whose pixels also
        occur in PublicTest or PrivateTest.
    """
    contempt = votes.other_classes[:, OTHER_COLUMNS.index("contempt")]
    counts = np.column_stack([votes.emotions, contempt]).astype(np.float32)
    total = counts.sum(axis=1)
    test_hashes = np.concatenate([dataset.public_test.hashes, dataset.private_test.hashes])
    learned = (total > 0) & ~np.isin(dataset.training.hashes, test_hashes)
    return VoteTargets(counts / np.maximum(total, 1)[:, None], learned.astype(np.float32))


def load_vote_targets(dataset: Dataset) -> VoteTargets:
    """Find the FER+ votes on this machine, and return the targets for the images of Training.

    Raises:
        DataError: there are none, or they are not those of the data set's rows.
    """
    path = find_votes()
    if path is None:
        raise DataError(
            "the FER+ votes are not on this machine: set the environment variable FERPLUS, or put "
            f"{FERPLUS_FILE_NAMES[0]} beside FER2013's file"
        )
    return vote_targets(load_votes(path, dataset)["Training"], dataset)
