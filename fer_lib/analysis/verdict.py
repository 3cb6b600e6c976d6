"""The verdict on a claim, or on a difference, decided by resampling."""

from enum import Enum

import numpy as np

from fer_lib.evaluation.bootstrap import CONFIDENCE_LEVEL


class Verdict(Enum):
    """What the evidence says of a claim."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    ONE_SEED = "one seed; not tested"
    NOT_RECORDED = "not recorded"


def decide(holds: np.ndarray) -> Verdict:
    """Decide a claim by the resamples in which it holds, bool [k].

    It is confirmed if it holds in at least 97.5 % of them, refuted if it holds in at most 2.5 %.
    """
    tail, share = (1 - CONFIDENCE_LEVEL) / 2, holds.mean()
    if share >= 1 - tail:
        return Verdict.CONFIRMED
    return Verdict.REFUTED if share <= tail else Verdict.INCONCLUSIVE
