"""Classify the emotion of each face in photos and videos."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.deploy.face_detection import FaceDetector
from fer_lib.deploy.images import Photo, PhotoError, crop_face, photo_from_array, read_image
from fer_lib.deploy.inference import OnnxModel

CONFIDENT_ABOVE = 0.5  # a prediction of a lower probability is more likely wrong than right
_MIN_BATCH = 32  # faces of several photos are classified together
_MAX_PENDING = 16  # photos in memory that wait for a batch to fill
_DEFAULT_FRAME_RATE = 25.0  # where a video does not say
_COMPLETE = 0.9  # share of the stated number of frames, which containers only estimate


@dataclass(frozen=True)
class Face:
    """A detected face and its prediction.

    Attributes:
        box: left, top and side of the square, in pixels of the upright image.
        probabilities: calibrated probability of each emotion.
    """

    box: tuple[int, int, int]
    probabilities: dict[str, float]

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
            }
            for face in self.faces
        ]
        result = {"error": self.error} if self.error else {"faces": faces}
        values = {"file": self.name, **position, **result, "notes": self.notes}
        return json.dumps(values, ensure_ascii=False)


def predict_faces(
    source: str | Path | np.ndarray | list, model: str | Path | OnnxModel
) -> list[Face] | list[list[Face]]:
    """Detect the faces in an image and predict the emotion of each.

    `fer_lib.predict_faces` does the same with a default model.

    Args:
        source: an image file, a uint8 array, gray [h, w] or RGB [h, w, 3], or a list of these.
        model: an exported model or its file.

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
        model = OnnxModel(model)
    several = isinstance(source, list | tuple)
    photos = map(_open, source if several else [source])
    faces = []
    for prediction in classify_faces(photos, model):
        if prediction.error:
            raise PhotoError(f"{prediction.name}: {prediction.error}")
        faces.append(prediction.faces)
    return faces if several else faces[0]


def _open(source: str | Path | np.ndarray) -> Prediction:
    if isinstance(source, np.ndarray):
        return Prediction("array", photo_from_array(source))
    try:
        photo = read_image(Path(source))
    except PhotoError as error:
        return Prediction(str(source), error=str(error))
    return Prediction(str(source), photo, notes=photo.notes)


def predict_photos(paths: Iterable[Path], model: OnnxModel) -> Iterator[Prediction]:
    """Classify each face in each photo, in the order of the paths.

    A photo that cannot be read gives a prediction with an `error`.
    """
    return classify_faces(map(_open, paths), model)


def frame_rate(capture: cv2.VideoCapture) -> float:
    """Return the frames per second of an open video."""
    return capture.get(cv2.CAP_PROP_FPS) or _DEFAULT_FRAME_RATE


def predict_video(path: Path, model: OnnxModel) -> Iterator[Prediction]:
    """Classify each face in each frame of a video, with a few frames in memory at a time.

    A video that cannot be read or ends early gives a last prediction with an `error`.
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


def classify_faces(photos: Iterable[Prediction], model: OnnxModel) -> Iterator[Prediction]:
    """Detect the faces in several photos and classify them in one batch.

    Args:
        photos: predictions that have a photo and no faces yet, or an error.
    """
    detector = FaceDetector()
    pending: list[tuple[Prediction, np.ndarray]] = []
    crops: list[np.ndarray] = []

    def classified():
        rows = iter(model.probabilities(np.stack(crops)).tolist() if crops else [])
        for prediction, boxes in pending:
            for box in boxes:
                in_file = tuple(round(prediction.photo.scale * float(edge)) for edge in box)
                probabilities = dict(zip(EMOTION_NAMES, next(rows), strict=True))
                prediction.faces.append(Face(in_file, probabilities))
            yield prediction
        pending.clear()
        crops.clear()

    for prediction in photos:
        boxes = detector.boxes(prediction.photo) if prediction.photo else np.empty((0, 3), int)
        pending.append((prediction, boxes))
        crops.extend(crop_face(prediction.photo, box) for box in boxes)
        if len(crops) >= _MIN_BATCH or len(pending) >= _MAX_PENDING:
            yield from classified()
    yield from classified()
