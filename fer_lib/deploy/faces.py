"""Classify the emotion of each face in photos."""

import json
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE
from fer_lib.deploy.face_detection import Detection, detect_faces
from fer_lib.deploy.images import (
    Photo,
    PhotoError,
    crop_face,
    photo_of,
)
from fer_lib.deploy.inference import OnnxModel, load_onnx_model
from fer_lib.text import printable

CONFIDENT_ABOVE = 0.5  # a prediction of a lower probability is more likely wrong than right
_MIN_BATCH = 32  # faces of several photos are classified together
_MAX_PENDING = 16  # photos in memory that wait for a batch to fill,
_MAX_PENDING_PIXELS = 32_000_000  # and their pixels together
_TINY = 2 * IMAGE_SIZE  # pixels along a side of an image that may be a cropped face
_TINY_HINT = "tiny: a face that fills the image needs --cropped, or cropped=True in Python"


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
        id: in a video, the same number for the same face, from 1; None in a photo.
        threshold: the lowest probability of a confident prediction.
    """

    box: tuple[int, int, int]
    probabilities: dict[str, float]
    angle: float = 0.0
    eyes: tuple[tuple[float, float], tuple[float, float]] | None = None
    id: int | None = None
    threshold: float = CONFIDENT_ABOVE

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
        """Whether the probability is at least the threshold."""
        return self.probability >= self.threshold


@dataclass
class Prediction:
    """The faces of one photo or video frame, or the reason why it cannot be read.

    Attributes:
        name: the name of the file.
        notes: how the photo was converted.
        frame, seconds: the position of a video frame.
        save_error: the reason why the photo or video with boxes could not be saved.
    """

    name: str
    photo: Photo | None = None
    faces: list[Face] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    error: str | None = None
    frame: int | None = None
    seconds: float | None = None
    save_error: str | None = None

    def to_json(self) -> str:
        """Return the prediction as one line of JSON, the name as `printable` shows it."""
        is_frame = self.frame is not None
        position = {"frame": self.frame, "seconds": round(self.seconds, 3)} if is_frame else {}
        faces = [
            {
                **({"id": face.id} if is_frame else {}),
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
        saved = {"save_error": self.save_error} if self.save_error else {}
        values = {"file": printable(self.name), **position, **result, "notes": self.notes, **saved}
        return json.dumps(values, allow_nan=False)


def predict_faces(
    source: str | Path | Image.Image | np.ndarray | list,
    model: str | Path | OnnxModel | None = None,
    cropped: bool = False,
) -> list[Face] | list[list[Face]]:
    """Detect the faces in an image and predict the emotion of each.

    Args:
        source: an image file, an image of Pillow, an array, gray [h, w] or RGB [h, w, 3], or a list
            of these. In arrays of uint8 white is 255; in others it is the smallest of 1, 255 and
            65,535 that no value exceeds.
        model: an exported model or its file, which a process loads once; by default the best
            recorded single model, which is part of the package.
        cropped: take each image as one face that fills it, as FER2013's do: no face is detected,
            and the largest square in the middle is classified.

    Returns:
        The faces from left to right; for a list of images, one such list per image.

    Raises:
        PhotoError: an image cannot be read.
        ModelError: the model cannot be loaded.

    Example:
        >>> from skimage import data
        >>> (face,) = predict_faces(data.astronaut())
        >>> face.emotion, face.confident
        ('happy', True)
        >>> left, top, side = face.box
        >>> round(sum(face.probabilities.values()), 3)
        1.0
    """
    model = load_onnx_model(model)
    several = isinstance(source, list | tuple)
    photos = map(_open, source if several else [source])
    faces = []
    for prediction in classify_faces(photos, model, cropped):
        if prediction.error:
            raise PhotoError(f"{printable(prediction.name)}: {prediction.error}")
        if _TINY_HINT in prediction.notes:
            warnings.warn(
                f"{printable(prediction.name)}: no face found; {_TINY_HINT}", stacklevel=2
            )
        faces.append(prediction.faces)
    return faces if several else faces[0]


def _open(source: str | Path | Image.Image | np.ndarray) -> Prediction:
    name = str(source) if isinstance(source, str | Path) else type(source).__name__
    try:
        photo = photo_of(source)
    except PhotoError as error:
        return Prediction(name, error=str(error))
    return Prediction(name, photo, notes=photo.notes)


def predict_photos(
    paths: Iterable[Path], model: OnnxModel, cropped: bool = False
) -> Iterator[Prediction]:
    """Classify each face in each photo, in the order of the paths.

    A photo that cannot be read gives a prediction with an `error`.

    Args:
        cropped: as in `predict_faces`.
    """
    return classify_faces(map(_open, paths), model, cropped)


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
    return [(detection.square, face_of(detection)) for detection in detect_faces(photo)]


def face_of(detection: Detection) -> Face:
    """The face of a detection, without probabilities."""
    square = tuple(map(round, detection.square))
    return Face(square, {}, detection.angle, detection.eyes)


def _whole(photo: Photo) -> tuple[tuple[int, int, int], Face]:
    """As `_detected`, the largest square in the middle of a photo."""
    square = largest_square(photo)
    return square, Face(square, {})


def largest_square(photo: Photo) -> tuple[int, int, int]:
    """Left, top and side of the largest square in the middle of a photo."""
    height, width = photo.pixels.shape[:2]
    side = min(height, width)
    return (width - side) // 2, (height - side) // 2, side
