"""Parameters and multiply-adds of a model, layer by layer."""

import keras
import numpy as np
import pandas as pd
from keras import layers

from fer_lib.models.custom_cnn import SqueezeExcitation


def multiply_adds(layer: keras.layers.Layer) -> int:
    """Return the multiply-adds that one image costs in `layer` (a model: the sum over its layers).

    Convolutions, depthwise convolutions and dense layers are counted; everything else is small
    beside them.
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
    """Tabulate the layers that have parameters or cost multiply-adds.

    Returns:
        One row per layer, where a pretrained base is one row: `layer`, `kind`, `output` (its shape
        without the batch), `parameters`, `trainable` (parameters that are trained),
        `multiply_adds`.
    """
    rows = [
        {
            "layer": layer.name,
            "kind": type(layer).__name__,
            "output": "×".join(str(size) for size in layer.output.shape[1:]),
            "parameters": layer.count_params(),
            "trainable": sum(int(np.prod(v.shape)) for v in layer.trainable_variables),
            "multiply_adds": multiply_adds(layer),
        }
        for layer in model.layers
        if layer.count_params()
    ]
    return pd.DataFrame(rows)
