"""Classify the emotion of every face in a video."""

from collections.abc import Iterator
from pathlib import Path

import cv2

from fer_lib.deploy.faces import Prediction, classify_faces
from fer_lib.deploy.images import Photo
from fer_lib.deploy.inference import OnnxModel

DEFAULT_FRAME_RATE = 25.0  # where a video does not say
_COMPLETE = 0.9  # share of the stated number of frames, which containers only estimate


def frame_rate(capture: cv2.VideoCapture) -> float:
    """Frames per second of an opened video."""
    return capture.get(cv2.CAP_PROP_FPS) or DEFAULT_FRAME_RATE


def predict_video(path: Path, model: OnnxModel) -> Iterator[Prediction]:
    """Classify every face of every frame, with a few frames in memory at a time.

    A video that cannot be read, or ends early, gives a last prediction with an `error`.
    """
    return classify_faces(_frames(Path(path)), model)


def _frames(path: Path) -> Iterator[Prediction]:
    capture = cv2.VideoCapture(str(path))
    try:
        rate, number = frame_rate(capture), 0
        while (frame := capture.read())[0]:
            photo = Photo(cv2.cvtColor(frame[1], cv2.COLOR_BGR2RGB))
            yield Prediction(str(path), photo, frame=number, seconds=number / rate)
            number += 1
        if not number:
            yield Prediction(str(path), error="not a video" if path.is_file() else "no such file")
        elif number < _COMPLETE * capture.get(cv2.CAP_PROP_FRAME_COUNT):
            yield Prediction(str(path), error=f"broken: it ends after {number} frames")
    finally:
        capture.release()
