import itertools

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest

from fer_lib.analysis.example_faces import load_or_predict_examples
from fer_lib.analysis.grad_cam import sample_maps
from fer_lib.data.example_faces import astronaut_face
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.plotting.grad_cam import deletion_curves, grad_cams, mean_grad_cams
from fer_lib.plotting.predictions import RIGHT, WRONG
from fer_lib.profiles import get_profile
from fer_lib.report.format import NOT_RECORDED


@pytest.fixture(scope="module")
def examples(run):
    return load_or_predict_examples({"One": run, "Later": None}, get_profile("quick"))


def symbol(run, row):
    predictions = run.predictions["private_test"]
    return RIGHT if predictions.correct[row] else WRONG


def test_maps_lie_over_the_astronaut_and_over_the_images(run, dataset, examples):
    maps = {"One": sample_maps(run, dataset), "Later": None}
    axes = np.reshape(grad_cams(examples, maps, dataset).axes, (5, 3))
    image, heat = (layer.get_array() for layer in axes[0, 1].images)
    np.testing.assert_array_equal(image, astronaut_face())
    np.testing.assert_allclose(heat, examples["One"].maps[0])
    assert axes[0, 1].get_xlabel() in EMOTION_NAMES  # the photograph has no label
    samples = itertools.product(("disgust", "fear"), range(2))
    for line, (emotion, number) in zip(axes[1:], samples, strict=True):
        row = np.flatnonzero(dataset.private_test.labels == EMOTION_NAMES.index(emotion))[number]
        sample = maps["One"][emotion][number]
        image, heat = (layer.get_array() for layer in line[1].images)
        np.testing.assert_array_equal(image, dataset.private_test.images[row])
        np.testing.assert_allclose(heat, sample["map"])
        assert line[1].get_xlabel() == f"{symbol(run, row)} {sample['prediction']}"
        assert line[2].get_xlabel() == NOT_RECORDED
    assert [each.get_title() for each in axes[0]] == ["", "One", "Later"]


def test_without_the_data_only_the_astronaut_is_explained(run, dataset, examples):
    maps = {"One": sample_maps(run, dataset), "Later": None}
    image, one, later = grad_cams(examples, maps, None).axes
    assert image.get_xlabel() == "astronaut" and len(one.images) == 2
    assert later.get_xlabel() == NOT_RECORDED


def test_mean_maps_have_a_column_per_emotion():
    maps = {name: [[label / 10, 1.0]] for label, name in enumerate(EMOTION_NAMES)}
    axes = mean_grad_cams({"One": maps, "Two": maps}).axes[:14]
    values = [panel.images[0].get_array()[0, 0] for panel in axes]
    assert values == pytest.approx(np.tile(np.arange(7) / 10, 2))
    assert [panel.get_title() for panel in axes] == [*EMOTION_NAMES, *[""] * 7]
    assert [panel.get_ylabel() for panel in axes[::7]] == ["One", "Two"]


def test_deletion_has_a_panel_per_model_and_two_lines():
    columns = ["model", "fraction_removed", "grad_cam", "random"]
    rows = [("A", 0.0, 0.8, 0.8), ("A", 0.3, 0.2, 0.6), ("B", 0.0, 0.5, 0.5)]
    first, second = deletion_curves(pd.DataFrame(rows, columns=columns)).axes
    np.testing.assert_allclose(
        [line.get_xydata() for line in first.get_lines()],
        [[[0, 0.8], [30, 0.2]], [[0, 0.8], [30, 0.6]]],
    )
    assert second.get_title() == "B"
    assert first.get_ylim()[0] == 0
    assert first.get_ylim()[1] > 0.8  # the axis is shared, and the second panel is lower


def test_deletion_has_three_panels_in_a_row_and_none_without_a_model():
    titles = ["A", "B", "C", "D", "E"]
    rows = [(title, fraction, 0.5, 0.5) for title in titles for fraction in (0.0, 0.3)]
    columns = ["model", "fraction_removed", "grad_cam", "random"]
    panels = deletion_curves(pd.DataFrame(rows, columns=columns)).axes
    assert [panel.get_title() for panel in panels] == titles
    assert [bool(panel.get_ylabel()) for panel in panels] == [True, False, False, True, False]


@pytest.mark.parametrize(
    "figure",
    [
        lambda: grad_cams({"Missing": None}, {"Missing": None}, None),
        lambda: mean_grad_cams({}),
        lambda: deletion_curves(pd.DataFrame(columns=["model"])),
    ],
)
def test_nothing_recorded_is_a_placeholder(figure):
    assert NOT_RECORDED in [text.get_text() for text in figure().axes[0].texts]
