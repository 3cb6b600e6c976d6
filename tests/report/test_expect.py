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
    with pytest.raises(ContradictedText, match=r"CONFIRMED; the text was written for REFUTED"):
        expect(Verdict.CONFIRMED, Verdict.REFUTED)
    assert notes == []


def test_another_result_is_a_note_anywhere_else(monkeypatch, notes):
    monkeypatch.delenv(STRICT, raising=False)
    expect(["sad"], ["fear"])
    assert notes == ["*Note: your result: ['sad']; the text was written for ['fear'].*"]
