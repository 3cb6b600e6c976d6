import keras
import numpy as np
import pytest

from fer_lib.experiments import EXPERIMENTS
from fer_lib.models.complexity import layer_table, multiply_adds
from fer_lib.models.custom_cnn import custom_cnn
from fer_lib.models.layers import SqueezeExcitation
from fer_lib.models.mobilenetv2 import mobilenetv2
from fer_lib.models.registry import build_model


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_raw_pixels_in_logits_out(name):
    network = build_model(EXPERIMENTS[name], dtype_policy="float32", pretrained=False)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1))
    as_bytes, as_floats = (
        np.asarray(network(pixels.astype(dtype))) for dtype in ("uint8", "float32")
    )
    assert as_bytes.shape == (3, 7) and as_bytes.dtype == np.float32
    np.testing.assert_allclose(as_bytes, as_floats, rtol=1e-4, atol=1e-5)
    assert not any(
        "random" in layer.name for layer in network.layers
    )  # augmentation is not part of a network


def test_a_frozen_base_trains_its_head_only_and_keeps_its_statistics():
    network = mobilenetv2(
        weights=None, trainable=False, input_size=48, head_units=16, head_dropout=0.1
    )
    (base,) = (layer for layer in network.layers if isinstance(layer, keras.Model))
    assert len(network.trainable_variables) == 4  # two dense layers, kernel and bias
    before = [w.copy() for w in base.get_weights()]
    network.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    faces = np.random.default_rng(0).integers(0, 256, (8, 48, 48, 1)).astype("float32")
    network.fit(faces, np.eye(7)[np.arange(8) % 7], verbose=0)
    for old, new in zip(before, base.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_fine_tuned_base_is_trainable():
    network = mobilenetv2(
        weights=None, trainable=True, input_size=48, head_units=16, head_dropout=0.1
    )
    assert len(network.trainable_variables) > 100


def test_a_larger_input_costs_its_square():
    small, large = (
        mobilenetv2(weights=None, trainable=True, input_size=side, head_units=16, head_dropout=0.1)
        for side in (48, 96)
    )
    assert small.count_params() == large.count_params()
    assert multiply_adds(large) / multiply_adds(small) == pytest.approx(4, rel=0.25)
    assert np.asarray(large(np.zeros((1, 48, 48, 1), "float32"))).shape == (1, 7)


def test_multiply_adds_by_hand():
    network = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(5, 3, strides=2, padding="same"),  # 4·4 places × 3·3·3·5
            keras.layers.DepthwiseConv2D(3, padding="same"),  # 4·4 × 3·3·5
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(7),  # 5·7
        ]
    )
    assert multiply_adds(network) == 16 * 135 + 16 * 45 + 35


def test_multiply_adds_of_mobilenetv2_as_published():
    """Sandler et al. 2018, table 4: 300 million at 224 pixels, with the classifier's 1.28
    million."""
    network = keras.applications.MobileNetV2(weights=None)
    assert multiply_adds(network) == pytest.approx(300e6, rel=0.01)


def test_layer_table_adds_up():
    network = build_model(EXPERIMENTS["custom_cnn"])
    table = layer_table(network)
    assert table["parameters"].sum() == network.count_params()
    assert table["multiply_adds"].sum() == multiply_adds(network)


def test_squeeze_and_excitation_by_hand():
    layer = SqueezeExcitation(2)
    maps = np.random.default_rng(0).normal(size=(3, 4, 4, 5)).astype("float32")
    layer(maps)
    kernel1, bias1, kernel2, bias2 = (
        np.random.default_rng(i).normal(size=w.shape) for i, w in enumerate(layer.get_weights())
    )
    layer.set_weights([kernel1, bias1, kernel2, bias2])
    hidden = np.maximum(maps.mean(axis=(1, 2)) @ kernel1 + bias1, 0)
    weights = 1 / (1 + np.exp(-(hidden @ kernel2 + bias2)))
    np.testing.assert_allclose(layer(maps), maps * weights[:, None, None, :], rtol=1e-4, atol=1e-5)


def test_attention_is_counted_and_left_out_where_it_is_not_asked_for():
    options = {
        "stem": None,
        "blocks": ((8, 1), (16, 1)),
        "block_dropout": 0.0,
        "head_dropout": 0.4,
        "bn_momentum": 0.9,
    }
    plain, attentive = (custom_cnn(**options, attention=attention) for attention in (None, 8))
    assert (
        attentive.count_params() - plain.count_params() == 16 * 2 + 2 + 2 * 16 + 16
    )  # after the second block alone
    assert multiply_adds(attentive) - multiply_adds(plain) == 16 * 2 + 2 * 16
    assert layer_table(attentive)["parameters"].sum() == attentive.count_params()


def test_pretrained_weights_that_cannot_be_had_are_named(monkeypatch):
    def refuse(*_, weights, **__):
        raise Exception("URL fetch failure")

    base = keras.applications.MobileNetV2(input_shape=(48, 48, 3), include_top=False, weights=None)
    monkeypatch.setattr(
        keras.applications,
        "MobileNetV2",
        lambda **options: refuse(**options) if options["weights"] else base,
    )
    with pytest.raises(
        OSError, match=r"MobileNetV2's imagenet weights are neither .* \(URL fetch failure\)"
    ):
        mobilenetv2("imagenet", trainable=False, input_size=48, head_units=8, head_dropout=0.0)
