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
    result_name, expected_name = (
        value.name if isinstance(value, Enum) else value for value in (result, expected)
    )
    message = f"your result: {result_name}; the text was written for {expected_name}"
    if os.environ.get(STRICT):
        raise ContradictedText(message)
    display(Markdown(f"*Note: {message}.*"))
