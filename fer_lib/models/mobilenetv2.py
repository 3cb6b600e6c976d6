"""MobileNetV2 with a new classification head."""

import os
from pathlib import Path

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
    """Build MobileNetV2 (Sandler et al. 2018) with a new head.

    The gray image is repeated to three channels and scaled to −1…1, as
    the ImageNet weights expect. The head is global average pooling,
    dropout, a dense layer with ReLU, dropout, and the logits.

    Args:
        weights: `"imagenet"` for Keras's weights for 224 pixels, which
            Keras finds or downloads; None for random weights.
        trainable: Whether the backbone is trained. If False, it is frozen
            and runs in inference mode, batch normalization included.
        input_size: Height and width of the backbone's input in pixels.
            Images are resized bilinearly unless it is 48.
        head_units: Number of units of the dense layer with ReLU.
        head_dropout: Dropout rate before each dense layer.
        num_classes: The number of logits.

    Returns:
        A model from gray levels 0–255, [batch, 48, 48, 1], to logits,
        float32 [batch, num_classes].

    Raises:
        OSError: If the weights are not on this machine and cannot be
            downloaded.
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
    # Keras has weights for several input sizes. All experiments use those for 224 pixels, so that
    # two experiments can differ in the input size alone.
    try:
        model = keras.applications.MobileNetV2(
            input_shape=(224, 224, 3), include_top=False, weights=name
        )
    except Exception as error:  # Keras's download raises nothing more precise
        if file := _downloaded():
            raise OSError(
                f"{file}: MobileNetV2's {name} weights as Keras downloaded them are damaged "
                f"({error}); remove the file, and Keras downloads it again"
            ) from error
        raise OSError(
            f"MobileNetV2's {name} weights are neither on this machine nor could Keras download "
            f"them ({error})"
        ) from error
    return model.get_weights()


def _downloaded() -> Path | None:
    """The file of ImageNet weights that Keras downloaded; None if there is none."""
    folder = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"
    return next(folder.glob("mobilenet_v2_weights_*_1.0_224_no_top.h5"), None)
