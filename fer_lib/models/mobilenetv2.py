"""MobileNetV2 with a classification head of our own."""

import keras
from keras import layers

from fer_lib.data.labels import EMOTIONS, IMAGE_SIZE


def mobilenetv2(
    weights: str | None,
    trainable: bool,
    input_size: int,
    head_units: int,
    head_dropout: float,
    num_classes: int = len(EMOTIONS),
) -> keras.Model:
    """MobileNetV2 (Sandler et al. 2018) without its top, and a head of our own.

    Gray becomes three equal channels scaled to −1…1, as the ImageNet weights expect. The head is
    global average pooling, dropout, a dense ReLU layer, dropout, and the logits.

    Args:
        weights: `"imagenet"` (Keras's file for 224 pixels, found or downloaded by Keras) or None
            for random initial weights.
        trainable: False freezes the base and runs it in inference mode, batch normalization
            included.
        input_size: height and width of the base's input in pixels; images are enlarged bilinearly
            where it is not 48.
        head_units: of the dense ReLU layer.
        head_dropout: share of activations dropped before each dense layer.
        num_classes: the number of logits.

    Raises:
        OSError: the weights are not on this machine, and Keras could not download them.
    """
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="gray_pixels")
    base = keras.applications.MobileNetV2(
        input_shape=(input_size, input_size, 3), include_top=False, weights=None, name="mobilenetv2"
    )
    if weights:
        base.set_weights(_pretrained_weights(weights))
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
    x = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(
        pixels, x, name="mobilenetv2_fine_tuned" if trainable else "mobilenetv2_head_only"
    )


def _pretrained_weights(name: str) -> list:
    # Keras has a file for each of some input sizes. Every experiment takes the one for 224 pixels,
    # so that experiments may differ in the input size alone.
    try:
        model = keras.applications.MobileNetV2(
            input_shape=(224, 224, 3), include_top=False, weights=name
        )
    except Exception as error:  # Keras's download raises nothing more precise
        raise OSError(
            f"MobileNetV2's {name} weights are neither on this machine nor could Keras download "
            f"them ({error})"
        ) from error
    return model.get_weights()
