"""Data augmentation as Keras models, which only training applies.

The models of the registry therefore have no random operations but dropout.
"""

import math
from functools import partial

import keras
from keras import layers, ops

from fer_lib.data.labels import IMAGE_SIZE


class RandomAffine(layers.Layer):
    """Random horizontal flip, rotation, zoom and shift in one bilinear resampling.

    One resampling is faster than a Keras layer for each operation, and blurs only once. Each image
    has its own uniform draws. Pixels outside the image repeat its border. In inference, images are
    returned unchanged.

    Input and output: float32 [batch, height, width, channels].

    Args:
        degrees: The largest rotation in either direction.
        zoom: The largest enlargement factor. The smallest is its inverse, and the logarithm of the
            factor is uniform.
        shift: The largest shift along each axis, in pixels.
    """

    def __init__(self, degrees: float, zoom: float, shift: float, **kwargs):
        super().__init__(**kwargs)
        self._angle, self._log_zoom, self._shift = math.radians(degrees), math.log(zoom), shift
        self._seeds = keras.random.SeedGenerator()

    def call(self, images, training=False):
        if not training:
            return images
        draws = keras.random.uniform((ops.shape(images)[0], 5), -1, 1, seed=self._seeds)
        flip = ops.where(draws[:, 0] < 0, -1.0, 1.0)
        angle, scale = draws[:, 1] * self._angle, ops.exp(-draws[:, 2] * self._log_zoom)
        # The matrix maps each output pixel to the position it is read from: flipped, scaled and
        # rotated about the center, then shifted.
        a, b = scale * ops.cos(angle) * flip, -scale * ops.sin(angle)
        d, e = scale * ops.sin(angle) * flip, scale * ops.cos(angle)
        y, x = ((size - 1) / 2 for size in images.shape[1:3])
        c = x - a * x - b * y + draws[:, 3] * self._shift
        f = y - d * x - e * y + draws[:, 4] * self._shift
        zero = ops.zeros_like(a)
        transforms = ops.stack([a, b, c, d, e, f, zero, zero], axis=1)
        return ops.image.affine_transform(
            images, transforms, interpolation="bilinear", fill_mode="nearest"
        )


class TrainingCrop(layers.Layer):
    """Center crop in training; the whole image in inference.

    Args:
        size: Height and width of the crop in pixels, even like those of the images.
    """

    def __init__(self, size: int, **kwargs):
        super().__init__(**kwargs)
        self._size = size

    def call(self, images, training=False):
        if not training:
            return images
        top, left = ((size - self._size) // 2 for size in images.shape[1:3])
        return images[:, top : top + self._size, left : left + self._size]


def flip_rotate_zoom(degrees: float = 15, zoom: float = 0.15) -> keras.Model:
    """Horizontal flip, slight rotation and slight zoom.

    The source report names these three but not their ranges. Pixels
    outside the image repeat its border.

    Args:
        degrees: The largest rotation in either direction.
        zoom: The largest zoom in or out, a fraction of the image's side.

    Returns:
        A model from and to images, float32 [batch, 48, 48, 1], gray levels
        0–255.
    """
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal", dtype="float32"),
            layers.RandomRotation(degrees / 360, fill_mode="nearest", dtype="float32"),
            layers.RandomZoom(zoom, fill_mode="nearest", dtype="float32"),
        ],
        name="flip_rotate_zoom",
    )


def strong_augment(crop_size: int = IMAGE_SIZE, erasing: float = 0.5) -> keras.Model:
    """Geometric and photometric augmentation, with random erasing.

    Flip, rotation by ±12°, zoom by 0.87–1.15, shifts by ±5 pixels, a center crop, contrast raised
    by up to 30 %, brightness changed by ±30 % of the range, and random erasing (Zhong et al. 2020).

    Args:
        crop_size: Height and width of the center crop in training, in pixels. A model with global
            average pooling takes any size, and a step at 40 pixels costs a third less (Touvron et
            al. 2019 train at smaller sizes than they test).
        erasing: The largest probability of random erasing, which turns a patch gray. Keras draws
            the probability of each image between 0 and this, so half as many images are erased.

    Returns:
        A model from images, float32 [batch, 48, 48, 1], gray levels 0–255, to crops, float32
        [batch, crop_size, crop_size, 1]; in inference the images are returned unchanged.
    """
    gray = {"value_range": (0, 255), "dtype": "float32"}
    steps = [
        RandomAffine(degrees=12, zoom=1.15, shift=5, dtype="float32"),
        TrainingCrop(crop_size, dtype="float32"),
        layers.RandomContrast((0.0, 0.3), **gray),  # what Keras makes of a factor of 0.3
        layers.RandomBrightness(0.3, **gray),
    ]
    if erasing:
        steps.append(layers.RandomErasing(erasing, scale=(0.02, 0.2), fill_value=127.5, **gray))
    return keras.Sequential(steps, name="strong_augment")


AUGMENTATIONS = {
    "flip_rotate_zoom": flip_rotate_zoom,
    "strong_augment": strong_augment,
    "strong_augment_crop40": partial(strong_augment, crop_size=40),
    "strong_augment_crop40_no_erasing": partial(strong_augment, crop_size=40, erasing=0.0),
}
