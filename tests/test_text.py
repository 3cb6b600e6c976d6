import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_lib.text import printable, quoted, reason

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # with surrogates and control characters


@given(ANY_TEXT)
def test_printable_text_is_one_line_that_any_utf8_stream_takes(text):
    line = printable(text)
    assert line.isprintable() and line.encode("utf-8").decode() == line


@given(ANY_TEXT.filter(str.isprintable))
def test_text_that_prints_is_unchanged(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31m\x00", r"\x1b[31m\x00"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),  # the rest reads from right to left
        ("\u2028", r"\u2028"),
        ("\udcff", r"\udcff"),
        ("é 顔 🙂", "é 顔 🙂"),
    ],
)
def test_what_does_not_print_is_escaped(text, expected):
    assert printable(text) == expected


def test_quoted_values_are_cut_before_they_are_escaped():
    assert quoted("x" * 80) == "'" + "x" * 80 + "'"
    assert quoted("x" * 26_000) == "'" + "x" * 80 + "'…"
    assert quoted("\n" * 26_000) == "'" + r"\n" * 80 + "'…"


def test_reasons_are_one_line_and_cut():
    assert reason(OSError("a\x00\n" * 1000)) == (r"a\x00\n" * 67)[: -len(r"\n")] + "…"
    assert reason(MemoryError()) == "MemoryError"
