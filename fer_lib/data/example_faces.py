"""Faces that may be redistributed, which stand beside FER2013's or in their place.

One is a photograph in the public domain that scikit-image ships: NASA's portrait of the astronaut
Eileen Collins. The others are drawn (`data.synthetic`).
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE
from fer_lib.data.synthetic import synthetic_faces

ASTRONAUT_BOX = (168, 60, 118)  # left, top and side of the face in the photograph of 512 × 512
SYNTHETIC_EMOTIONS = ("disgust", "fear")
_SEED = 7


@dataclass(frozen=True)
class ExampleFace:
    """A face and what is known of it.

    Attributes:
        title: what to write beside it.
        image: uint8 [48, 48], gray levels.
        label: the emotion that it was drawn with; None for a photograph, which nobody labeled.
    """

    title: str
    image: np.ndarray
    label: str | None = None


def astronaut_face() -> np.ndarray:
    """The astronaut's face, cut out by `ASTRONAUT_BOX`, in gray levels: uint8 [48, 48]."""
    from skimage.data import astronaut

    left, top, side = ASTRONAUT_BOX
    face = Image.fromarray(astronaut()).crop((left, top, left + side, top + side)).convert("L")
    return np.asarray(face.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.LANCZOS))


def example_faces() -> list[ExampleFace]:
    """The astronaut's face and one synthetic face of each of `SYNTHETIC_EMOTIONS`."""
    labels = np.array([EMOTION_NAMES.index(name) for name in SYNTHETIC_EMOTIONS])
    drawn = zip(SYNTHETIC_EMOTIONS, synthetic_faces(labels, _SEED), strict=True)
    return [
        ExampleFace("astronaut", astronaut_face()),
        *(ExampleFace(f"synthetic, {name}", image, name) for name, image in drawn),
    ]
