"""Classify the emotion of each face in photos and videos."""

import functools
import json
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE
from fer_lib.deploy.face_detection import detect_faces
from fer_lib.deploy.images import Photo, PhotoError, crop_face, photo_from_array, read_image
from fer_lib.deploy.inference import OnnxModel

CONFIDENT_ABOVE = 0.5  # a prediction of a lower probability is more likely wrong than right
_MIN_BATCH = 32  # faces of several photos are classified together
_MAX_PENDING = 16  # photos in memory that wait for a batch to fill,
_MAX_PENDING_PIXELS = 32_000_000  # and their pixels together
_TINY = 2 * IMAGE_SIZE  # pixels along a side of an image that may be a cropped face
_TINY_HINT = "tiny: a face that fills the image needs --cropped, or cropped=True in Python"
_DEFAULT_FRAME_RATE = 25.0  # where a video does not say
_COMPLETE = 0.9  # share of the stated number of frames, which containers only estimate


@dataclass(frozen=True)
class Face:
    """A detected face and its prediction.

    Attributes:
        box: left, top and side of the square, in pixels of the image after its EXIF rotation.
        probabilities: calibrated probability of each emotion.
        angle: rotation of the face in degrees, clockwise. The square that is classified is `box`
            rotated about its center by this angle.
        eyes: x and y of the eye on the left in the image and of the other, in its pixels; None
            where the whole image was taken as the face.
    """

    box: tuple[int, int, int]
    probabilities: dict[str, float]
    angle: float = 0.0
    eyes: tuple[tuple[float, float], tuple[float, float]] | None = None

    @property
    def emotion(self) -> str:
        """The predicted class."""
        return max(self.probabilities, key=self.probabilities.get)

    @property
    def probability(self) -> float:
        """The probability of the predicted class."""
        return self.probabilities[self.emotion]

    @property
    def confident(self) -> bool:
        """Whether the probability is at least `CONFIDENT_ABOVE`."""
        return self.probability >= CONFIDENT_ABOVE


@dataclass
class Prediction:
    """The faces of one photo or video frame, or the reason why it cannot be read.

    Attributes:
        name: the name of the file.
        notes: how the photo was converted.
        frame, seconds: the position of a video frame.
    """

    name: str
    photo: Photo | None = None
    faces: list[Face] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    error: str | None = None
    frame: int | None = None
    seconds: float | None = None

    def to_json(self) -> str:
        """Return the prediction as one line of JSON."""
        is_frame = self.frame is not None
        position = {"frame": self.frame, "seconds": round(self.seconds, 3)} if is_frame else {}
        faces = [
            {
                "box": face.box,
                "emotion": face.emotion,
                "confident": face.confident,
                "probabilities": {name: round(p, 6) for name, p in face.probabilities.items()},
                "angle": round(face.angle, 1),
                "eyes": face.eyes and [[round(x, 1), round(y, 1)] for x, y in face.eyes],
            }
            for face in self.faces
        ]
        result = {"error": self.error} if self.error else {"faces": faces}
        values = {"file": self.name, **position, **result, "notes": self.notes}
        return json.dumps(values, ensure_ascii=False)


def predict_faces(
    source: str | Path | np.ndarray | list, model: str | Path | OnnxModel, cropped: bool = False
) -> list[Face] | list[list[Face]]:
    """Detect the faces in an image and predict the emotion of each.

    `fer_lib.predict_faces` does the same with a default model.

    Args:
        source: an image file, an array as in `images.photo_from_array`, or a list of these.
        model: an exported model or its file, which a process loads once.
        cropped: take each image as one face that fills it, as FER2013's do: no face is detected,
            and the largest square in the middle is classified.

    Returns:
        The faces from left to right; for a list of images, one such list per image.

    Raises:
        PhotoError: an image cannot be read.
        ModelError: the model cannot be loaded.

    Example:
        >>> from skimage import data
        >>> (face,) = predict_faces(data.astronaut(), "se_cnn-seed-0.onnx")
        >>> face.emotion, face.confident
        ('happy', True)
        >>> left, top, side = face.box
        >>> round(sum(face.probabilities.values()), 3)
        1.0
    """
    if not isinstance(model, OnnxModel):
        path = Path(model)
        model = _load(path, path.stat().st_mtime_ns if path.is_file() else None)
    several = isinstance(source, list | tuple)
    photos = map(_open, source if several else [source])
    faces = []
    for prediction in classify_faces(photos, model, cropped):
        if prediction.error:
            raise PhotoError(f"{prediction.name}: {prediction.error}")
        if _TINY_HINT in prediction.notes:
            warnings.warn(f"{prediction.name}: no face found; {_TINY_HINT}", stacklevel=2)
        faces.append(prediction.faces)
    return faces if several else faces[0]


@functools.lru_cache(maxsize=4)
def _load(path: Path, changed: int | None) -> OnnxModel:
    return OnnxModel(path)


def _open(source: str | Path | np.ndarray) -> Prediction:
    try:
        if isinstance(source, str | Path):
            photo = read_image(Path(source))
        else:
            source, photo = "array", photo_from_array(source)
    except PhotoError as error:
        return Prediction(str(source), error=str(error))
    return Prediction(str(source), photo, notes=photo.notes)


def predict_photos(
    paths: Iterable[Path], model: OnnxModel, cropped: bool = False
) -> Iterator[Prediction]:
    """Classify each face in each photo, in the order of the paths.

    A photo that cannot be read gives a prediction with an `error`.

    Args:
        cropped: as in `predict_faces`.
    """
    return classify_faces(map(_open, paths), model, cropped)


def frame_rate(capture: cv2.VideoCapture) -> float:
    """Return the frames per second of an open video."""
    return capture.get(cv2.CAP_PROP_FPS) or _DEFAULT_FRAME_RATE


def predict_video(path: Path, model: OnnxModel, cropped: bool = False) -> Iterator[Prediction]:
    """Classify each face in each frame of a video, with a few frames in memory at a time.

    A video that cannot be read or ends early gives a last prediction with an `error`.

    Args:
        cropped: as in `predict_faces`.
    """
    return classify_faces(_frames(Path(path)), model, cropped)


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


def classify_faces(
    photos: Iterable[Prediction], model: OnnxModel, cropped: bool = False
) -> Iterator[Prediction]:
    """Detect the faces in several photos and classify them in one batch.

    Args:
        photos: predictions that have a photo and no faces yet, or an error.
        cropped: as in `predict_faces`.
    """
    pending: list[tuple[Prediction, list[Face]]] = []
    crops: list[np.ndarray] = []
    pixels = 0

    def classified():
        rows = iter(model.probabilities(np.stack(crops)).tolist() if crops else [])
        for prediction, faces in pending:
            for face in faces:
                probabilities = dict(zip(EMOTION_NAMES, next(rows), strict=True))
                prediction.faces.append(replace(face, probabilities=probabilities))
            yield prediction
        pending.clear()
        crops.clear()

    for prediction in photos:
        faces = []
        if photo := prediction.photo:
            squares = [_whole(photo)] if cropped else _detected(photo)
            faces = [face for _, face in squares]
            crops.extend(crop_face(photo, square, face.angle) for square, face in squares)
            pixels += photo.pixels.size // 3
            if not faces and max(photo.pixels.shape) <= _TINY:
                prediction.notes += (_TINY_HINT,)
        pending.append((prediction, faces))
        full = len(pending) >= _MAX_PENDING or pixels >= _MAX_PENDING_PIXELS
        if len(crops) >= _MIN_BATCH or full:
            yield from classified()
            pixels = 0
    yield from classified()


def _detected(photo: Photo) -> list[tuple[tuple[float, float, float], Face]]:
    """The square of each detected face, and the face without probabilities."""
    return [
        (
            detection.square,
            Face(tuple(map(round, detection.square)), {}, detection.angle, detection.eyes),
        )
        for detection in detect_faces(photo)
    ]


def _whole(photo: Photo) -> tuple[tuple[int, int, int], Face]:
    """As `_detected`, the largest square in the middle of a photo."""
    height, width = photo.pixels.shape[:2]
    side = min(height, width)
    square = ((width - side) // 2, (height - side) // 2, side)
    return square, Face(square, {})
