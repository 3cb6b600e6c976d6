"""Numbers worked by hand from Lin et al. 2017: FL = −α (1 − p)^γ log p."""

import keras
import numpy as np
import pytest

from fer_lib.training.losses import focal_loss


@pytest.mark.parametrize(
    "p, gamma, alpha, expected",
    [
        (0.9, 2.0, 0.25, 0.25 * 0.01 * 0.105360516),
        (0.5, 2.0, 0.25, 0.25 * 0.25 * 0.693147181),
        (0.1, 2.0, 1.0, 0.81 * 2.302585093),
        (0.5, 0.0, 1.0, 0.693147181),
    ],
)
def test_one_alpha(p, gamma, alpha, expected):
    logits = np.log([[p, *[(1 - p) / 6] * 6]]).astype("float32")
    loss = focal_loss(gamma, alpha)(np.eye(7, dtype="float32")[:1], logits)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_one_alpha_per_class():
    loss = focal_loss(2.0, [0.1 * (i + 1) for i in range(7)])
    for label in range(7):
        target = np.eye(7, dtype="float32")[[label]]
        # Seven equal logits: p = 1/7, so the loss is α · (6/7)² · log 7.
        expected = 0.1 * (label + 1) * (6 / 7) ** 2 * 1.945910149
        assert float(loss(target, np.zeros((1, 7), "float32"))) == pytest.approx(expected, rel=1e-5)


def test_soft_targets_with_label_smoothing():
    """−Σ t log p with t = 0.9 · (0.8, 0.2) + 0.1 / 2 = (0.77, 0.23) and p = (0.6, 0.4)."""
    loss = focal_loss(gamma=0.0, alpha=1.0, label_smoothing=0.1)
    value = loss(np.float32([[0.8, 0.2]]), np.log(np.float32([[0.6, 0.4]])))
    assert float(value) == pytest.approx(0.77 * 0.510825624 + 0.23 * 0.916290732, rel=1e-5)


def test_cross_entropy_is_keras_own():
    rng = np.random.default_rng(0)
    targets = np.eye(7, dtype="float32")[rng.integers(0, 7, 20)]
    logits = rng.normal(size=(20, 7)).astype("float32")
    expected = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    value = focal_loss(0.0, 1.0, 0.1)(targets, logits)
    assert float(value) == pytest.approx(float(expected(targets, logits)), rel=1e-5)
