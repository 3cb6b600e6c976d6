"""Augmentations: Keras models that only training applies, so that the networks stay free of random
operations."""

import math
from functools import partial

import keras
from keras import layers, ops

from fer_lib.data.readers import IMAGE_SIZE


class RandomAffine(layers.Layer):
    """A mirror image half of the time, a rotation, a zoom and a shift, in one resampling; borders
    repeat the nearest pixel.

    In place of one Keras layer for each: interpolating once is quicker, and blurs once. Each image
    has its own draws, uniform in
    the ranges given; in inference nothing is changed. Input and output: float32 [batch, h, w, c].

    Args:
        degrees: the largest rotation either way.
        zoom: the largest factor of enlargement; the smallest is its inverse, and the factor's
            logarithm is uniform.
        shift: the largest shift in each direction, pixels.
    """

    def __init__(self, degrees: float, zoom: float, shift: float, **keywords):
        super().__init__(**keywords)
        self._angle, self._zoom, self._shift = math.radians(degrees), math.log(zoom), shift
        self._seeds = keras.random.SeedGenerator()

    def call(self, images, training=False):
        if not training:
            return images
        draws = keras.random.uniform((ops.shape(images)[0], 5), -1, 1, seed=self._seeds)
        mirror = ops.where(draws[:, 0] < 0, -1.0, 1.0)
        angle, scale = draws[:, 1] * self._angle, ops.exp(-draws[:, 2] * self._zoom)
        # Where each pixel of the result is taken from: about the centre, turned, scaled, mirrored,
        # then shifted.
        a, b = scale * ops.cos(angle) * mirror, -scale * ops.sin(angle)
        d, e = scale * ops.sin(angle) * mirror, scale * ops.cos(angle)
        y, x = ((size - 1) / 2 for size in images.shape[1:3])
        c = x - a * x - b * y + draws[:, 3] * self._shift
        f = y - d * x - e * y + draws[:, 4] * self._shift
        zero = ops.zeros_like(a)
        transforms = ops.stack([a, b, c, d, e, f, zero, zero], axis=1)
        return ops.image.affine_transform(
            images, transforms, interpolation="bilinear", fill_mode="nearest"
        )


class TrainingCrop(layers.Layer):
    """The middle of each picture in training, and the whole of it in inference.

    Args:
        side: of the square, pixels; even, as the pictures' sides are.
    """

    def __init__(self, side: int, **keywords):
        super().__init__(**keywords)
        self._side = side

    def call(self, images, training=False):
        if not training:
            return images
        top, left = ((size - self._side) // 2 for size in images.shape[1:3])
        return images[:, top : top + self._side, left : left + self._side]


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


def strong_augment(side: int = IMAGE_SIZE, erasing: float = 0.5) -> keras.Model:
    """More of everything: mirror, ±12°, zoom 0.87–1.15, shifts of 5 pixels, contrast and brightness
    ±30 %, an erased patch.

    Input: float32 [batch, 48, 48, 1], grey levels 0–255; output likewise, [batch, side, side, 1].

    Args:
        side: training sees so many pixels square of the middle, after the shift; inference sees
            the whole picture. A network
            that averages its last map takes any size, and at 40 a step costs a third less (training
            smaller than testing: Touvron
            et al. 2019).
        erasing: a patch turns grey with a probability that Keras draws for each picture between
            0 and this, so in half as many
            pictures on average (Zhong et al. 2020).
    """
    steps = [
        RandomAffine(degrees=12, zoom=1.15, shift=5, dtype="float32"),
        layers.RandomContrast(0.3, value_range=(0, 255), dtype="float32"),
        layers.RandomBrightness(0.3, value_range=(0, 255), dtype="float32"),
    ]
    if side != IMAGE_SIZE:
        steps.insert(1, TrainingCrop(side, dtype="float32"))
    if erasing:
        steps.append(
            layers.RandomErasing(
                erasing, scale=(0.02, 0.2), fill_value=127.5, value_range=(0, 255), dtype="float32"
            )
        )
    return keras.Sequential(steps, name="strong_augment")


AUGMENTATIONS = {
    "flip_rotate_10_zoom_10": partial(flip_rotate_zoom, degrees=10, zoom=0.10),
    "flip_rotate_zoom": partial(flip_rotate_zoom, degrees=15, zoom=0.15),
    "strong_augment": strong_augment,
    "strong_augment_crop40": partial(strong_augment, side=40),
    "strong_augment_crop40_no_erasing": partial(strong_augment, side=40, erasing=0.0),
}
