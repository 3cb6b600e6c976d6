"""Augmentations: Keras models that only training applies, so that the networks stay free of random operations."""

from functools import partial

import keras
from keras import layers


def flip_rotate_zoom(degrees: float, zoom: float) -> keras.Model:
    """The source report's three: a mirror image half of the time, a slight rotation, a slight zoom.

    The report gives the kinds, not the sizes; the sizes are ours. Borders repeat the nearest pixel.
    Input and output: float32 [batch, 48, 48, 1], grey levels 0–255.

    Args:
        degrees: the largest rotation either way.
        zoom: the largest zoom in or out, a share of the side.
    """
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal", dtype="float32"),
            layers.RandomRotation(degrees / 360, fill_mode="nearest", dtype="float32"),
            layers.RandomZoom(zoom, fill_mode="nearest", dtype="float32"),
        ],
        name="flip_rotate_zoom",
    )


AUGMENTATIONS = {
    "flip_rotate_10_zoom_10": partial(flip_rotate_zoom, degrees=10, zoom=0.10),
    "flip_rotate_15_zoom_15": partial(flip_rotate_zoom, degrees=15, zoom=0.15),
}
