"""The custom CNN, and the SE-CNN, which adds squeeze-and-excitation."""

import keras
from keras import layers

from fer_lib.data.labels import EMOTIONS, IMAGE_SIZE


def custom_cnn(
    blocks: tuple[tuple[int, int], ...],
    block_dropout: float,
    head_dropout: float,
    bn_momentum: float,
    se_ratio: int | None = None,
    num_classes: int = len(EMOTIONS),
) -> keras.Model:
    """Build a plain convolutional network that is trained from scratch.

    Each block has 3×3 convolutions, followed by batch normalization and
    ReLU. 2×2 max pooling and dropout separate the blocks. The head is
    global average pooling, dropout and one dense layer.

    Args:
        blocks: (width, depth) of each block: its number of channels and
            its number of convolutions.
        block_dropout: Dropout rate between blocks.
        head_dropout: Dropout rate before the dense layer.
        bn_momentum: Momentum of batch normalization's moving averages.
            At 0.99 they lag about 100 steps behind, at 0.9 about 10.
        se_ratio: Reduction ratio of squeeze-and-excitation (Hu et al.
            2018) after each block but the first. None omits it.
        num_classes: The number of logits.

    Returns:
        A model from gray levels 0–255, [batch, 48, 48, 1], to logits,
        float32 [batch, num_classes].
    """
    model = keras.Sequential(name="custom_cnn")
    model.add(keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="gray_pixels"))
    model.add(layers.Rescaling(1 / 127.5, offset=-1, name="scale"))
    for number, (width, depth) in enumerate(blocks, 1):
        block = f"block{number}"
        if number > 1:
            model.add(layers.MaxPooling2D(name=f"{block}_pooling"))
            model.add(layers.Dropout(block_dropout, name=f"{block}_dropout"))  # small maps: cheap
        for layer in range(1, depth + 1):
            name = f"{block}_{layer}"
            model.add(
                layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}_convolution")
            )
            model.add(layers.BatchNormalization(momentum=bn_momentum, name=f"{name}_normalisation"))
            model.add(layers.ReLU(name=f"{name}_relu"))
        if se_ratio is not None and number > 1:
            model.add(SqueezeExcitation(width // se_ratio, name=f"{block}_attention"))
    model.add(layers.GlobalAveragePooling2D(name="average"))
    model.add(layers.Dropout(head_dropout, name="head_dropout"))
    model.add(layers.Dense(num_classes, dtype="float32", name="logits"))
    return model


class SqueezeExcitation(layers.Layer):
    """Channel attention by squeeze-and-excitation (Hu et al. 2018).

    Two dense layers turn the global averages of the channels into a scale between 0 and 1 for each
    channel: x · σ(W₂ ReLU(W₁ mean(x) + b₁) + b₂).

    Input and output: [batch, height, width, channels].

    Args:
        width: Number of units of the first dense layer.
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
