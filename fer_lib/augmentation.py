"""Augmentations: Keras models that only training applies, so that the networks stay free of random operations."""

import keras
from keras import layers

from fer_lib.data import SIDE


def flip_rotate_zoom() -> keras.Model:
    """The source report's three: a mirror image half of the time, a slight rotation (±10°), zoom (±10 %).

    The report gives the kinds, not the sizes; the sizes are ours. Borders repeat the nearest pixel.
    Input and output: float32 [batch, 48, 48, 1], grey levels 0–255.
    """
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal", dtype="float32"),
            layers.RandomRotation(10 / 360, fill_mode="nearest", dtype="float32"),
            layers.RandomZoom(0.1, fill_mode="nearest", dtype="float32"),
        ],
        name="flip_rotate_zoom",
    )


AUGMENTATIONS = {"flip_rotate_zoom": flip_rotate_zoom}
