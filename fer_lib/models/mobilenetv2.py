"""MobileNetV2 with a classification head of our own."""

import keras
from keras import layers

from fer_lib.data.labels import EMOTIONS
from fer_lib.data.readers import IMAGE_SIZE


def mobilenetv2(
    weights: str | None,
    trainable: bool,
    input_size: int,
    head_units: int,
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
        input_size: the base sees pictures of this many pixels square, enlarged bilinearly where
            it is not 48.
        head_units: of the dense ReLU layer. head_dropout: share of activations dropped before
            each dense layer.
        classes: how many logits.

    Raises:
        OSError: the weights are not on this machine, and Keras could not download them.
    """
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="grey_pixels")
    base = keras.applications.MobileNetV2(
        input_shape=(input_size, input_size, 3), include_top=False, weights=None, name="mobilenetv2"
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
    if input_size != IMAGE_SIZE:
        x = layers.Resizing(input_size, input_size, name="enlarge")(x)
    x = layers.Concatenate(name="three_channels")([x, x, x])
    x = base(x) if trainable else base(x, training=False)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(head_dropout, name="head_dropout")(x)
    x = layers.Dense(head_units, activation="relu", name="head")(x)
    x = layers.Dropout(head_dropout, name="logits_dropout")(x)
    x = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(
        pixels, x, name="mobilenetv2_fine_tuned" if trainable else "mobilenetv2_head_only"
    )
