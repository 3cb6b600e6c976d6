"""Which emotions are confused with which."""

import numpy as np

from fer_lib.data.labels import EMOTION_NAMES

# The 21 pairs of emotions, as positions in `EMOTION_NAMES`, the smaller one first.
PAIRS = tuple(zip(*(axis.tolist() for axis in np.triu_indices(len(EMOTION_NAMES), 1)), strict=True))


def pair_confusions(shares: np.ndarray) -> np.ndarray:
    """How much each of `PAIRS` is confused.

    It is the share of the first emotion that is predicted as the second, plus the share of the
    second that is predicted as the first.

    Args:
        shares: float [k, 7, 7], as `metrics.class_shares` returns them.

    Returns:
        float [k, 21].
    """
    first, second = np.transpose(PAIRS)
    return shares[:, first, second] + shares[:, second, first]


def pair_ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each pair, 1 the most confused, as the last of those that tie: int [k, 21]."""
    return (values[:, None, :] >= values[:, :, None]).sum(axis=2)
