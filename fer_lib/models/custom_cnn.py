"""The custom CNN, and with squeeze-and-excitation the SE-CNN."""

import keras
from keras import layers

from fer_lib.data.labels import EMOTIONS
from fer_lib.data.readers import IMAGE_SIZE
from fer_lib.models.layers import SqueezeExcitation


def custom_cnn(
    blocks: tuple[tuple[int, int], ...],
    block_dropout: float,
    head_dropout: float,
    bn_momentum: float,
    stem: int | None = None,
    se_ratio: int | None = None,
    classes: int = len(EMOTIONS),
) -> keras.Model:
    """A plain convolutional network, trained from scratch.

    Blocks of (width, depth) 3×3 convolutions, each convolution followed by batch normalisation and
    ReLU; blocks are
    separated by 2×2 max pooling and dropout; then global average pooling, dropout, and one dense
    layer.

    Args:
        stem: filters of a 5×5 convolution of stride 2 before the first block; None leaves it out.
        blocks: (width, depth) of each block.
        block_dropout, head_dropout: shares of activations dropped between blocks, and before
            the dense layer.
        bn_momentum: of batch normalisation's running averages: at 0.99 they lag some 100 steps
            behind, at 0.9 some 10.
        se_ratio: squeeze-and-excitation (Hu et al. 2018) after each block but the first, with
            the widths divided by this; None
            leaves it out.
        classes: how many logits.
    """
    network = keras.Sequential(name="custom_cnn")
    network.add(keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="grey_pixels"))
    network.add(layers.Rescaling(1 / 127.5, offset=-1, name="scale"))

    def convolution(width, size, name, strides=1):
        network.add(
            layers.Conv2D(
                width, size, strides, padding="same", use_bias=False, name=f"{name}_convolution"
            )
        )
        network.add(layers.BatchNormalization(momentum=bn_momentum, name=f"{name}_normalisation"))
        network.add(layers.ReLU(name=f"{name}_relu"))

    if stem is not None:
        convolution(stem, 5, "stem", strides=2)
    for number, (width, depth) in enumerate(blocks, 1):
        if number > 1:
            network.add(layers.MaxPooling2D(name=f"block{number}_pooling"))
            network.add(
                layers.Dropout(block_dropout, name=f"block{number}_dropout")
            )  # here it is cheap
        for layer in range(1, depth + 1):
            convolution(width, 3, f"block{number}_{layer}")
        if se_ratio is not None and number > 1:
            network.add(SqueezeExcitation(width // se_ratio, name=f"block{number}_attention"))
    network.add(layers.GlobalAveragePooling2D(name="average"))
    network.add(layers.Dropout(head_dropout, name="head_dropout"))
    network.add(layers.Dense(classes, dtype="float32", name="logits"))
    return network
