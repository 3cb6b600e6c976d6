import numpy as np
import pytest

from fer_lib.analysis.claims.confusions import PAIRS, pair_confusions, pair_ranks
from fer_lib.evaluation.metrics import class_shares

COUNTS = np.diag([8, 4, 1, 1, 1, 1, 0])
COUNTS[0, 1], COUNTS[1, 0] = 2, 12  # 2 of 10, and 12 of 16


def test_a_pair_is_confused_in_both_directions():
    (confusions,) = pair_confusions(class_shares(COUNTS[None]))
    assert len(PAIRS) == len(confusions) == 21
    assert confusions[PAIRS.index((0, 1))] == pytest.approx(0.95)
    assert confusions.sum() == pytest.approx(0.95)


def test_pairs_that_tie_have_the_last_rank():
    assert pair_ranks(np.array([[0.5, 0.9, 0.5, 0.1]])).tolist() == [[3, 1, 3, 4]]
