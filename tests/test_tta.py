import numpy as np
import pytest
from scipy import ndimage

from fer_lib.experiments import ENSEMBLE_TTA
from fer_lib.tta import SHIFTS, shift_images


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (-1, 3), (0, -2)])
def test_a_shift_is_scipys(down, right):
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    expected = ndimage.shift(images, (0, down, right), order=0, mode="nearest")
    np.testing.assert_array_equal(shift_images(images, down, right), expected)


def test_schemes_are_symmetric_and_hold_the_picture_itself():
    assert [len(shifts) for shifts in SHIFTS.values()] == [1, 5, 9, 5, 9] and ENSEMBLE_TTA in SHIFTS
    for shifts in SHIFTS.values():
        assert (
            len(set(shifts)) == len(shifts)
            and shifts[0] == (0, 0)
            and not np.sum(shifts, axis=0).any()
        )
