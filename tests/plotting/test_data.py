import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest

from fer_lib.data.labels import COLORS
from fer_lib.data.synthetic import synthetic_faces
from fer_lib.plotting.data import (
    augmentations,
    class_distribution,
    faces_by_emotion,
    focal_loss_curves,
    near_duplicates,
)
from fer_lib.plotting.style import use
from fer_lib.profiles import get_profile


@pytest.fixture(autouse=True)
def full_profile():
    use(get_profile("full"))


def texts(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def test_class_distribution_has_shares_in_the_emotions_colors(dataset):
    training, test = class_distribution(dataset.class_counts).axes
    assert [matplotlib.colors.to_hex(bar.get_facecolor()).upper() for bar in training.patches] == [
        color.upper() for color in COLORS
    ]
    shares = [[bar.get_width() for bar in axes.patches] for axes in (training, test)]
    np.testing.assert_allclose(shares[0], 100 * dataset.training.class_counts / 320)
    both = dataset.public_test.class_counts + dataset.private_test.class_counts
    np.testing.assert_allclose(shares[1], 100 * both / 140)


def test_near_duplicates_are_colored_from_the_threshold_on():
    bands = pd.DataFrame({"low": [0.5, 0.6, 0.7], "high": [0.6, 0.7, 0.8], "pairs": [9, 8, 1200]})
    figure = near_duplicates(bands, threshold=0.6)
    bars = figure.axes[0].patches
    assert [bar.get_height() for bar in bars] == [9, 8, 1200]
    colors = [bar.get_facecolor() for bar in bars]
    assert colors[0] != colors[1] == colors[2]
    assert "1,200" in texts(figure)


def test_focal_loss_curves_are_those_of_the_loss_that_is_trained():
    from fer_lib.training.losses import focal_loss

    line = focal_loss_curves().axes[0].get_lines()[3]
    loss = focal_loss(gamma=2.0, alpha=1.0)
    for p, value in list(zip(line.get_xdata(), line.get_ydata(), strict=True))[:-1:20]:
        logits = [[np.log(p / (1 - p)), 0.0]]
        assert float(loss([[1.0, 0.0]], logits)) == pytest.approx(value, rel=1e-3, abs=1e-6)


def test_faces_stand_in_the_row_of_their_emotion():
    labels = np.array([3, 0, 3])
    faces = synthetic_faces(labels, seed=0)
    figure = faces_by_emotion(faces, labels, "Synthetic faces")
    assert "Synthetic faces" in texts(figure)
    grid = np.array(figure.axes).reshape(7, 7)
    np.testing.assert_array_equal(grid[0, 0].images[0].get_array(), faces[1])
    np.testing.assert_array_equal(grid[3, 1].images[0].get_array(), faces[2])
    assert [len(axes.images) for axes in grid[1]] == [0] * 7


def test_augmentations_have_the_original_first():
    faces = synthetic_faces(np.arange(2), seed=0)
    augmented = np.stack([faces, 255 - faces], axis=1)
    grid = np.array(augmentations(faces, augmented).axes).reshape(2, 3)
    np.testing.assert_array_equal(grid[1, 0].images[0].get_array(), faces[1])
    np.testing.assert_array_equal(grid[1, 2].images[0].get_array(), 255 - faces[1])


def test_quick_profile_marks_figures_of_its_own_data_only(dataset):
    use(get_profile("quick"))
    labels = np.arange(7)
    faces = synthetic_faces(labels, 0)
    for figure in (
        class_distribution(dataset.class_counts),
        focal_loss_curves(),
        faces_by_emotion(faces, labels, "Synthetic faces"),
        augmentations(faces[:2], np.repeat(faces[:2, None], 3, axis=1)),
    ):
        assert "quick profile: synthetic faces" in texts(figure)
    bands = pd.DataFrame({"low": [0.6], "high": [0.7], "pairs": [8]})
    assert "quick profile: synthetic faces" not in texts(near_duplicates(bands, 0.6))
