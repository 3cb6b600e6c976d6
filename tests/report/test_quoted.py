import doctest
import re
from pathlib import Path

import pytest

from fer_lib.profiles import Profile, get_profile
from fer_lib.report import quoted
from fer_lib.report.quoted import quoted_numbers

ROOT = Path(__file__).resolve().parents[2]
EXPRESSION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


@pytest.fixture(scope="module")
def numbers():
    return quoted_numbers(get_profile("full"))


def pages():
    return {path.name: path.read_text("utf-8") for path in (ROOT / "book").glob("*.md")}


def test_pages_quote_each_key_and_no_other(numbers):
    expressions = [e for text in pages().values() for e in EXPRESSION.findall(text)]
    names = {name for e in expressions for name in re.findall(r"[a-z]\w*", e)}
    assert names == set(numbers)


def test_pages_read_numbers_from_no_notebook():
    assert not [name for name, text in pages().items() if "{glue" in text]


def test_everything_is_recorded_in_the_full_profile(numbers):
    assert not {key for key, text in numbers.items() if "not recorded" in text}


def test_values_are_numbers_and_titles_but_no_sentences(numbers):
    assert not {key for key, text in numbers.items() if re.search(r"[a-z]\.(\s|$)", text)}


def test_front_table_has_six_rows_at_most(numbers):
    lines = numbers["front_table"].splitlines()
    assert 3 <= len(lines) <= 2 + 6
    assert {line.count("|") for line in lines} == {6}


def test_missing_runs_are_not_recorded(tmp_path):
    empty = Profile("full", tmp_path, tmp_path, trains_in_notebooks=False, mark="")
    numbers = quoted_numbers(empty)
    assert set(numbers) == set(quoted_numbers(get_profile("full")))
    for key in ("custom_cnn_private", "best_private", "ensemble_private", "card_ece"):
        assert numbers[key] == "not recorded", key
    assert numbers["best_seeds"] == "0"
    assert (
        "| Custom CNN | not recorded | 0 | not recorded | not recorded |" in numbers["front_table"]
    )


def test_other_faces_take_no_numbers_from_analyses_of_fer2013(make_run, tmp_path):
    make_run(tmp_path, "se_cnn_hires_ferplus_distilled", parameters=1_234)
    quick = Profile("quick", tmp_path, tmp_path, trains_in_notebooks=True, mark="")
    numbers = quoted_numbers(quick)
    assert numbers["best_parameters"] == "1,234" and "not recorded" not in numbers["card_ece"]
    assert numbers["card_accuracy_noise"] == numbers["card_accuracy_4_votes"] == "not recorded"


def test_findings_of_the_front_page_hold(numbers):
    """The order of accuracies that its sentences state."""

    def value(key):
        return float(numbers[key].split("\N{NO-BREAK SPACE}")[0])

    ranking = ("mobilenetv2_head_only", "hog", "mobilenetv2_fine_tuned", "custom_cnn", "se_cnn")
    ranking = [f"{name}_private" for name in ranking] + ["best_private", "ensemble_private"]
    assert sorted(ranking, key=value) == ranking
    assert value("best_deduplicated") < value("best_private")
    assert value("best_parameters") < 2 and numbers["best_parameters"].endswith("million")


def test_examples():
    assert doctest.testmod(quoted).failed == 0
