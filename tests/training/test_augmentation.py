import keras
import numpy as np
import pytest
from scipy import ndimage

from fer_lib.training.augmentation import (
    AUGMENTATIONS,
    RandomAffine,
    TrainingCrop,
    strong_augment,
)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_training_changes_images_and_inference_does_not(dataset, name):
    images = dataset.training.images[:32, ..., None].astype("float32")
    keras.utils.set_random_seed(0)
    augmentation = AUGMENTATIONS[name]()
    np.testing.assert_array_equal(np.asarray(augmentation(images, training=False)), images)
    augmented = np.asarray(augmentation(images, training=True))
    assert augmented.min() >= 0 and augmented.max() <= 255
    size = 40 if "crop40" in name else 48
    assert augmented.shape == (32, size, size, 1)
    margin = (48 - size) // 2
    center = images[:, margin : 48 - margin, margin : 48 - margin]
    assert (np.abs(augmented - center).mean(axis=(1, 2, 3)) > 0.5).mean() > 0.9


def test_half_of_the_images_are_flipped(dataset):
    images = np.repeat(dataset.training.images[:1, ..., None], 400, axis=0).astype("float32")
    keras.utils.set_random_seed(0)
    augmented = np.asarray(AUGMENTATIONS["flip_rotate_zoom"]()(images, training=True))
    to_flipped, to_image = (
        np.abs(augmented - side).mean(axis=(1, 2, 3)) for side in (images[:, :, ::-1], images)
    )
    assert 0.4 < (to_flipped < to_image).mean() < 0.6


def test_affine_without_ranges_flips_half_of_the_images(dataset):
    images = np.repeat(dataset.training.images[:1, ..., None], 200, axis=0).astype("float32")
    keras.utils.set_random_seed(0)
    augmented = np.asarray(RandomAffine(degrees=0, zoom=1, shift=0)(images, training=True))
    same = [np.allclose(after, images[0], atol=0.01) for after in augmented]
    flipped = [np.allclose(after, images[0, :, ::-1], atol=0.01) for after in augmented]
    assert sum(same) + sum(flipped) == 200 and 70 < sum(same) < 130


@pytest.mark.parametrize(
    ("ranges", "draws", "matrix", "shift"),
    [  # matrix and shift take (row, column) of the output, from the center, to those of the image
        ((90, 1, 0), (1, 1, 0, 0, 0), [[0, 1], [-1, 0]], [0, 0]),  # a quarter turn
        ((0, 2, 0), (1, 0, 1, 0, 0), [[0.5, 0], [0, 0.5]], [0, 0]),  # enlarged twice
        ((0, 1, 5), (1, 0, 0, 1, -0.6), [[1, 0], [0, 1]], [-3, 5]),  # from 5 right and 3 up
        ((90, 2, 5), (-1, 1, -1, 0.2, 0.4), [[0, -2], [-2, 0]], [2, 1]),  # all at once, flipped
    ],
)
def test_affine_agrees_with_scipy(dataset, monkeypatch, ranges, draws, matrix, shift):
    image = dataset.training.images[0].astype("float32")
    monkeypatch.setattr(keras.random, "uniform", lambda *a, **k: np.float32([draws]))
    augmented = np.asarray(RandomAffine(*ranges)(image[None, ..., None], training=True))[0, ..., 0]
    center = np.full(2, 23.5)
    offset = center - np.array(matrix) @ center + shift
    expected = ndimage.affine_transform(image, matrix, offset, order=1, mode="nearest")
    np.testing.assert_allclose(augmented, expected, atol=0.1)


def test_random_erasing_of_a_quarter_of_the_images(dataset):
    keras.utils.set_random_seed(0)
    images = dataset.training.images[:256, ..., None].astype("float32")
    augmented = np.asarray(AUGMENTATIONS["strong_augment"]()(images, training=True))
    erased = (augmented == 127.5).mean(axis=(1, 2, 3))
    assert 0.17 < (erased > 0.015).mean() < 0.33 and erased.max() < 0.25


def test_training_crop_keeps_the_center():
    rows, columns = np.mgrid[:48, :48].astype("float32")
    image = (100 * rows + columns)[None, ..., None]
    cropped = np.asarray(TrainingCrop(40)(image, training=True))
    assert (cropped[0, 0, 0, 0], cropped[0, -1, -1, 0]) == (404, 4343)


def test_strong_augmentation_raises_contrast_and_changes_brightness_by_thirty_percent():
    halves = np.full((600, 48, 48, 1), 100, "float32")
    halves[:, 24:] = 156
    keras.utils.set_random_seed(0)
    augmented = np.asarray(strong_augment(erasing=0.0)(halves, training=True))
    dark, light = augmented.min(axis=(1, 2, 3)), augmented.max(axis=(1, 2, 3))
    contrast = (light - dark) / 56
    assert 1 <= contrast.min() < 1.03 and 1.27 < contrast.max() <= 1.3
    # Contrast is changed about the mean of the whole image, brightness by a sum of its own.
    brightness = augmented.mean(axis=(1, 2, 3)) - 128
    assert 0.8 * 76.5 < np.abs(brightness).max() < 76.5 + 28 and abs(brightness.mean()) < 8
