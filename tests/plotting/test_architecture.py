import matplotlib

matplotlib.use("Agg")

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fer_lib.plotting.architecture import Block, architecture, blocks


def table(*rows):
    """A table of layers: (kind, operation, output, parameters, trainable)."""
    columns = ["kind", "operation", "output", "parameters", "trainable"]
    return pd.DataFrame(rows, columns=columns).assign(layer="mobilenetv2", convolutions=52)


@pytest.fixture
def cnn():
    convolution = (
        ("Conv2D", "3×3 convolution", "8×8×4", 36, 36),
        ("BatchNormalization", "batch norm", "8×8×4", 16, 8),
        ("ReLU", "ReLU", "8×8×4", 0, 0),
    )
    return table(
        ("Rescaling", "scaling", "8×8×1", 0, 0),
        *convolution,
        ("MaxPooling2D", "2×2 max pooling", "4×4×4", 0, 0),
        ("Dropout", "", "4×4×4", 0, 0),
        *convolution,
        *convolution,
        ("GlobalAveragePooling2D", "global average pooling", "4", 0, 0),
        ("Dense", "dense, 7", "7", 35, 35),
    )


@pytest.fixture
def frozen():
    return table(
        ("Concatenate", "3 equal channels", "48×48×3", 0, 0),
        ("Functional", "154 layers", "2×2×1280", 1000, 0),
        ("GlobalAveragePooling2D", "global average pooling", "1280", 0, 0),
        ("Dense", "dense, 7", "7", 70, 70),
    )


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_pooling_and_the_head_begin_a_block_and_equal_operations_are_counted(cnn):
    convolution = "3×3 convolution, batch norm, ReLU"
    assert blocks(cnn) == [
        Block("Input", ("scaling",), "8×8×1", 0, 0),
        Block("Block 1", (convolution,), "8×8×4", 52, 44),
        Block("Block 2", ("2×2 max pooling", f"2 × ({convolution})"), "8×8×4", 104, 88),
        Block("Head", ("global average pooling", "dense, 7"), "7 logits", 35, 35),
    ]


def test_a_nested_model_is_the_backbone(frozen):
    assert blocks(frozen)[1] == Block(
        "Backbone", ("mobilenetv2: 154 layers, 52 of them convolutions",), "2×2×1280", 1000, 0
    )


def test_a_diagram_has_a_box_per_block_with_its_shape_and_parameters(cnn):
    figure = architecture(cnn)
    assert len(figure.axes[0].patches) == 4
    shown = texts(figure)
    assert "Block 2" in shown and "104 parameters" in shown and "7 logits" in shown
    assert "0 parameters" not in shown


def test_a_frozen_backbone_is_marked_and_colored_otherwise(frozen):
    figure = architecture(frozen)
    assert "Backbone (frozen)" in texts(figure) and "Head (frozen)" not in texts(figure)
    colors = [patch.get_facecolor() for patch in figure.axes[0].patches]
    assert len(set(colors)) == 3  # the input has no parameters, the head's are trained


def test_no_text_crosses_another_or_leaves_the_figure(cnn, frozen):
    for layers in (cnn, frozen):
        figure = architecture(layers)
        renderer = FigureCanvasAgg(figure).get_renderer()
        extents = [t.get_window_extent(renderer) for t in figure.axes[0].texts if t.get_text()]
        for index, extent in enumerate(extents):
            assert figure.bbox.containsx(extent.x0) and figure.bbox.containsx(extent.x1)
            assert not any(extent.overlaps(other) for other in extents[index + 1 :])
