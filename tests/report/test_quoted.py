import doctest
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from fer_lib.analysis.ablations import seed_differences
from fer_lib.analysis.benchmarks import LATENCY_PATH
from fer_lib.analysis.headline import compare_experiments
from fer_lib.analysis.model_size import published_networks
from fer_lib.analysis.robustness import ROBUSTNESS_PATH
from fer_lib.analysis.verdict import Verdict
from fer_lib.experiments import MAIN_MODELS
from fer_lib.io import read_json
from fer_lib.paths import RESULTS
from fer_lib.profiles import Profile, get_profile
from fer_lib.report import quoted
from fer_lib.report.quoted import front_page, quoted_numbers
from fer_lib.runs.store import find_runs

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"^```\w+\n.*?^```$", re.DOTALL | re.MULTILINE)
EXPRESSION = re.compile(r"\{\{ *(\w+) *\}\}")


@pytest.fixture(scope="module")
def numbers():
    return quoted_numbers(get_profile("full"))


def pages():
    return {path.name: path.read_text("utf-8") for path in (ROOT / "book").glob("*.md")}


def test_pages_quote_each_key_and_no_other(numbers):
    prose = [CODE.sub("", text) for text in pages().values()]
    assert {key for text in prose for key in EXPRESSION.findall(text)} == set(numbers)
    assert sum(text.count("{{") - len(EXPRESSION.findall(text)) for text in prose) == 0


def test_pages_read_numbers_from_no_notebook():
    assert not [name for name, text in pages().items() if "{glue" in text]


def test_everything_is_recorded_in_the_full_profile(numbers):
    assert not {key for key, text in numbers.items() if "not recorded" in text}


def test_values_are_numbers_and_titles_but_no_sentences(numbers):
    assert not {key for key, text in numbers.items() if re.search(r"[a-z]\.(\s|$)", text)}


def test_front_table_has_six_rows_at_most(numbers):
    lines = numbers["front_table"].splitlines()
    assert 3 <= len(lines) <= 2 + 6
    assert {line.count("|") for line in lines} == {7}


def test_headline_is_the_mean_with_its_interval_then_seeds_and_deviation(numbers):
    runs = find_runs(RESULTS, "custom_cnn")
    accuracies = [100 * run.metrics["private_test"]["accuracy"] for run in runs]
    mean, *rest = numbers["custom_cnn_private"].split("\xa0", 1)
    assert mean == f"{statistics.mean(accuracies):.1f}"
    deviation = f"SD\xa0{statistics.stdev(accuracies):.1f}"
    assert re.fullmatch(rf"% \([\d.]+–\u2060[\d.]+; n\xa0=\xa0{len(runs)}, {deviation}\)", *rest)


def test_row_to_paste_has_the_accuracies_and_seeds_of_the_best_model(numbers):
    name, *cells, protocol = numbers["best_latex_row"].splitlines()[2].split(" & ")
    assert name.startswith(numbers["best_title"]) and protocol.endswith(r" \\")
    for cell, key in zip(cells[:2], ("best_private", "best_deduplicated"), strict=True):
        assert re.findall(r"[\d.]+", cell) == re.findall(r"[\d.]+", numbers[key])[:3]
    assert f"n\xa0=\xa0{cells[2]}," in numbers["best_private"]


def test_missing_runs_are_not_recorded(tmp_path):
    empty = Profile("full", tmp_path, tmp_path, trains_in_notebooks=False, mark="")
    numbers = quoted_numbers(empty)
    assert set(numbers) == set(quoted_numbers(get_profile("full")))
    for key in ("custom_cnn_private", "best_private", "ensemble_private", "card_ece"):
        assert numbers[key] == "not recorded", key
    assert (
        "| Custom CNN | not recorded | 0 | – | not recorded | not recorded |"
        in (numbers["front_table"])
    )


def test_other_faces_take_no_numbers_from_analyses_of_fer2013(make_run, tmp_path):
    make_run(tmp_path, "se_cnn_hires_ferplus_distilled", parameters=1_234)
    quick = Profile("quick", tmp_path, tmp_path, trains_in_notebooks=True, mark="")
    numbers = quoted_numbers(quick)
    assert numbers["best_parameters"] == "1,234" and "not recorded" not in numbers["card_ece"]
    for key in ("card_accuracy_noise", "card_accuracy_4_votes", "card_latency", "card_megabytes"):
        assert numbers[key] == "not recorded", key


def test_model_card_has_the_recorded_size_and_latency(numbers):
    rows = read_json(LATENCY_PATH)["rows"]
    rows = {row["form"]: row for row in rows if row["model"] == numbers["best_title"]}
    for end, form in (("", "ONNX"), ("_int8", "ONNX, int8")):
        assert numbers[f"card_megabytes{end}"] == f"{rows[form]['bytes'] / 1e6:.1f}"
        assert numbers[f"card_latency{end}"] == f"{rows[form]['median_ms']:.1f}"


def test_model_card_has_the_mean_over_corruptions_and_severities(numbers):
    accuracies = read_json(ROBUSTNESS_PATH)["runs"][f"{MAIN_MODELS[-1]}/seed-0"]
    corrupted = [
        value for name, values in accuracies.items() if name != "clean" for value in values
    ]
    assert len(corrupted) == 11 * 5
    assert numbers["card_accuracy_corrupted"] == f"{100 * sum(corrupted) / 55:.1f}\xa0%"


def test_findings_of_the_pages_hold(numbers):
    """What sentences of the front page, the introduction and the conclusions state."""

    def value(key):
        return float(numbers[key].split()[0])

    ranking = ("mobilenetv2_head_only", "hog", "mobilenetv2_fine_tuned", "custom_cnn", "se_cnn")
    ranking = [f"{name}_private" for name in ranking] + ["best_private", "ensemble_private"]
    assert sorted(ranking, key=value) == ranking
    largest = 100 * published_networks()["accuracy"].max()
    assert 0 < largest - value("best_private") < 4  # "within a few points"
    accuracies = front_page(RESULTS).accuracies
    lost = accuracies["private_test_accuracy"] - accuracies["deduplicated_private_test_accuracy"]
    assert (lost > 0).all()
    assert value("best_parameters") < 2 and numbers["best_parameters"].endswith("million")


def test_verdicts_in_the_conclusions_hold():
    """On PrivateTest, over all seeds, corrected by Holm for these comparisons."""
    runs, best = find_runs(RESULTS), MAIN_MODELS[-1]
    expected = {
        ("custom_cnn", "mobilenetv2_head_only"): Verdict.CONFIRMED,
        ("custom_cnn", "mobilenetv2_fine_tuned"): Verdict.CONFIRMED,
        ("se_cnn", "custom_cnn"): Verdict.CONFIRMED,
        ("se_cnn_ferplus", "se_cnn"): Verdict.INCONCLUSIVE,
        ("se_cnn_hires_ferplus", "se_cnn_ferplus"): Verdict.CONFIRMED,
        (best, "se_cnn_hires_ferplus"): Verdict.INCONCLUSIVE,
        (best, "se_cnn"): Verdict.CONFIRMED,
    }
    table = compare_experiments(runs, expected, "private_test")
    assert table["verdict"].tolist() == list(expected.values())
    differences = seed_differences(runs, [(best, "se_cnn_hires_ferplus")], "private_test")
    assert len(differences) == 3 and (differences["accuracy_difference"] > 0).all()


def test_module_needs_no_keras():
    """Importing Keras takes longer than all of the numbers."""
    code = (
        "import sys; from fer_lib.profiles import get_profile; "
        "from fer_lib.report.quoted import quoted_numbers; "
        "quoted_numbers(get_profile('full')); sys.exit('keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_examples():
    assert doctest.testmod(quoted).failed == 0
