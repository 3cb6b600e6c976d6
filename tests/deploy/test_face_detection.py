import numpy as np

from fer_lib.deploy.face_detection import FaceDetector
from fer_lib.deploy.images import photo_from_array, read_image


def test_boxes_from_left_to_right(two_faces, is_near):
    left, right = FaceDetector().boxes(read_image(two_faces))
    # The second face is mirrored and scaled by 480/512, with its corner at (530, 20).
    scale = 480 / 512
    mirrored = np.array([530 + scale * (512 - 174 - 101), 20 + scale * 63, scale * 101])
    assert is_near(left) and is_near(right, mirrored)


def test_photo_without_a_face_has_no_boxes():
    for shape in ((1, 1), (1, 4000), (300, 300)):
        assert FaceDetector().boxes(photo_from_array(np.full(shape, 128, np.uint8))).shape == (0, 3)
