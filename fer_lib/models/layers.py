"""Layers that Keras does not have."""

import keras
from keras import layers


class SqueezeExcitation(layers.Layer):
    """Channel attention: squeeze-and-excitation (Hu et al. 2018).

    Channels are scaled by a sigmoid of two dense layers over their global averages:
    x · σ(W₂ ReLU(W₁ mean(x) + b₁) + b₂). Input and output: [batch, h, w, channels].

    Args:
        width: units of the first dense layer.
    """

    def __init__(self, width: int, **kwargs):
        super().__init__(**kwargs)
        self._width = width

    def build(self, input_shape):
        self.squeeze = layers.Dense(self._width, activation="relu", name="squeeze")
        self.excite = layers.Dense(input_shape[-1], activation="sigmoid", name="excite")
        self.squeeze.build((None, input_shape[-1]))
        self.excite.build((None, self._width))

    def call(self, maps):
        return maps * self.excite(self.squeeze(keras.ops.mean(maps, axis=(1, 2))))[:, None, None, :]
