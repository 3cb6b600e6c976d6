"""The style of every figure: colors, markers, and the mark of the profile."""

import functools
import itertools
from collections.abc import Iterable
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_lib.experiments import EXPERIMENTS, HOG_CONFIGURATION, MAIN_MODELS
from fer_lib.profiles import Profile
from fer_lib.report.format import NOT_RECORDED

# Models have black and the muted palette of Paul Tol (2021), which is safe for color-blind readers
# and shares no color with the emotions (`data.labels.COLORS`).
MODEL_COLORS = ("#222222", "#332288", "#44AA99", "#CC6677", "#999933", "#882255")
# The lines of training curves: a gray and a brown that neither models nor emotions have.
TRAIN_COLOR, VALIDATION_COLOR = "#8C8C8C", "#7A4419"
PRIVATE_TEST_COLOR = "#222222"
_MARKERS = ("o", "s", "D", "^", "v", "P")
_LINES = (":", "-", "--", "-.", (0, (1, 1)), (0, (5, 1)))
_MODELS = (HOG_CONFIGURATION["title"], *(EXPERIMENTS[name].title for name in MAIN_MODELS))

_mark = ""


class ModelStyle(NamedTuple):
    """How a model is drawn: Matplotlib's color, marker and line style."""

    color: str
    marker: str
    linestyle: str | tuple


def model_styles(titles: Iterable[str]) -> dict[str, ModelStyle]:
    """The style of each model by title. The report's main models have one style in all figures."""
    styles = itertools.cycle(map(ModelStyle, MODEL_COLORS, _MARKERS, _LINES))
    return dict(zip(dict.fromkeys((*_MODELS, *titles)), styles, strict=False))


def use(profile: Profile) -> None:
    """Set the style of all later figures, and the mark of the profile."""
    own = {
        "lines.markeredgewidth": 1.2,  # the style sheet has 0, which hides unfilled markers
        "figure.dpi": 110,
        "savefig.bbox": "tight",
        "axes.titleweight": "bold",
        "axes.titlesize": 11,
        "font.size": 10,
        "font.sans-serif": ["DejaVu Sans"],
    }
    sheets = ("seaborn-v0_8-whitegrid", "seaborn-v0_8-notebook", "seaborn-v0_8-deep")
    plt.style.use([*sheets, own])
    global _mark
    _mark = profile.mark


def finish(figure: Figure, recorded: bool = False) -> Figure:
    """Mark a figure with its profile, and close it, so that Jupyter does not display it twice.

    Args:
        recorded: drawn from a record, which is of FER2013 in either profile: it gets no mark.
    """
    if _mark and not recorded:
        # The box that is saved grows by the mark, and a legend of the figure must not follow it.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for legend in figure.legends:
            legend.set_bbox_to_anchor((0, 0, 1, 1), figure.transFigure)
        figure.text(0.995, 1.0, _mark, ha="right", va="bottom", fontsize=8, color="#B00020")
    plt.close(figure)
    return figure


def placeholder(text: str = NOT_RECORDED) -> Figure:
    """A figure that holds nothing but a text: what is missing."""
    figure, axes = plt.subplots(figsize=(6, 1.5))
    axes.axis("off")
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=12, color="#555555")
    return finish(figure)


def placeholder_if_missing(draw):
    """Decorate a figure of one run, of several by title, or of a table.

    Of runs by title those that are not None, nor an empty list, are drawn. Where there is none, or
    the table is empty, the figure is a placeholder.
    """

    @functools.wraps(draw)
    def wrapper(data, *arguments, **keywords):
        if isinstance(data, dict):
            data = {title: run for title, run in data.items() if run not in (None, [])}
        missing = data.empty if isinstance(data, pd.DataFrame) else not data
        return placeholder() if missing else draw(data, *arguments, **keywords)

    return wrapper


def model_lines(axes: Axes, table: pd.DataFrame, x: str, y: str, **keywords) -> None:
    """Draw a line per model of a table, in the model's style.

    Args:
        table: `model`, and the columns `x` and `y`.
        keywords: of `axes.plot`.
    """
    styles = model_styles(table["model"])
    for model, rows in table.groupby("model", sort=False):
        axes.plot(rows[x], rows[y], label=model, **styles[model]._asdict(), **keywords)


def interval_bars(
    axes: Axes, positions: Iterable[float], estimates: np.ndarray, direction: str = "x", **keywords
) -> None:
    """Draw values with their intervals.

    Args:
        positions: of the values on the other axis, [n].
        estimates: [n, 3], each a value and the limits of its interval.
        direction: the axis of the values, `x` or `y`.
        keywords: of `axes.errorbar`.
    """
    value, low, high = np.asarray(estimates).T
    keywords |= {direction: value, f"{direction}err": np.abs([low - value, high - value])}
    axes.errorbar(**keywords, **{"y" if direction == "x" else "x": positions}, capsize=3)
