"""Test-time augmentation (TTA): the views of an image whose predicted probabilities are averaged.

A scheme is named by what it combines: `flip` adds the horizontal mirror image, `shift3x3_1px` the
nine shifts by at most one pixel in each direction, `flip+shift3x3_1px` both (18 forward passes).

`evaluation.inference.predict_logits` applies a scheme in Keras; `deploy.onnx_export` builds it into
the exported file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np


@dataclass(frozen=True)
class View:
    """One view of an image: moved `down` and `right` by so many pixels, then mirrored or not."""

    flip: bool = False
    down: int = 0
    right: int = 0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return this view of images [n, h, w], same shape; pixels shifted in repeat the border."""
        height, width = images.shape[1:3]
        rows = np.clip(np.arange(height) - self.down, 0, height - 1)
        columns = np.clip(np.arange(width) - self.right, 0, width - 1)
        shifted = images[:, rows[:, None], columns]
        return shifted[:, :, ::-1] if self.flip else shifted


def _shifts(step: int, diagonals: bool) -> tuple[tuple[int, int], ...]:
    axis = (0, -step, step)
    return tuple(
        (down, right) for down in axis for right in axis if diagonals or not (down and right)
    )


_SHIFTS = {
    "none": ((0, 0),),
    "shift5_1px": _shifts(1, diagonals=False),
    "shift3x3_1px": _shifts(1, diagonals=True),
    "shift5_2px": _shifts(2, diagonals=False),
    "shift3x3_2px": _shifts(2, diagonals=True),
}

NO_TTA = "none"
FLIP = "flip"
SCHEMES: Mapping[str, tuple[View, ...]] = MappingProxyType(
    {name: tuple(View(False, *shift) for shift in shifts) for name, shifts in _SHIFTS.items()}
    | {
        FLIP if name == NO_TTA else f"{FLIP}+{name}": tuple(
            View(flip, *shift) for shift in shifts for flip in (False, True)
        )
        for name, shifts in _SHIFTS.items()
    }
)


def views(scheme: str) -> tuple[View, ...]:
    """Return the views of a scheme; the first is the image as it is.

    Raises:
        ValueError: there is no scheme of that name.

    Example:
        >>> len(views("flip+shift3x3_1px"))
        18
    """
    if scheme not in SCHEMES:
        raise ValueError(f"no TTA scheme {scheme!r}; there are {', '.join(SCHEMES)}")
    return SCHEMES[scheme]
