import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import ndimage

from fer_lib.analysis.corruptions import CORRUPTIONS, SEVERITIES, corrupt


@pytest.fixture(scope="module")
def images(dataset):
    """The first twelve images of PrivateTest."""
    return dataset.private_test.images[:12]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_severity_changes_more_than_the_one_before(images, name):
    corrupted = [corrupt(images, name, severity) for severity in SEVERITIES]
    assert all(each.dtype == np.uint8 and each.shape == images.shape for each in corrupted)
    distances = [np.abs(each.astype(float) - images).mean() for each in corrupted]
    assert distances[0] > 0
    assert all(np.diff(distances) > 0)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_image_depends_on_itself_and_its_position_only(images, name):
    np.testing.assert_array_equal(corrupt(images[:5], name, 3), corrupt(images, name, 3)[:5])


def test_the_name_seeds_the_draws():
    image = np.tile(np.arange(48, dtype=np.uint8) * 5, (1, 48, 1))
    random = np.random.RandomState([696031473, 0])  # the CRC-32 of "rotation", and the position
    angle = 22 * random.choice([-1, 1])
    expected = ndimage.rotate(image[0].astype(float), angle, reshape=False, order=1, mode="nearest")
    np.testing.assert_array_equal(corrupt(image, "rotation", 3)[0], np.round(expected))


def test_corruptions_by_hand():
    image = np.full((1, 48, 48), 100, np.uint8)
    image[0, :, 24:] = 200
    assert np.unique(corrupt(image, "contrast", 2)).tolist() == [125, 175]
    assert np.unique(corrupt(image, "brightness", 1)).tolist() in ([75, 175], [125, 225])
    occluded = corrupt(image, "eyes covered", 2)[0]
    assert (occluded[14:22] == 127).all()
    np.testing.assert_array_equal(occluded[:14], image[0, :14])
    np.testing.assert_array_equal(occluded[22:], image[0, 22:])
    noise = corrupt(image, "noise", 2).astype(float) - image
    assert noise.std() == pytest.approx(16, rel=0.05)


def test_blur_agrees_with_pillow(images):
    blurred = corrupt(images[:1], "blur", 4)[0].astype(float)
    # Pillow approximates a Gaussian by box blurs.
    expected = np.asarray(Image.fromarray(images[0]).filter(ImageFilter.GaussianBlur(1.7)), float)
    assert np.abs(blurred - expected)[6:-6, 6:-6].mean() < 2


def test_a_shift_moves_a_pixel_by_its_length():
    image = np.zeros((1, 48, 48), np.uint8)
    image[0, 24, 24] = 255
    moved = corrupt(image, "shift", 4)[0].astype(float)
    y, x = (np.indices((48, 48)) * moved).sum(axis=(1, 2)) / moved.sum()
    assert np.hypot(y - 24, x - 24) == pytest.approx(8, abs=0.1)


@pytest.mark.parametrize(("name", "severity"), [("fog", 1), ("noise", 6)])
def test_an_unknown_corruption_or_severity_is_named(images, name, severity):
    expected = f"no corruption '{name}' of severity {severity}; there are noise, blur"
    with pytest.raises(ValueError, match=expected):
        corrupt(images, name, severity)
