"""Multi-task learning with a second head for the distribution of FER+ votes, in training only.

Ten annotators voted on each image of FER2013 (Barsoum et al. 2016). Only votes on images of
Training are used, without images whose pixels also occur in a test split.
"""

import numpy as np

from fer_lib.data import ferplus
from fer_lib.data.dataset import Dataset
from fer_lib.data.readers import DataError

# FER+'s "unknown" and "NF" (no face) are left out.
VOTE_CLASSES = (*ferplus.EMOTION_COLUMNS, "contempt")


def vote_targets(votes: ferplus.Votes, dataset: Dataset) -> dict[str, np.ndarray]:
    """Return the targets of the vote head for the images of Training.

    Args:
        votes: The votes on the images of Training, in their order.
        dataset: FER2013.

    Returns:
        A dictionary with `vote_shares`, float32 [n, 8], the shares of the votes in the order of
        `VOTE_CLASSES`; and `vote_weights`, float32 [n], which is 0 for images that are masked and 1
        for all others. Images are masked if they have no vote for any of `VOTE_CLASSES`, or if
        their pixels also occur in PublicTest or PrivateTest.
    """
    contempt = votes.other_classes[:, ferplus.OTHER_COLUMNS.index("contempt")]
    counts = np.column_stack([votes.emotions, contempt]).astype(np.float32)
    total = counts.sum(axis=1)
    test_hashes = np.concatenate([dataset.public_test.hashes, dataset.private_test.hashes])
    learned = (total > 0) & ~np.isin(dataset.training.hashes, test_hashes)
    shares = counts / np.maximum(total, 1)[:, None]
    return {"vote_shares": shares, "vote_weights": learned.astype(np.float32)}


def load_vote_targets(dataset: Dataset) -> dict[str, np.ndarray]:
    """Find the FER+ votes on this machine, and return the targets of the vote head.

    Args:
        dataset: FER2013.

    Returns:
        The dictionary of `vote_targets`.

    Raises:
        DataError: If there are no votes, or they do not match the rows of the data set.
    """
    path = ferplus.find_votes()
    if path is None:
        raise DataError(
            "the FER+ votes are not on this machine: set the environment variable FERPLUS, or put "
            f"{ferplus.FERPLUS_FILE_NAMES[0]} beside FER2013's file"
        )
    return vote_targets(ferplus.load_votes(path, dataset)["Training"], dataset)
