"""Layers that Keras does not have."""

import keras
from keras import layers


class SqueezeExcitation(layers.Layer):
    """Channels weighted by what the whole map holds of them (Hu et al. 2018): average, two dense
    layers, a sigmoid.

    Input and output: [batch, h, w, channels].

    Args:
        width: of the first dense layer.
    """

    def __init__(self, width: int, **keywords):
        super().__init__(**keywords)
        self._width = width

    def build(self, input_shape):
        self.squeeze = layers.Dense(self._width, activation="relu", name="squeeze")
        self.excite = layers.Dense(input_shape[-1], activation="sigmoid", name="excite")
        self.squeeze.build((None, input_shape[-1]))
        self.excite.build((None, self._width))

    def call(self, maps):
        return maps * self.excite(self.squeeze(keras.ops.mean(maps, axis=(1, 2))))[:, None, None, :]
