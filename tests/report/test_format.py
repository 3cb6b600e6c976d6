import re
from enum import Enum

import numpy as np
import pandas as pd
import pytest

from fer_lib.report.format import (
    MISSING_CELL,
    NOT_RECORDED,
    count,
    number,
    p_value,
    percent,
    points,
    score,
    show,
    signed,
)


class Answer(Enum):
    YES = "yes, it does"


def test_shares_are_percentages_with_a_no_break_space():
    assert percent(0.67812) == "67.8\u00a0%"
    assert percent(0.678, 0.6634, 0.6941) == "67.8\u00a0% (66.3–69.4)"


def test_scores_have_three_decimals():
    assert score(0.66149) == "0.661"
    assert score(0.66149, 0.64, 0.681) == "0.661 (0.640–0.681)"


def test_differences_are_signed_with_a_true_minus_sign():
    assert signed(0.5) == "+0.500"
    assert signed(-0.0124, -0.02, 0.003) == "−0.012 (−0.020 to +0.003)"
    assert points(-0.0012) == "−0.1"
    assert points(-0.0012, -0.014, 0.011) == "−0.1 (−1.4 to +1.1)"


def test_a_difference_that_rounds_to_zero_has_no_sign():
    assert points(-0.0004, -0.0104, 0.0003) == "0.0 (−1.0 to 0.0)"
    assert signed(-0.0004) == signed(0.0004) == "0.000"
    assert number(-0.0) == "0.000"


def test_counts_numbers_and_p_values():
    assert count(1_799) == "1,799"
    assert count(1_186_887) == "1.19 million"
    assert count(2_500_000_000) == "2.50 billion"
    assert [count(x) for x in (99_999, 100_000, 30e6, 496_338_448)] == [
        "99,999",
        "0.10 million",
        "30.0 million",
        "496 million",
    ]
    assert [number(x) for x in (0.5, 12.34, 1575.3, 35_887)] == ["0.500", "12.3", "1,575", "35,887"]
    assert p_value(0.03214) == "0.0321"
    assert p_value(1e-9) == "<\N{NO-BREAK SPACE}0.0001"


@pytest.mark.parametrize("formatter", [percent, score, signed, points, count, number, p_value])
@pytest.mark.parametrize("missing", [None, float("nan"), np.float64("nan")])
def test_a_missing_number_is_not_recorded(formatter, missing):
    assert formatter(missing) == NOT_RECORDED


def cells(table, **options):
    return show(table, **options).data.to_dict("list")


def test_table_formats_numbers_by_the_words_of_their_column():
    table = pd.DataFrame(
        {
            "model": ["A & B"],
            "private_test_accuracy": [0.653],
            "accuracy_difference": [-0.021],
            "macro_f1_difference": [-0.021],
            "macro_f1": [0.6],
            "parameters": [1_720_000],
            "p_value": [0.5],
        }
    )
    assert cells(table) == {
        "model": ["A &amp; B"],
        "PrivateTest accuracy": ["65.3\u00a0%"],
        "accuracy difference (points)": ["−2.1"],
        "macro-F1 difference": ["−0.021"],
        "macro-F1": ["0.600"],
        "parameters": ["1,720,000"],
        "p-value": ["0.5000"],
    }


def test_heads_of_units_and_abbreviations():
    table = pd.DataFrame({"roc_auc": [0.9], "energy_kwh": [0.4], "train_fraction": [0.01]})
    assert list(cells(table)) == ["ROC AUC", "energy (kWh)", "fraction of Training"]
    assert cells(table)["fraction of Training"] == ["1.0\u00a0%"]


def test_schemes_of_shift_tta_are_in_words():
    names = ["none", "flip", "shift3x3_1px", "flip+shift5_2px"]
    assert cells(pd.DataFrame({"scheme": names}))["scheme"] == [
        "none",
        "flip",
        "nine shifts by up to 1 pixel",
        "flip, five shifts by up to 2 pixels",
    ]


def test_table_merges_intervals_and_keeps_them_on_one_line():
    table = pd.DataFrame({"accuracy": [0.5], "accuracy_low": [0.4], "accuracy_high": [0.6]})
    assert cells(table) == {"accuracy": ["50.0\u00a0% (40.0–60.0)"]}
    assert 'nowrap">(40.0–60.0)</span>' in show(table).to_html()
    alone = pd.DataFrame({"low": [1], "temperature_low": [2]})  # limits of nothing
    assert list(cells(alone)) == ["low", "temperature low"]


def test_mean_interval_seeds_and_standard_deviation_are_in_this_order():
    table = pd.DataFrame(
        {
            "model": ["A", "B"],
            "seeds": [5, 1],
            "accuracy": [0.653, 0.7],
            "accuracy_sd": [0.004, float("nan")],
            "accuracy_low": [0.637, 0.69],
            "accuracy_high": [0.668, 0.71],
            "loss": [0.6, 0.5],
        }
    )
    shown = show(table).data
    assert list(shown) == ["model", "accuracy", "seeds", "SD (points)", "loss"]
    assert shown["accuracy"].tolist() == ["65.3\xa0% (63.7–66.8)", "70.0\xa0% (69.0–71.0)"]
    assert shown["SD (points)"].tolist() == ["0.4", "–"]


def test_several_standard_deviations_are_named_by_their_measures():
    table = pd.DataFrame({"macro_f1_sd": [0.0123], "macro_f1": [0.6], "seeds": [3]})
    assert cells(table) == {"macro-F1": ["0.600"], "seeds": ["3"], "SD": ["0.012"]}
    two = table.assign(accuracy=0.7, accuracy_sd=0.01)
    heads = ["macro-F1", "seeds", "macro-F1 SD", "accuracy", "accuracy SD (points)"]
    assert list(cells(two)) == heads
    assert list(cells(two.drop(columns=["macro_f1_sd", "accuracy_sd"])))[1] == "seeds"


def test_settings_are_shown_as_they_were_written():
    settings = pd.DataFrame({"value": [0.1, 0.0, 5e-3, 110, 28_709, "sgd", None, True, [1, 2]]})
    shown = ["0.1", "0", "0.005", "110", "28,709", "sgd", "–", "True", "1, 2"]
    assert cells(settings) == {"value": shown}


def test_text_is_aligned_to_the_left_and_numbers_to_the_right_with_their_heads():
    page = show(pd.DataFrame({"model": ["A"], "n": [1], "F1": [2.5]})).to_html(table_uuid="u")
    sides = {}
    for selectors, side in re.findall(r"([^{}>]*)\{\s*text-align: (\w+);\s*\}", page):
        sides |= dict.fromkeys(selectors.strip().split(", "), side)
    assert sides == {
        **dict.fromkeys(("#T_u th.col0", "#T_u_row0_col0"), "left"),
        **dict.fromkeys(("#T_u th.col1", "#T_u_row0_col1"), "right"),
        **dict.fromkeys(("#T_u th.col2", "#T_u_row0_col2"), "right"),
    }


def test_a_caption_keeps_its_percent_signs_whole():
    table = pd.DataFrame({"model": ["A"]})
    assert show(table, caption="95 % intervals, 10 % of them").caption == (
        "95\xa0% intervals, 10\xa0% of them"
    )


def test_table_shows_missing_values_lists_enums_and_counts_with_gaps():
    table = pd.DataFrame(
        {"best_epoch": [24, None], "seeds": [[0, 3], []], "verdict": [Answer.YES, None]}
    )
    assert cells(table) == {
        "best epoch": ["24", MISSING_CELL],
        "seeds": ["0, 3", MISSING_CELL],
        "verdict": ["yes, it does", MISSING_CELL],
    }
    accuracy = pd.DataFrame([[None] * 3], columns=["accuracy", "accuracy_low", "accuracy_high"])
    assert cells(accuracy) == {"accuracy": [MISSING_CELL]}


def test_table_formats_can_be_given_and_the_table_stays_as_it_is():
    table = pd.DataFrame({"f1": [0.5], "Head, as it is": [1.0]})
    assert cells(table, formats={"f1": percent}) == {"F1": ["50.0\u00a0%"], "Head, as it is": ["1"]}
    assert table["f1"].tolist() == [0.5]
    assert "<caption>Scores</caption>" in show(table, caption="Scores").to_html()


def test_table_hides_the_index_and_may_be_empty():
    assert "row_heading" not in show(pd.DataFrame({"x": [1]}, index=["first"])).to_html()
    assert show(pd.DataFrame({"x": []})).data.empty
