"""Detect the faces in an image."""

from pathlib import Path

import cv2
import numpy as np

from fer_lib.deploy.images import Photo

# On FER2013's own images, pasted into a border, the detector's boxes have a median side of 0.96 of
# the image's. Boxes are enlarged by this, so that crops are framed as the data set's.
MARGIN = 1.04
_DETECTION_SIZE = 1000  # pixels along the longer side of the image in which faces are detected
_MIN_FACE_SIZE = 30  # pixels, in that image


class FaceDetector:
    """Detector of upright frontal faces: OpenCV's Haar cascade (Viola & Jones 2001)."""

    def __init__(self):
        self._cascade = cv2.CascadeClassifier(
            str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_alt2.xml")
        )

    def boxes(self, photo: Photo) -> np.ndarray:
        """Return a square box around each face, sorted from left to right.

        Returns:
            int [n, 3]: left, top and side in the photo's pixels.
        """
        ratio = min(_DETECTION_SIZE / max(photo.gray.shape), 1)
        height, width = (max(round(ratio * side), 1) for side in photo.gray.shape)
        small = cv2.resize(photo.gray, (width, height), interpolation=cv2.INTER_AREA)
        detected = self._cascade.detectMultiScale(
            small, 1.1, 5, minSize=(_MIN_FACE_SIZE, _MIN_FACE_SIZE)
        )
        squares = np.array([(x, y, side) for x, y, side, _ in detected], float).reshape(-1, 3)
        left_top, sides = np.split(squares / ratio, [2], axis=1)
        boxes = np.hstack([left_top - (MARGIN - 1) / 2 * sides, MARGIN * sides])
        return np.rint(boxes[np.argsort(boxes[:, 0], kind="stable")]).astype(int)
