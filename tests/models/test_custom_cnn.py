import numpy as np
import pytest

from fer_lib.models.complexity import layer_table, multiply_adds
from fer_lib.models.custom_cnn import SqueezeExcitation, custom_cnn

OPTIONS = {
    "blocks": ((8, 1), (16, 2)),
    "block_dropout": 0.0,
    "head_dropout": 0.4,
    "bn_momentum": 0.9,
}


def test_parameters_by_hand():
    model = custom_cnn(**OPTIONS)
    convolutions = 9 * 1 * 8 + 9 * 8 * 16 + 9 * 16 * 16
    batch_norm = 4 * (8 + 16 + 16)
    assert model.count_params() == convolutions + batch_norm + 16 * 7 + 7


def test_squeeze_excitation_follows_every_block_but_the_first():
    plain, attentive = (custom_cnn(**OPTIONS, se_ratio=ratio) for ratio in (None, 8))
    extra = 16 * 2 + 2 + 2 * 16 + 16
    assert attentive.count_params() - plain.count_params() == extra
    assert multiply_adds(attentive) - multiply_adds(plain) == 16 * 2 + 2 * 16
    assert layer_table(attentive)["parameters"].sum() == attentive.count_params()


def test_squeeze_excitation_by_hand():
    layer = SqueezeExcitation(2)
    maps = np.random.default_rng(0).normal(size=(3, 4, 4, 5)).astype("float32")
    layer(maps)
    kernel1, bias1, kernel2, bias2 = (
        np.random.default_rng(i).normal(size=w.shape) for i, w in enumerate(layer.get_weights())
    )
    layer.set_weights([kernel1, bias1, kernel2, bias2])
    hidden = np.maximum(maps.mean(axis=(1, 2)) @ kernel1 + bias1, 0)
    scale = 1 / (1 + np.exp(-(hidden @ kernel2 + bias2)))
    np.testing.assert_allclose(layer(maps), maps * scale[:, None, None, :], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("momentum", [0.9, 0.99])
def test_batch_norm_momentum(momentum):
    model = custom_cnn(**{**OPTIONS, "bn_momentum": momentum})
    images = np.random.default_rng(0).uniform(0, 255, (4, 48, 48, 1)).astype("float32")
    model(images, training=True)
    first = model.get_layer("block1_1_normalisation")
    np.testing.assert_allclose(first.moving_variance, momentum, atol=(1 - momentum) * 0.9)
