"""The focal loss is Keras's own; these numbers are worked by hand from Lin et al. 2017, FL = −α (1
− p)^γ log p."""

import keras
import numpy as np
import pytest


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
    loss = keras.losses.CategoricalFocalCrossentropy(alpha, gamma, from_logits=True)
    logits = np.log([[p, *[(1 - p) / 6] * 6]]).astype("float32")
    assert float(loss(np.eye(7, dtype="float32")[:1], logits)) == pytest.approx(expected, rel=1e-5)


def test_an_alpha_for_each_class():
    loss = keras.losses.CategoricalFocalCrossentropy(
        [0.1 * (i + 1) for i in range(7)], 2.0, from_logits=True, reduction=None
    )
    values = np.asarray(loss(np.eye(7, dtype="float32"), np.zeros((7, 7), "float32")))
    # Seven equal logits: p = 1/7, so each loss is α · (6/7)² · log 7.
    np.testing.assert_allclose(
        values, 0.1 * np.arange(1, 8) * (6 / 7) ** 2 * 1.945910149, rtol=1e-5
    )
