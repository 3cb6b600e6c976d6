"""Guard an author's sentence by the result that it states."""

import os
from enum import Enum

from IPython.display import Markdown, display

STRICT = "FER_LIB_STRICT"


class ContradictedText(AssertionError):
    """A committed record contradicts the text of the report."""


def expect(result, expected) -> None:
    """Check that a result is the one that the text beside it was written for.

    Where the environment variable `FER_LIB_STRICT` is set, as it is when the report is built from
    the committed records, another result is an error. Anywhere else a note is displayed: a reader's
    own runs, or synthetic faces, may well give another result.

    Raises:
        ContradictedText: the result is another one, and `FER_LIB_STRICT` is set.
    """
    if result == expected:
        return
    message = (
        "this result contradicts a statement of the text"
        if isinstance(expected, bool)
        else f"your result: {_in_words(result)}; the text was written for: {_in_words(expected)}"
    )
    if os.environ.get(STRICT):
        raise ContradictedText(message)
    display(Markdown(f"*Note: {message}.*"))


def _in_words(value) -> str:
    """A value without Python's quotes and brackets."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_in_words(each)}" for key, each in value.items())
    if isinstance(value, set):
        value = sorted(map(_in_words, value))
    if isinstance(value, list | tuple):
        return ", ".join(map(_in_words, value)) or "none"
    return str(value)
