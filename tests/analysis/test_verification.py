"""Recomputing recorded analyses."""

import json

import numpy as np
import pytest

from fer_lib.analysis.recomputation import ANALYSES, MEASURED, Analysis, Inputs
from fer_lib.analysis.verification import differences, verify_analysis
from fer_lib.io import write_json
from fer_lib.paths import ANALYSIS


def found(recorded, recomputed):
    return list(differences(recorded, recomputed, "a"))


@pytest.mark.parametrize(
    ("recorded", "recomputed", "message"),
    [
        (0.7, 0.7019, None),  # within 2e-3
        (0.7, 0.7050, "a is 0.7, recomputed 0.705"),
        (1000.0, 1001.0, None),  # one in a thousand
        (1000, 1001, "a is 1000, recomputed 1001"),  # a count
        ([1, 2], [1, 2, 3], "a: 2 values, recomputed are 3"),
        ({"b": [1, {"c": "x"}]}, {"b": [1, {"c": "y"}]}, "a, b[1], c is x, recomputed y"),
        ({"b": 1}, {}, "a: b is only recorded"),
        ({}, {"b": 1}, "a: b is only recomputed"),
        ({"b": 1}, [1], "a is {'b': 1}, recomputed [1]"),
        (None, 0, "a is None, recomputed 0"),
        (float("nan"), 0.0, "a is nan, recomputed 0.0"),
    ],
)
def test_differences_of_values(recorded, recomputed, message):
    assert found(recorded, recomputed) == ([message] if message else [])


def test_differences_of_arrays():
    correct = np.ones((56, 1000), bool)
    for changed, agree in ((112, True), (113, False)):  # of 56,000: two in a thousand
        other = correct.copy()
        other.flat[:changed] = False
        assert (found(correct, other) == []) == agree
    tie = np.zeros((3, 2), np.float32)
    for difference, agree in ((6e-3, True), (9e-3, False)):  # of a probability: a fourth of it
        assert (found(tie, tie + np.float32([difference, 0])) == []) == agree
    assert found(np.array("ab"), np.array("ab")) == [] and found(np.array("ab"), np.array("ac"))
    assert found(tie, tie[:2])  # another shape


@pytest.fixture
def analysis():
    """An analysis of the data set's size, of which `n` is the sample."""
    return Analysis(
        "analyze",
        ("size.json",),
        lambda inputs, path: write_json(path, {"n": 70, "of": [7] * 10}),
        lambda inputs, path: [("n", json.loads(path.read_text())["n"], 70)],
    )


@pytest.mark.parametrize(
    ("content", "sample", "whole"),
    [
        ('{"n": 70, "of": [7, 7, 7, 7, 7, 7, 7, 7, 7, 7]}', [], []),
        ('{"n": 71, "of": [7, 7, 7, 7, 7, 7, 7, 7, 7, 7]}', ["n is 71"], ["size.json, n is 71"]),
        (
            '{"n": 70, "of": [7, 6, 6, 6, 7, 7, 7, 7, 6, 7]}',
            [],
            [f"size.json, of[{i}] is 6" for i in (1, 2, 3)] + ["1 further differences"],
        ),
        ("{", ["JSONDecodeError: "], ["ValueError: "]),
        ("[]", ["TypeError: "], ["TypeError: "]),
    ],
)
def test_a_sample_and_the_whole(tmp_path, dataset, analysis, content, sample, whole):
    (tmp_path / "size.json").write_text(content)
    inputs = Inputs(dataset, tmp_path)
    for is_whole, expected in ((False, sample), (True, whole)):
        problems = verify_analysis(analysis, inputs, tmp_path, is_whole).problems
        assert len(problems) == len(expected)
        assert all(map(str.startswith, problems, expected))


def test_a_missing_file_is_a_problem(tmp_path, dataset, analysis):
    for whole in (False, True):
        (problem,) = verify_analysis(analysis, Inputs(dataset), tmp_path, whole).problems
        assert problem.startswith("FileNotFoundError: ") and "size.json" in problem


def test_every_recorded_analysis_is_recomputed_or_measured():
    files = {name for analysis in ANALYSES for name in analysis.files}
    assert not files & set(MEASURED)
    assert {path.name for path in ANALYSIS.iterdir()} <= files | set(MEASURED)
    assert files <= {path.name for path in ANALYSIS.iterdir()}


def test_samples_that_need_no_keras(fer2013):
    """Of the committed analyses; `make verify` runs those of the others too."""
    inputs = Inputs(fer2013)
    quick = {"dataset.json", "leakage.json", "deletion.json", "robustness.json", "tta.json"}
    for analysis in ANALYSES:
        if analysis.files[0] in quick:
            quick.remove(analysis.files[0])
            assert verify_analysis(analysis, inputs, ANALYSIS).problems == []
    assert not quick
