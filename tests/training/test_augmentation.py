import keras
import numpy as np
import pytest
from scipy import ndimage

from fer_lib.training.augmentation import AUGMENTATIONS, RandomAffine


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_training_changes_faces_and_inference_does_not(dataset, name):
    faces = dataset.training.images[:32, ..., None].astype("float32")
    keras.utils.set_random_seed(0)
    augment = AUGMENTATIONS[name]()
    np.testing.assert_array_equal(np.asarray(augment(faces, training=False)), faces)
    changed = np.asarray(augment(faces, training=True))
    assert changed.min() >= 0 and changed.max() <= 255
    cut = (48 - changed.shape[1]) // 2  # 0, or what the crop leaves out on each side
    assert changed.shape[1] == changed.shape[2] == (40 if "crop_40" in name else 48)
    faces = faces[:, cut : 48 - cut, cut : 48 - cut]
    assert (np.abs(changed - faces).mean(axis=(1, 2, 3)) > 0.5).mean() > 0.9


def test_half_are_mirrored(dataset):
    faces = np.repeat(dataset.training.images[:1, ..., None], 400, axis=0).astype("float32")
    keras.utils.set_random_seed(0)
    changed = np.asarray(AUGMENTATIONS["flip_rotate_zoom"]()(faces, training=True))
    mirrored = np.abs(changed - faces[:, :, ::-1]).mean(axis=(1, 2, 3)) < np.abs(
        changed - faces
    ).mean(axis=(1, 2, 3))
    assert 0.4 < mirrored.mean() < 0.6


def test_an_affine_layer_without_ranges_changes_nothing_but_mirrors_half(dataset):
    faces = np.repeat(dataset.training.images[:1, ..., None], 200, axis=0).astype("float32")
    keras.utils.set_random_seed(0)
    changed = np.asarray(RandomAffine(degrees=0, zoom=1, shift=0)(faces, training=True))
    same = [np.allclose(after, faces[0], atol=0.01) for after in changed]
    mirrored = [np.allclose(after, faces[0, :, ::-1], atol=0.01) for after in changed]
    assert sum(same) + sum(mirrored) == 200 and 70 < sum(same) < 130


@pytest.mark.parametrize(
    ("ranges", "draws", "matrix", "shift"),
    [  # matrix and shift take (row, column) of the result, from the centre, to those of the image
        ((90, 1, 0), (1, 1, 0, 0, 0), [[0, 1], [-1, 0]], [0, 0]),  # a quarter turn
        ((0, 2, 0), (1, 0, 1, 0, 0), [[0.5, 0], [0, 0.5]], [0, 0]),  # enlarged twice
        (
            (0, 1, 5),
            (1, 0, 0, 1, -0.6),
            [[1, 0], [0, 1]],
            [-3, 5],
        ),  # taken from 5 columns to the right and 3 rows up
        ((90, 2, 5), (-1, 1, -1, 0.2, 0.4), [[0, -2], [-2, 0]], [2, 1]),  # all at once, mirrored
    ],
)
def test_an_affine_layer_agrees_with_scipy(dataset, monkeypatch, ranges, draws, matrix, shift):
    image = dataset.training.images[0].astype("float32")
    monkeypatch.setattr(keras.random, "uniform", lambda *a, **k: np.float32([draws]))
    changed = np.asarray(RandomAffine(*ranges)(image[None, ..., None], training=True))[0, ..., 0]
    centre = np.full(2, 23.5)
    offset = centre - np.array(matrix) @ centre + shift
    expected = ndimage.affine_transform(image, matrix, offset, order=1, mode="nearest")
    np.testing.assert_allclose(changed, expected, atol=0.1)


def test_strong_augmentation_erases_a_patch_of_some(dataset):
    keras.utils.set_random_seed(0)
    changed = AUGMENTATIONS["strong_augment"]()(
        dataset.training.images[:256, ..., None].astype("float32"), training=True
    )
    erased = (np.asarray(changed) == 127.5).mean(axis=(1, 2, 3))
    assert 0.17 < (erased > 0.015).mean() < 0.33 and erased.max() < 0.25
