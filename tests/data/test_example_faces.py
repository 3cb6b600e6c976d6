import numpy as np
from PIL import Image
from skimage.data import astronaut

from fer_lib.data.example_faces import (
    ASTRONAUT_BOX,
    SYNTHETIC_EMOTIONS,
    astronaut_face,
    example_faces,
)


def test_astronaut_is_the_box_of_the_photograph_in_gray():
    left, top, side = ASTRONAUT_BOX
    crop = astronaut()[top : top + side, left : left + side]
    gray = crop @ [0.299, 0.587, 0.114]  # ITU-R 601, as Pillow's mode L
    face = astronaut_face()
    assert face.shape == (48, 48) and face.dtype == np.uint8
    expected = np.asarray(Image.fromarray(gray).resize((48, 48), Image.Resampling.BOX))
    assert np.abs(face - expected).mean() < 6


def test_examples_are_a_photograph_without_a_label_and_drawn_faces():
    photograph, *drawn = example_faces()
    assert photograph.label is None
    assert [face.label for face in drawn] == list(SYNTHETIC_EMOTIONS)
    assert [face.title for face in drawn] == [f"synthetic, {name}" for name in SYNTHETIC_EMOTIONS]
    again = example_faces()[1]
    np.testing.assert_array_equal(again.image, drawn[0].image)
