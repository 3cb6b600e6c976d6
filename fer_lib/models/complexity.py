"""Parameters and multiply-adds of a model, layer by layer."""

import keras
import numpy as np
import pandas as pd
from keras import layers

from fer_lib.models.custom_cnn import SqueezeExcitation


def multiply_adds(layer: keras.layers.Layer) -> int:
    """Return the multiply-adds that one image costs in a layer (a model: the sum over its layers).

    Convolutions, depthwise convolutions and dense layers are counted. All other operations are
    neglected.

    Args:
        layer: A built layer, or a model.
    """
    if isinstance(layer, keras.Model):
        return sum(multiply_adds(inner) for inner in layer.layers)
    if isinstance(layer, SqueezeExcitation):
        return int(np.prod(layer.squeeze.kernel.shape) + np.prod(layer.excite.kernel.shape))
    if isinstance(layer, layers.Dense | layers.Conv2D | layers.DepthwiseConv2D):
        positions = np.prod(layer.output.shape[1:-1], dtype=int)
        return int(positions * np.prod(layer.kernel.shape))
    return 0


def layer_table(model: keras.Model) -> pd.DataFrame:
    """Tabulate the layers of a model in their order.

    Args:
        model: A functional or sequential model.

    Returns:
        One row per layer, where a pretrained backbone is one row: `layer`, `kind` (its class),
        `operation`, a description such as `3×3 convolution`, empty for a layer that does nothing;
        `input` and `output`, their shapes without the batch; `convolutions`, ordinary and
        depthwise; `parameters`; `trainable`, the parameters that are trained; `multiply_adds`.
    """
    rows = [
        {
            "layer": layer.name,
            "kind": type(layer).__name__,
            "operation": _operation(layer),
            "input": _shape(layer.input),
            "output": _shape(layer.output),
            "convolutions": _convolutions(layer),
            "parameters": layer.count_params(),
            "trainable": sum(int(np.prod(v.shape)) for v in layer.trainable_variables),
            "multiply_adds": multiply_adds(layer),
        }
        for layer in model.layers
        if not isinstance(layer, layers.InputLayer)
    ]
    return pd.DataFrame(rows)


def _shape(tensors) -> str:
    first = tensors[0] if isinstance(tensors, list) else tensors
    return "×".join(str(size) for size in first.shape[1:])


def _convolutions(layer: keras.layers.Layer) -> int:
    if isinstance(layer, keras.Model):
        return sum(_convolutions(inner) for inner in layer.layers)
    return int(isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D))


def _operation(layer: keras.layers.Layer) -> str:
    if isinstance(layer, keras.Model):
        return f"{len(layer.layers)} layers"
    if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
        kind = "convolution" if isinstance(layer, layers.Conv2D) else "depthwise convolution"
        return f"{'×'.join(map(str, layer.kernel_size))} {kind}"
    if isinstance(layer, layers.MaxPooling2D):
        return f"{'×'.join(map(str, layer.pool_size))} max pooling"
    if isinstance(layer, layers.Dense):
        activation = layer.activation.__name__
        return f"dense, {layer.units}" + {"linear": "", "relu": ", ReLU"}.get(
            activation, f", {activation}"
        )
    if isinstance(layer, layers.Dropout):
        return f"dropout {layer.rate:g}" if layer.rate else ""
    if isinstance(layer, layers.Rescaling):
        low, high = layer.offset, 255 * layer.scale + layer.offset
        return f"scaling of 0…255 to {low:g}…{high:g}".replace("-", "\N{MINUS SIGN}")
    if isinstance(layer, layers.Concatenate):
        return f"{layer.output.shape[-1]} equal channels"
    return _NAMES.get(type(layer), type(layer).__name__)


_NAMES = {
    layers.BatchNormalization: "batch norm",
    layers.GlobalAveragePooling2D: "global average pooling",
    layers.ReLU: "ReLU",
    layers.Resizing: "bilinear resizing",
    SqueezeExcitation: "squeeze-and-excitation",
}
