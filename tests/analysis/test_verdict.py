from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fer_lib.analysis.verdict import Verdict, decide, decide_family


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


def difference(value, p_value):
    return SimpleNamespace(value=value, interval=(value - 1, value + 2), p_value=p_value)


def test_differences_of_a_family_are_decided_by_the_p_values_of_holm():
    """Of three known p-values the smallest counts three times, the next twice; 5 % is enough."""
    values, p_values = (0.3, -0.2, 0.1, 0.4), (0.01, 0.025, 0.0501, np.nan)
    family = map(difference, values, p_values)
    table = decide_family([*family, None], "macro_f1")
    expected = pd.DataFrame(
        {
            "macro_f1_difference": [0.3, -0.2, 0.1, 0.4, np.nan],
            "macro_f1_difference_low": [-0.7, -1.2, -0.9, -0.6, np.nan],
            "macro_f1_difference_high": [2.3, 1.8, 2.1, 2.4, np.nan],
            "holm_p_value": [0.03, 0.05, 0.0501, np.nan, np.nan],
            "verdict": [
                Verdict.CONFIRMED,
                Verdict.REFUTED,
                Verdict.INCONCLUSIVE,
                Verdict.NOT_RECORDED,
                Verdict.NOT_RECORDED,
            ],
        }
    )
    pd.testing.assert_frame_equal(table, expected)


def test_a_difference_of_one_seed_is_not_tested():
    """It keeps its interval, and the family is one smaller: 2 · 0.02 = 0.04."""
    family = [difference(*each) for each in ((0.3, 0.001), (0.2, 0.02), (0.1, 0.9))]
    table = decide_family([*family, None], tested=[False, True, True, False])
    assert list(table["accuracy_difference"][:3]) == [0.3, 0.2, 0.1]
    np.testing.assert_allclose(table["holm_p_value"], [np.nan, 0.04, 0.9, np.nan])
    expected = [Verdict.ONE_SEED, Verdict.CONFIRMED, Verdict.INCONCLUSIVE, Verdict.NOT_RECORDED]
    assert list(table["verdict"]) == expected


def test_a_family_without_differences_has_the_same_columns():
    assert decide_family([]).columns.equals(decide_family([None]).columns)
    assert decide_family([]).empty
