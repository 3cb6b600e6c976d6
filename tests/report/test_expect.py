import pytest

from fer_lib.analysis.verdict import Verdict
from fer_lib.report import expect as module
from fer_lib.report.expect import STRICT, ContradictedText, expect


@pytest.fixture
def notes(monkeypatch):
    """What is displayed, as text."""
    displayed = []
    monkeypatch.setattr(module, "display", lambda note: displayed.append(note.data))
    return displayed


@pytest.mark.parametrize("strict", [True, False])
def test_an_expected_result_says_nothing(strict, monkeypatch, notes):
    monkeypatch.setenv(STRICT, "1" if strict else "")
    expect(Verdict.REFUTED, Verdict.REFUTED)
    expect(3, 3)
    assert notes == []


def test_another_result_is_an_error_when_the_report_is_built(monkeypatch, notes):
    monkeypatch.setenv(STRICT, "1")
    with pytest.raises(ContradictedText, match="confirmed; the text was written for: refuted"):
        expect(Verdict.CONFIRMED, Verdict.REFUTED)
    assert notes == []


@pytest.mark.parametrize(
    ("result", "expected", "note"),
    [
        (["sad"], ["fear", "sad"], "your result: sad; the text was written for: fear, sad"),
        ({"b", "a"}, set(), "your result: a, b; the text was written for: none"),
        ({"a": 2}, {"a": 3}, "your result: a 2; the text was written for: a 3"),
        (
            [Verdict.NOT_RECORDED],
            [Verdict.REFUTED],
            "your result: not recorded; the text was written for: refuted",
        ),
        (False, True, "this result contradicts a statement of the text"),
    ],
)
def test_another_result_is_a_note_anywhere_else(result, expected, note, monkeypatch, notes):
    monkeypatch.delenv(STRICT, raising=False)
    expect(result, expected)
    assert notes == [f"*Note: {note}.*"]
