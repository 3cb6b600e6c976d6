"""The verdict on a claim, or on a difference of a family, decided by resampling."""

from collections.abc import Iterable
from enum import Enum

import numpy as np
import pandas as pd

from fer_lib.analysis.comparison import Estimate
from fer_lib.evaluation.bootstrap import CONFIDENCE_LEVEL
from fer_lib.evaluation.seed_variance import TotalEstimate, holm


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


def decide_family(
    differences: Iterable[TotalEstimate | None],
    measure: str = "accuracy",
    tested: Iterable[bool] | None = None,
) -> pd.DataFrame:
    """Decide differences of a measure as one family, corrected by Holm.

    Args:
        differences: None for one that is not recorded.
        tested: for each whether it has the seeds that a verdict needs; by default all have. Those
            that are not tested do not count in the family.

    Returns:
        One row per difference: `<measure>_difference` with the limits `_low` and `_high` of its
        95 % interval, which is not corrected; `holm_p_value`; and `verdict` on whether the
        difference is positive. It is confirmed or refuted where the p-value is at most 5 %. The
        p-value is NaN where a difference is not tested, with the verdict `ONE_SEED`, and where it
        or its variance is unknown, with `NOT_RECORDED`.
    """
    differences = list(differences)
    tested = [True] * len(differences) if tested is None else list(tested)
    estimates = [(each.value, *each.interval) if each else Estimate() for each in differences]
    columns = list(Estimate().columns(f"{measure}_difference"))
    table = pd.DataFrame(estimates, columns=columns, dtype=float)
    pairs = zip(differences, tested, strict=True)
    p_values = holm([each.p_value if each and several else np.nan for each, several in pairs])
    verdicts = list(map(_verdict, differences, p_values, tested))
    return table.assign(holm_p_value=p_values, verdict=verdicts)


def _verdict(difference: TotalEstimate | None, p_value: float, tested: bool) -> Verdict:
    if difference is not None and not tested:
        return Verdict.ONE_SEED
    if np.isnan(p_value):
        return Verdict.NOT_RECORDED
    if p_value > 1 - CONFIDENCE_LEVEL:
        return Verdict.INCONCLUSIVE
    return Verdict.CONFIRMED if difference.value > 0 else Verdict.REFUTED
