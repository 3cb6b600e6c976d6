"""The style of every figure: colors, markers, the profile's mark."""

import functools
import itertools
from collections.abc import Iterable

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from fer_lib.experiments import EXPERIMENTS, HOG_CONFIGURATION, MAIN_MODELS
from fer_lib.profiles import Profile
from fer_lib.report.format import NOT_RECORDED

TRAIN_COLOR, VALIDATION_COLOR = "#0072B2", "#D55E00"
_OURS = "#0072B2"
_MODEL_COLOURS = ("#222222", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00")
_MARKERS = ("o", "s", "D", "^", "v", "P")
_LINES = (":", "-", "--", "-.", (0, (1, 1)), (0, (5, 1)))
_MODELS = (HOG_CONFIGURATION["title"], *(EXPERIMENTS[name].title for name in MAIN_MODELS))


def _looks(titles: Iterable[str]) -> dict[str, tuple]:
    """Colour, marker and line of each model: those that the report compares look the same in every
    figure."""
    every = dict.fromkeys((*_MODELS, *titles))
    return dict(
        zip(
            every, itertools.cycle(zip(_MODEL_COLOURS, _MARKERS, _LINES, strict=True)), strict=False
        )
    )


def use(profile: Profile) -> None:
    """Set the style of every later figure, and the mark of the profile."""
    sns.set_theme(
        context="notebook",
        style="whitegrid",
        rc={
            "figure.dpi": 110,
            "savefig.bbox": "tight",
            "axes.titleweight": "bold",
            "axes.titlesize": 11,
            "font.size": 10,
            "font.sans-serif": ["DejaVu Sans"],
        },
    )
    global _mark
    _mark = profile.mark


_mark = ""


def _finished(figure: Figure, recorded: bool = False) -> Figure:
    """Mark the figure, and keep Jupyter from showing it twice.

    Args:
        recorded: drawn from a record, which is of FER2013 in every profile, so that the mark
            would be wrong.
    """
    if _mark and not recorded:
        figure.text(0.995, 1.0, _mark, ha="right", va="bottom", fontsize=8, color="#B00020")
    plt.close(figure)
    return figure


def _placeholder_without_run(draw):
    @functools.wraps(draw)
    def wrapper(run, *arguments, **keywords):
        return _placeholder(NOT_RECORDED) if run is None else draw(run, *arguments, **keywords)

    return wrapper


def _placeholder_without_any_run(draw):
    """The same for runs by title: drawn are those that are recorded."""

    @functools.wraps(draw)
    def wrapper(runs):
        known = {title: run for title, run in runs.items() if run is not None}
        return draw(known) if known else _placeholder(NOT_RECORDED)

    return wrapper


def _placeholder(text: str) -> Figure:
    figure, axes = plt.subplots(figsize=(6, 1.5))
    axes.axis("off")
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=12, color="#555555")
    return _finished(figure)
