"""Test-time augmentation by shifts: places of a picture to answer in, a pixel or two apart, its
border repeated.

A network with pooling does not answer alike for a picture and the same one shifted. The average of
its answers is an ensemble of one
network: no training, but a pass for each place.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np


def _places(step: int, diagonals: bool) -> tuple[tuple[int, int], ...]:
    axis = (0, -step, step)
    return tuple(
        (down, right) for down in axis for right in axis if diagonals or not (down and right)
    )


# Shifts in pixels, down and to the right; the first is the picture as it is.
ONE_PLACE = "one place"
SCHEMES: Mapping[str, tuple[tuple[int, int], ...]] = MappingProxyType(
    {
        ONE_PLACE: ((0, 0),),
        "five places, 1 pixel apart": _places(1, diagonals=False),
        "nine places, 1 pixel apart": _places(1, diagonals=True),
        "five places, 2 pixels apart": _places(2, diagonals=False),
        "nine places, 2 pixels apart": _places(2, diagonals=True),
    }
)


def shifted(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """The pictures uint8 [n, h, w] moved by so many pixels; where nothing comes from, the border is
    repeated."""
    height, width = images.shape[1:]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return images[:, rows[:, None], columns]
