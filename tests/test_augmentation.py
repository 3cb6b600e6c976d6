import keras
import numpy as np

from fer_lib.augmentation import AUGMENTATIONS


def test_training_changes_faces_and_inference_does_not(dataset):
    faces = dataset.training.images[:32, ..., None].astype("float32")
    keras.utils.set_random_seed(0)
    augment = AUGMENTATIONS["flip_rotate_15_zoom_15"]()
    np.testing.assert_array_equal(np.asarray(augment(faces, training=False)), faces)
    changed = np.asarray(augment(faces, training=True))
    assert changed.shape == faces.shape and changed.min() >= 0 and changed.max() <= 255
    assert (np.abs(changed - faces).mean(axis=(1, 2, 3)) > 0.5).mean() > 0.9


def test_half_are_mirrored(dataset):
    faces = np.repeat(dataset.training.images[:1, ..., None], 400, axis=0).astype("float32")
    keras.utils.set_random_seed(0)
    changed = np.asarray(AUGMENTATIONS["flip_rotate_15_zoom_15"]()(faces, training=True))
    mirrored = np.abs(changed - faces[:, :, ::-1]).mean(axis=(1, 2, 3)) < np.abs(changed - faces).mean(axis=(1, 2, 3))
    assert 0.4 < mirrored.mean() < 0.6
