"""Numbers as text, in sentences and in tables.

The library computes shares (0–1), counts and scores; this module is the one place that turns them
into text. Each formatter takes one number and, optionally, the limits of its 95 % interval.
"""

import html
import math
import re
from collections.abc import Callable, Mapping
from enum import Enum
from numbers import Integral, Real

import pandas as pd

NOT_RECORDED = "not recorded"
MISSING_CELL = "–"
SPLIT_TITLES = {
    "public_test": "PublicTest",
    "private_test": "PrivateTest",
    "both": "both test splits",
}

_PERCENT_WORDS = {
    "accuracy",
    "agreement",
    "confidence",
    "coverage",
    "fraction",
    "probability",
    "share",
}
_PERCENT_UNIT = "\N{NO-BREAK SPACE}%"
_DIFFERENCE_WORDS = {"change", "difference", "gain", "gap"}
_PHRASES = {
    **SPLIT_TITLES,
    "bn": "BN",
    "brier": "Brier score",
    "both_accuracy": "accuracy on both test splits",
    "deduplicated": "de-duplicated",
    "ece": "ECE",
    "energy_kwh": "energy (kWh)",
    "f1": "F1",
    "macro_f1": "macro-F1",
    "multiply_adds": "multiply-adds",
    "nll": "NLL",
    "p_value": "p-value",
    "roc_auc": "ROC AUC",
    "sd": "SD",
    "train_fraction": "fraction of Training",
    "tta": "TTA",
    "val": "validation",
}
_SHIFT_TTA = re.compile(r"(flip\+)?shift(3x3|5)_(\d)px")  # names of schemes, as `fer_lib.tta`


def is_missing(value) -> bool:
    """Whether a value is None or NaN."""
    return value is None or (isinstance(value, Real) and math.isnan(value))


def percent(share: float | None, low: float | None = None, high: float | None = None) -> str:
    """Format a share (0–1) as a percentage.

    >>> percent(0.6531), percent(0.6531, 0.637, 0.668)
    ('65.3\\xa0%', '65.3\\xa0% (63.7–66.8)')
    """
    return _with_interval(".1f", (share, low, high), scale=100, unit=_PERCENT_UNIT)


def score(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Format a score, such as macro-F1, with three decimals.

    >>> score(0.66149), score(0.66149, 0.64, 0.681)
    ('0.661', '0.661 (0.640–0.681)')
    """
    return _with_interval(".3f", (value, low, high))


def signed(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Format a difference with its sign, a true minus sign.

    >>> signed(-0.012), signed(0.02, 0.003, 0.037)
    ('−0.012', '+0.020 (+0.003 to +0.037)')
    """
    return _with_interval("+.3f", (value, low, high), separator=" to ")


def points(difference: float | None, low: float | None = None, high: float | None = None) -> str:
    """Format a difference of two shares in percentage points; one that rounds to 0 has no sign.

    >>> points(-0.0012), points(0.021, 0.008, 0.034), points(-0.0002)
    ('−0.1', '+2.1 (+0.8 to +3.4)', '0.0')
    """
    return _with_interval("+.1f", (difference, low, high), scale=100, separator=" to ")


def p_value(p: float | None) -> str:
    """Format a p-value.

    >>> p_value(0.0321), p_value(1e-7)
    ('0.0321', '<\\xa00.0001')
    """
    if is_missing(p):
        return NOT_RECORDED
    return "<\N{NO-BREAK SPACE}0.0001" if p < 1e-4 else f"{p:.4f}"


def count(value: int | None) -> str:
    """Format a count; a large one in millions or billions, with three digits.

    >>> count(1_799), count(1_186_887), count(496_338_448), count(96_300_000_000)
    ('1,799', '1.19 million', '496 million', '96.3 billion')
    """
    if is_missing(value):
        return NOT_RECORDED
    if value < 1e5:
        return f"{value:,.0f}"
    size, unit = (value / 1e9, "billion") if value >= 1e9 else (value / 1e6, "million")
    return f"{size:,.{2 if size < 10 else 1 if size < 100 else 0}f} {unit}"


def number(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Format any number with as many decimals as its size asks for.

    >>> number(0.6614), number(24.06), number(1575.3), number(35_887), number(1e-4)
    ('0.661', '24.1', '1,575', '35,887', '0.0001')
    """
    size = 0 if is_missing(value) else abs(value)
    if 0 < size < 0.001:
        return f"{value:.3g}"
    digits = 0 if isinstance(value, Integral) or size >= 1000 else 1 if size >= 10 else 3
    return _with_interval(f",.{digits}f", (value, low, high))


def _with_interval(
    spec: str, values: tuple, scale: float = 1, unit: str = "", separator: str = "–"
) -> str:
    """Format a value by a format specification, and its limits in parentheses where it has them."""
    if is_missing(values[0]):
        return NOT_RECORDED
    text, *limits = (
        _without_sign_of_zero(f"{scale * each:{spec}}").replace("-", "\N{MINUS SIGN}")
        for each in values
        if not is_missing(each)
    )
    return f"{text}{unit}" + (f" ({separator.join(limits)})" if limits else "")


def _without_sign_of_zero(text: str) -> str:
    return text if text.strip("+-0.,") else text.lstrip("+-")


def show(
    table: pd.DataFrame,
    formats: Mapping[str, Callable[..., str]] | None = None,
    caption: str | None = None,
) -> "pd.io.formats.style.Styler":
    """Style a numeric table for display; the table itself is left as it is.

    - Heads: `private_test_accuracy` becomes “PrivateTest accuracy”. A column name that has a space
      or a capital is a head already.
    - Numbers: a column whose name has one of the words accuracy, agreement, confidence, coverage,
      fraction, probability, share is shown in percent; one with change, difference, gain or gap is
      signed, in percentage points if both apply. Thousands are grouped. `formats` overrides this.
    - Intervals: the columns `x`, `x_low`, `x_high` become one, “65.3 % (63.7–66.8)”.
    - Standard deviations: `x_sd` stands behind `x` and its interval, in the unit of `x`; `seeds`,
      how many there are, comes before it: mean, interval, n, SD.
    - Settings: in a column of mixed types, numbers are shown as they were written.
    - Missing values are shown as “–”, lists with commas, enums by their value, schemes of shift
      TTA in words. The index is hidden.

    Args:
        table: one row per subject, snake_case columns.
        formats: by column, a formatter of a value, and of the limits where the table has them.
        caption: text above the table; the space before its percent signs becomes a no-break space.

    Returns:
        A pandas Styler; its `data` holds the formatted cells.
    """
    merged = {f"{name}{end}" for name in table.columns for end in ("_low", "_high")}
    names = [name for name in table.columns if name not in merged]
    of_sd = {f"{name}_sd": name for name in names if f"{name}_sd" in names}
    names = _deviations_last(names, of_sd)
    heads, cells = [], {}
    for index, name in enumerate(names):
        measure = of_sd.get(name, name)
        formatter = (formats or {}).get(measure) or _formatter(table[measure], measure)
        columns = [name, *table.columns.intersection([f"{name}_low", f"{name}_high"])]
        rows = zip(*(table[column] for column in columns), strict=True)
        cells[index] = [_cell(row, formatter) for row in rows]
        heads.append(_head(name if len(of_sd) > 1 or name not in of_sd else "SD", formatter))
        if name in of_sd and formatter is percent:
            cells[index] = [text.removesuffix(_PERCENT_UNIT) for text in cells[index]]
            heads[-1] += " (points)"
    display = pd.DataFrame(cells, index=range(len(table))).set_axis(heads, axis=1)
    is_numeric = map(pd.api.types.is_numeric_dtype, table[names].dtypes)
    style = display.style.hide(axis="index").format(_keep_interval_whole)
    for index, numeric in enumerate(is_numeric):  # JupyterLab aligns all to the right
        side = [("text-align", "right" if numeric else "left")]
        style = style.set_properties(subset=[heads[index]], **dict(side))
        head = {"selector": f"th.col{index}", "props": side}
        style = style.set_table_styles([head], overwrite=False)
    if caption is None:
        return style
    return style.set_caption(caption.replace(" %", "\N{NO-BREAK SPACE}%"))


def _deviations_last(names: list[str], of_sd: Mapping[str, str]) -> list[str]:
    """Move each standard deviation behind its measure, and `seeds` before the first of them."""
    moved = {*of_sd, "seeds"} if of_sd else set()
    ordered = [name for name in names if name not in moved]
    for number, (sd, measure) in enumerate(of_sd.items()):
        seeds = ["seeds"] if number == 0 and "seeds" in names else []
        at = ordered.index(measure) + 1
        ordered[at:at] = [*seeds, sd]
    return ordered


def _formatter(values: pd.Series, name: str) -> Callable[..., str]:
    words = set(name.lower().replace(",", " ").replace("_", " ").split())
    if name == "p_value":
        return p_value
    if words & _DIFFERENCE_WORDS:
        return points if words & _PERCENT_WORDS else signed
    if words & _PERCENT_WORDS:
        return percent
    if values.dtype == object:  # settings: each value as it was written
        return _plain
    numbers = [value for value in values if _is_number(value) and not is_missing(value)]
    integral = all(value == int(value) for value in numbers)
    return _integer if integral and not words & {"f1", "precision", "recall"} else number


def _plain(value: float) -> str:
    is_large = isinstance(value, Integral) or abs(value) >= 1000
    return number(value) if is_large else f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


def _is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _integer(value: float) -> str:
    return number(int(value))


def _cell(row: tuple, formatter: Callable[..., str]) -> str:
    value = row[0]
    if isinstance(value, list | tuple):
        texts = [_cell((inner,), formatter) for inner in value]
        nested = (
            f"({t})" if isinstance(i, list | tuple) else t
            for i, t in zip(value, texts, strict=True)
        )
        return ", ".join(nested) or MISSING_CELL
    if is_missing(value):
        return MISSING_CELL
    if isinstance(value, Enum):
        return str(value.value)
    return formatter(*row) if _is_number(value) else html.escape(_in_words(value), quote=False)


def _in_words(value) -> str:
    """A text as it is, but the name of a scheme of shift TTA in words."""
    if not (scheme := _SHIFT_TTA.fullmatch(text := str(value))):
        return text
    flip, shifts, pixels = scheme.groups()
    number_of = {"3x3": "nine", "5": "five"}[shifts]
    unit = "pixel" if pixels == "1" else "pixels"
    return f"{'flip, ' if flip else ''}{number_of} shifts by up to {pixels} {unit}"


def _head(name: str, formatter: Callable[..., str]) -> str:
    if name != name.lower() or " " in name:
        return name
    text = f"_{name}_"
    for phrase, title in sorted(_PHRASES.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(f"_{phrase}_", f"_{title}_")
    return text.strip("_").replace("_", " ") + (" (points)" if formatter is points else "")


def _keep_interval_whole(text: str) -> str:
    """A cell's HTML, in which a line breaks only before an interval."""
    interval = re.fullmatch(r"([^()]+) (\([+−\d][^()]*(?:–| to )[^()]*\))", text)
    if not interval:
        return text
    return f'{interval[1]} <span style="white-space: nowrap">{interval[2]}</span>'
