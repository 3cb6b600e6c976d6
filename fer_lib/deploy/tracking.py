"""Follow the faces of a video or camera from frame to frame, and predict their emotions.

A face is looked for where the frame before had it, which takes one run of the detector; the whole
frame is searched now and then, and whenever a face is lost. A face keeps its number, and its
probabilities are a moving average.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.deploy.face_detection import Detection, detect_faces, follow_face, overlapping
from fer_lib.deploy.faces import Face, Prediction, face_of, largest_square
from fer_lib.deploy.images import Photo, crop_face, photo_of
from fer_lib.deploy.inference import OnnxModel, load_onnx_model
from fer_lib.deploy.videos import Frame, VideoError, read_camera, read_video
from fer_lib.text import printable

SEARCH_EVERY = 30  # frames, while every face is followed: a search takes as long as 30 followings
SEARCH_WITHOUT_FACE_EVERY = 10
SMOOTHING = 0.3  # seconds: time constant of the moving average of probabilities
REMEMBERED = 1.0  # seconds for which a lost face keeps its number


def predict_video(
    path: str | Path, model: str | Path | OnnxModel | None = None, cropped: bool = False
) -> Iterator[Prediction]:
    """Detect the faces in each frame of a video and predict their emotions, one frame at a time.

    Args:
        model, cropped: as in `faces.predict_faces`.

    Yields:
        The `faces` of each frame, with its number, `frame`, and its time, `seconds`. A face keeps
        its `id`, and its probabilities are a moving average.

    Raises:
        VideoError: the video cannot be read, when the first frame is asked for; or it ends early,
            after the last frame.
        ModelError: the model cannot be loaded.

    Example:
        >>> for frame in predict_video("film.mp4"):  # doctest: +SKIP
        ...     for face in frame.faces:
        ...         print(f"{frame.seconds:.1f} s: face {face.id} is {face.emotion}")
        0.0 s: face 1 is happy
    """
    return _predict(str(path), read_video(path), Tracker(model, cropped))


def predict_camera(
    number: int = 0, model: str | Path | OnnxModel | None = None, cropped: bool = False
) -> Iterator[Prediction]:
    """As `predict_video`, for the frames of a camera, as long as they are asked for.

    Args:
        number: of the camera, from 0.
    """
    return _predict(f"camera {number}", read_camera(number), Tracker(model, cropped))


def _predict(name: str, frames: Iterable[Frame], tracker: "Tracker") -> Iterator[Prediction]:
    try:
        for number, frame in enumerate(frames):
            photo, seconds = frame.photo, frame.seconds
            faces = tracker.update(photo, seconds)
            yield Prediction(name, photo, faces, photo.notes, frame=number, seconds=seconds)
    except VideoError as error:
        raise VideoError(f"{printable(name)}: {error}") from None


@dataclass
class _Track:
    id: int
    detection: Detection | None  # None for a whole frame
    last_seconds: float  # seconds
    probabilities: np.ndarray | None = None


class Tracker:
    """Follows faces through the frames of one video, which any program may read.

    Args:
        model, cropped: as in `faces.predict_faces`.

    Raises:
        ModelError: the model cannot be loaded.

    Example:
        >>> from skimage import data
        >>> tracker = Tracker()
        >>> for number in range(2):
        ...     (face,) = tracker.update(data.astronaut(), seconds=number / 30)
        >>> face.id, face.emotion
        (1, 'happy')
    """

    def __init__(self, model: str | Path | OnnxModel | None = None, cropped: bool = False):
        self._model, self._cropped = load_onnx_model(model), cropped
        self._visible: list[_Track] = []
        self._lost: list[_Track] = []
        self._ids = itertools.count(1)
        self._since_search = math.inf  # frames

    def update(self, image: Image.Image | np.ndarray | Photo, seconds: float) -> list[Face]:
        """Return the faces of the next frame, from left to right.

        Args:
            image: the frame, as an image of `faces.predict_faces`. OpenCV's frames are BGR:
                `frame[..., ::-1]` is RGB.
            seconds: the frame's time.

        Raises:
            PhotoError: the image cannot be read.
        """
        photo = photo_of(image)
        if self._cropped:
            return self._whole(photo, seconds)
        self._follow(photo)
        limit = SEARCH_EVERY if self._visible else SEARCH_WITHOUT_FACE_EVERY
        self._since_search += 1
        if self._since_search >= limit:
            self._search(photo)
        self._lost = [track for track in self._lost if seconds - track.last_seconds <= REMEMBERED]
        self._visible.sort(key=lambda track: track.detection.center)
        squares = [(track.detection.square, track.detection.angle) for track in self._visible]
        self._classify([crop_face(photo, *square) for square in squares], seconds)
        return [_face(track, face_of(track.detection)) for track in self._visible]

    def _whole(self, photo: Photo, seconds: float) -> list[Face]:
        self._visible = self._visible or [_Track(next(self._ids), None, seconds)]
        square = largest_square(photo)
        self._classify([crop_face(photo, square)], seconds)
        return [_face(self._visible[0], Face(square, {}))]

    def _follow(self, photo: Photo) -> None:
        """Move each visible track to its face in this frame; one without goes to the lost ones."""
        visible = []
        for track in sorted(self._visible, key=lambda track: track.id):
            detection = follow_face(photo, track.detection)
            if detection and not any(overlapping(detection, other.detection) for other in visible):
                track.detection = detection
                visible.append(track)
            else:
                self._lost.append(track)
                self._since_search = math.inf
        self._visible = visible

    def _search(self, photo: Photo) -> None:
        """Search the whole frame for faces that are not followed."""
        self._since_search = 0
        for detection in detect_faces(photo):
            if any(overlapping(detection, track.detection) for track in self._visible):
                continue
            same = [track for track in self._lost if overlapping(detection, track.detection)]
            track = same[-1] if same else _Track(next(self._ids), detection, -math.inf)
            self._lost = [other for other in self._lost if other is not track]
            track.detection = detection
            self._visible.append(track)

    def _classify(self, crops: list[np.ndarray], seconds: float) -> None:
        rows = self._model.probabilities(np.stack(crops)) if crops else []
        for track, row in zip(self._visible, rows, strict=True):
            if track.probabilities is None:
                track.probabilities = row.astype(float)
            else:
                share = 1 - math.exp(-max(seconds - track.last_seconds, 0) / SMOOTHING)
                track.probabilities += share * (row - track.probabilities)
            track.last_seconds = seconds


def _face(track: _Track, face: Face) -> Face:
    probabilities = dict(zip(EMOTION_NAMES, track.probabilities.tolist(), strict=True))
    return replace(face, probabilities=probabilities, id=track.id)
