import io

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fer_lib.data.labels import COLORS
from fer_lib.plotting.comparison import per_class_f1
from fer_lib.plotting.style import (
    MODEL_COLORS,
    TRAIN_COLOR,
    VALIDATION_COLOR,
    finish,
    model_styles,
    placeholder,
    placeholder_if_missing,
    use,
)
from fer_lib.plotting.training import confusion, curves
from fer_lib.profiles import get_profile
from fer_lib.report.format import NOT_RECORDED


@pytest.fixture(autouse=True)
def full_profile_afterwards():
    use(get_profile("full"))
    yield
    use(get_profile("full"))


def texts(figure):
    inside = [text.get_text() for axes in figure.axes for text in axes.texts]
    return inside + [text.get_text() for text in figure.texts]


FIGURES = {
    "curves": curves,
    "confusion": confusion,
    "per_class_f1": lambda run: per_class_f1({"Model": [run] if run else []}),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_quick_profile_marks_each_figure(draw, run):
    assert get_profile("quick").mark not in texts(draw(run))
    use(get_profile("quick"))
    assert get_profile("quick").mark in texts(draw(run))
    assert get_profile("quick").mark in texts(draw(None))


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_a_figure_without_a_run_says_so(draw):
    assert NOT_RECORDED in texts(draw(None))


def test_figures_of_records_have_no_mark_and_all_are_closed():
    use(get_profile("quick"))
    assert texts(finish(plt.figure(), recorded=True)) == []
    assert texts(finish(plt.figure())) == [get_profile("quick").mark]
    assert plt.get_fignums() == []


def test_the_mark_lies_above_the_legend_of_a_figure(run):
    use(get_profile("quick"))
    figure = curves(run)
    figure.savefig(io.BytesIO(), bbox_inches="tight")  # as Jupyter displays it
    (legend,), (mark,) = figure.legends, figure.texts
    assert legend.get_window_extent().y1 <= mark.get_window_extent().y0
    axes = [each.get_tightbbox().y1 for each in figure.axes]
    assert max(axes) <= legend.get_window_extent().y0


def test_placeholder_drops_what_is_missing_and_draws_the_rest():
    @placeholder_if_missing
    def titles(runs, suffix=""):
        return [title + suffix for title in runs]

    assert titles({"A": 1, "B": None}, suffix="!") == ["A!"]
    assert texts(titles({"A": None})) == texts(placeholder()) == [NOT_RECORDED]


def test_a_model_has_the_same_style_beside_any_others():
    assert (
        model_styles(["SE-CNN"])["SE-CNN"]
        == model_styles(["New", "Custom CNN", "SE-CNN"])["SE-CNN"]
        != model_styles(["Custom CNN"])["Custom CNN"]
    )
    assert "New" in model_styles(["New"])


def test_models_and_emotions_share_no_color():
    assert not {color.upper() for color in MODEL_COLORS} & {color.upper() for color in COLORS}


def test_training_curves_share_no_color_with_models_or_emotions():
    curve_colors = {TRAIN_COLOR, VALIDATION_COLOR}
    assert len(curve_colors) == 2
    assert not curve_colors & {*MODEL_COLORS, *COLORS}


def test_unfilled_markers_have_an_edge():
    figure, axes = plt.subplots(figsize=(1, 1))
    axes.set_axis_off()
    axes.plot([0], [0], "o", color="red", markerfacecolor="white", markersize=20)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    plt.close(figure)
    red = (pixels[..., 0] > 200) & (pixels[..., 1:].max(axis=-1) < 100)
    assert red.sum() > 20
