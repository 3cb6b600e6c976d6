import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest

from fer_lib.analysis.grad_cam import sample_maps
from fer_lib.data.labels import COLORS
from fer_lib.data.synthetic import synthetic_faces
from fer_lib.plotting.comparison import grad_cams
from fer_lib.plotting.data import (
    augmentations,
    class_distribution,
    faces_by_emotion,
    focal_loss_curves,
)
from fer_lib.plotting.style import use
from fer_lib.profiles import get_profile
from fer_lib.report.format import NOT_RECORDED


@pytest.fixture(autouse=True)
def full():
    use(get_profile("full"))


def texts(figure):
    figure.canvas.draw()
    return [t.get_text() for axes in figure.axes for t in axes.findobj(matplotlib.text.Text)] + [
        t.get_text() for t in figure.texts
    ]


def test_the_distribution_shows_the_counts_in_the_emotions_colours(dataset):
    figure = class_distribution(dataset.class_counts)
    bars = figure.axes[0].patches
    assert [matplotlib.colors.to_hex(b.get_facecolor()).upper() for b in bars] == list(COLORS)
    np.testing.assert_allclose(
        [b.get_height() for b in bars], 100 * dataset.training.class_counts / 320
    )


def test_focal_curves_agree_with_the_formula():
    line = focal_loss_curves(gammas=(2.0,)).axes[0].get_lines()[0]
    p = line.get_xdata()[:-1]  # at p = 1 Keras clips
    np.testing.assert_allclose(
        line.get_ydata()[:-1], -((1 - p) ** 2) * np.log(p), rtol=1e-3, atol=1e-6
    )


def test_quick_marks_every_figure(run, dataset):
    use(get_profile("quick"))
    labels = np.arange(7)
    faces = synthetic_faces(labels, 0)
    figures = [
        class_distribution(dataset.class_counts),
        focal_loss_curves(),
        faces_by_emotion(faces, labels),
        augmentations(faces[:2], np.repeat(faces[:2, None], 3, axis=1)),
    ]
    for figure in figures:
        assert "quick profile: synthetic faces" in texts(figure)


def test_grad_cams_lie_over_the_picture_or_over_grey(run, dataset):

    maps = {"One": sample_maps(run, dataset), "Later": None}
    for data in (dataset, None):
        figure = grad_cams(maps, "fear", data)
        picture, heat = figure.axes[1].images
        np.testing.assert_allclose(heat.get_array(), maps["One"]["fear"][0]["map"])
        row = np.flatnonzero(dataset.private_test.labels == 2)[0]
        assert np.array_equal(picture.get_array(), dataset.private_test.images[row]) == (
            data is not None
        )
        assert figure.axes[1].get_title() == f"One\nanswer: {maps['One']['fear'][0]['answer']}"
        assert NOT_RECORDED in figure.axes[2].get_title()
    assert NOT_RECORDED in texts(grad_cams({"One": None}, "fear", None))
