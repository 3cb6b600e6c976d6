import keras
import pytest

from fer_lib.experiments import EXPERIMENTS
from fer_lib.models.complexity import layer_table, multiply_adds
from fer_lib.models.registry import build_model


def test_multiply_adds_by_hand():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(5, 3, strides=2, padding="same"),  # 4·4 positions × 3·3·3·5
            keras.layers.DepthwiseConv2D(3, padding="same"),  # 4·4 × 3·3·5
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(7),  # 5·7
        ]
    )
    assert multiply_adds(model) == 16 * 135 + 16 * 45 + 35


def test_multiply_adds_of_mobilenetv2_as_published():
    """Sandler et al. 2018, table 4: 300 million at 224 pixels, with the classifier's 1.28
    million."""
    model = keras.applications.MobileNetV2(weights=None)
    assert multiply_adds(model) == pytest.approx(300e6, rel=0.01)


def test_layer_table_sums_to_the_model():
    model = build_model(EXPERIMENTS["custom_cnn"])
    table = layer_table(model)
    assert table["parameters"].sum() == model.count_params()
    assert table["multiply_adds"].sum() == multiply_adds(model)
    statistics = 2 * (32 + 64 + 2 * 128 + 3 * 256)  # moving mean and variance
    assert table["trainable"].sum() == model.count_params() - statistics
