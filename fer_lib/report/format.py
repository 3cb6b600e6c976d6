"""Numbers as text."""

import re

NOT_RECORDED = "not recorded"
SPLIT_TITLES = {
    "public_test": "PublicTest",
    "private_test": "PrivateTest",
    "both": "both (contains the selection set)",
}

_BRACKETS = re.compile(r"\([^)]*\d\)")


def percent(value: float, interval: list[float] | None = None) -> str:
    """`67.8 %`, or with an interval `67.8 % (66.3–69.4)`; the arguments are shares, 0–1."""
    text = f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
    return f"{text} ({100 * interval[0]:.1f}–{100 * interval[1]:.1f})" if interval else text


def score(value: float, interval: list[float] | None = None) -> str:
    """`0.661`, or with an interval `0.661 (0.640–0.681)`."""
    return f"{value:.3f} ({interval[0]:.3f}–{interval[1]:.3f})" if interval else f"{value:.3f}"


def points(difference: float, interval: list[float]) -> str:
    """`+2.1 (+0.8 to +3.4)`: a difference of two shares, in percentage points, with its
    interval."""
    return f"{signed(100 * difference, 1)} ({signed(100 * interval[0], 1)} to {signed(100 * interval[1], 1)})"


def score_change(difference: float, interval: list[float]) -> str:
    """`+0.020 (+0.003 to +0.037)`: a difference of two scores, with its interval."""
    return f"{signed(difference, 3)} ({signed(interval[0], 3)} to {signed(interval[1], 3)})"


def signed(value: float, digits: int) -> str:
    """`+0.012` or `−0.012`, with a true minus sign."""
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def count(value: int) -> str:
    """`1.19 million` for a large number, the number itself for a small one."""
    return f"{value / 1e6:.2f} million" if value >= 1e5 else f"{value:,}"


import pandas as pd

from fer_lib.report.format import _BRACKETS


def show(table: pd.DataFrame):
    """The table as notebooks display it: no index, thousands grouped, no underscores above, a line
    broken only before an interval."""
    table = table.rename(
        columns=lambda name: name.replace("multiply_adds", "multiply-adds").replace("_", " ")
    )
    texts = [column for column in table if not pd.api.types.is_numeric_dtype(table[column])]
    style = table.style.hide(axis="index").format(thousands=",", precision=3)
    return style.format(
        lambda value: _BRACKETS.sub(r'<span style="white-space: nowrap">\g<0></span>', str(value)),
        subset=texts,
    )
