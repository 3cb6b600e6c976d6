import numpy as np
import pytest
from scipy import ndimage

from fer_lib.experiments import ENSEMBLE_TTA
from fer_lib.tta import FLIP, NO_TTA, SCHEMES, View, views


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (-1, 3), (0, -2)])
@pytest.mark.parametrize("flip", [False, True])
def test_view_agrees_with_scipy(flip, down, right):
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    expected = ndimage.shift(images, (0, down, right), order=0, mode="nearest")
    expected = expected[:, :, ::-1] if flip else expected
    np.testing.assert_array_equal(View(flip, down, right)(images), expected)


def test_view_by_hand():
    image = np.array([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], np.uint8)
    moved_down_and_right = [[[1, 1, 2], [1, 1, 2], [4, 4, 5]]]
    mirrored = [[[2, 1, 1], [2, 1, 1], [5, 4, 4]]]
    np.testing.assert_array_equal(View(down=1, right=1)(image), moved_down_and_right)
    np.testing.assert_array_equal(View(flip=True, down=1, right=1)(image), mirrored)


def test_views_of_each_scheme():
    assert views(NO_TTA) == (View(),)
    assert views(FLIP) == (View(), View(flip=True))
    assert set(views("shift5_2px")) == {
        View(),
        View(down=2),
        View(down=-2),
        View(right=2),
        View(right=-2),
    }
    shifts = {(view.flip, view.down, view.right) for view in views("flip+shift3x3_1px")}
    expected = {(f, d, r) for f in (False, True) for d in (-1, 0, 1) for r in (-1, 0, 1)}
    assert shifts == expected


def test_schemes_are_symmetric_and_begin_with_the_image_itself():
    assert {name: len(scheme) for name, scheme in SCHEMES.items()} == {
        "none": 1,
        "shift5_1px": 5,
        "shift3x3_1px": 9,
        "shift5_2px": 5,
        "shift3x3_2px": 9,
        "flip": 2,
        "flip+shift5_1px": 10,
        "flip+shift3x3_1px": 18,
        "flip+shift5_2px": 10,
        "flip+shift3x3_2px": 18,
    }
    for scheme in SCHEMES.values():
        assert scheme[0] == View() and len(set(scheme)) == len(scheme)
        assert sum(view.down for view in scheme) == sum(view.right for view in scheme) == 0
    assert ENSEMBLE_TTA in SCHEMES


def test_unknown_scheme_lists_the_known_ones():
    with pytest.raises(ValueError, match="no TTA scheme 'flips'; there are none, shift5_1px"):
        views("flips")
