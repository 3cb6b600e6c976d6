"""The networks. Each takes raw grey pixels and returns logits; scaling and colour channels are its
own business.

Contract: input [batch, 48, 48, 1], grey levels 0–255 of any real dtype; output float32 [batch,
classes], in label order.
"""

import keras
import numpy as np
import pandas as pd
from keras import layers

from fer_lib.emotions import EMOTIONS
from fer_lib.formats import SIDE


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


def custom_cnn(
    stem: int | None,
    blocks: tuple[tuple[int, int], ...],
    block_dropout: float,
    head_dropout: float,
    momentum: float,
    attention: int | None = None,
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
        momentum: of batch normalisation's running averages: at 0.99 they lag some 100 steps
            behind, at 0.9 some 10.
        attention: squeeze-and-excitation (Hu et al. 2018) after each block but the first, with
            the widths divided by this; None
            leaves it out.
        classes: how many logits.
    """
    network = keras.Sequential(name="custom_cnn")
    network.add(keras.Input((SIDE, SIDE, 1), name="grey_pixels"))
    network.add(layers.Rescaling(1 / 127.5, offset=-1, name="scale"))

    def convolution(width, size, name, strides=1):
        network.add(
            layers.Conv2D(
                width, size, strides, padding="same", use_bias=False, name=f"{name}_convolution"
            )
        )
        network.add(layers.BatchNormalization(momentum=momentum, name=f"{name}_normalisation"))
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
        if attention is not None and number > 1:
            network.add(SqueezeExcitation(width // attention, name=f"block{number}_attention"))
    network.add(layers.GlobalAveragePooling2D(name="average"))
    network.add(layers.Dropout(head_dropout, name="head_dropout"))
    network.add(layers.Dense(classes, dtype="float32", name="logits"))
    return network


def mobilenetv2(
    weights: str | None,
    trainable: bool,
    input_side: int,
    head_width: int,
    head_dropout: float,
    classes: int = len(EMOTIONS),
) -> keras.Model:
    """MobileNetV2 (Sandler et al. 2018) without its top, and a head of our own.

    Grey becomes three equal channels scaled to −1…1, as the ImageNet weights expect. The head is
    global average
    pooling, dropout, a dense ReLU layer, dropout, and the logits.

    Args:
        weights: `"imagenet"` (Keras's file for 224 pixels, found or downloaded by Keras) or
            None for random initial weights.
        trainable: False freezes the base and runs it in inference mode, batch normalisation
            included.
        input_side: the base sees pictures of this many pixels square, enlarged bilinearly where
            it is not 48.
        head_width: of the dense ReLU layer. head_dropout: share of activations dropped before
            each dense layer.
        classes: how many logits.

    Raises:
        OSError: the weights are not on this machine, and Keras could not download them.
    """
    pixels = keras.Input((SIDE, SIDE, 1), name="grey_pixels")
    base = keras.applications.MobileNetV2(
        input_shape=(input_side, input_side, 3), include_top=False, weights=None, name="mobilenetv2"
    )
    if weights:
        # Of any size: Keras keeps a file for each of some sizes, and experiments are to differ in
        # the size alone.
        try:
            pretrained = keras.applications.MobileNetV2(
                input_shape=(None, None, 3), include_top=False, weights=weights
            )
        except Exception as error:  # Keras's download raises nothing more precise
            raise OSError(
                f"MobileNetV2's {weights} weights are neither on this machine nor could Keras download them ({error})"
            ) from error
        base.set_weights(pretrained.get_weights())
    base.trainable = trainable
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scale")(pixels)
    if input_side != SIDE:
        x = layers.Resizing(input_side, input_side, name="enlarge")(x)
    x = layers.Concatenate(name="three_channels")([x, x, x])
    x = base(x) if trainable else base(x, training=False)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(head_dropout, name="head_dropout")(x)
    x = layers.Dense(head_width, activation="relu", name="head")(x)
    x = layers.Dropout(head_dropout, name="logits_dropout")(x)
    x = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(
        pixels, x, name="mobilenetv2_fine_tuned" if trainable else "mobilenetv2_head_only"
    )


MODELS = {"custom_cnn": custom_cnn, "mobilenetv2": mobilenetv2}


def multiply_adds(layer: keras.layers.Layer) -> int:
    """Return the multiply-adds that one image costs in `layer` (a model: the sum over its layers).

    Counted are convolutions, depthwise convolutions and dense layers; everything else is small
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
    """One row for each layer that has parameters or costs multiply-adds; a pretrained base is one
    row.

    Columns: layer, kind, output (the shape without the batch), parameters, trainable,
    multiply_adds.
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
