import numpy as np
import pytest

from fer_lib.analysis.verdict import Verdict, decide


@pytest.mark.parametrize(
    ("holding", "expected"),
    [
        (1000, Verdict.CONFIRMED),
        (975, Verdict.CONFIRMED),
        (974, Verdict.INCONCLUSIVE),
        (26, Verdict.INCONCLUSIVE),
        (25, Verdict.REFUTED),
        (0, Verdict.REFUTED),
    ],
)
def test_a_claim_is_decided_by_the_resamples_in_which_it_holds(holding, expected):
    assert decide(np.arange(1000) < holding) == expected
