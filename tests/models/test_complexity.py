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


def test_layer_table_describes_each_layer():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Conv2D(5, 3, padding="same"),
            keras.layers.MaxPooling2D(),
            keras.layers.Dropout(0.0),
            keras.layers.Dropout(0.25),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(6, activation="relu"),
            keras.layers.Dense(7),
        ]
    )
    table = layer_table(model)
    assert table["operation"].tolist() == [
        "scaling of 0…255 to −1…1",
        "3×3 convolution",
        "2×2 max pooling",
        "",
        "dropout 0.25",
        "global average pooling",
        "dense, 6, ReLU",
        "dense, 7",
    ]
    assert table.loc[2, ["input", "output"]].tolist() == ["8×8×5", "4×4×5"]
    assert table["convolutions"].tolist() == [0, 1, 0, 0, 0, 0, 0, 0]


def test_layer_table_has_one_row_for_a_frozen_backbone():
    table = layer_table(build_model(EXPERIMENTS["mobilenetv2_head_only"], pretrained=False))
    row = table.set_index("layer").loc["mobilenetv2"]
    # 17 inverted residual blocks have 3 convolutions each but the first, 2; and the first and last.
    assert row["convolutions"] == 16 * 3 + 2 + 2
    assert row["trainable"] == 0 < row["parameters"] and row["output"] == "2×2×1280"
