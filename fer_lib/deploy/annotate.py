"""Draw predictions into photos and videos, and save them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.deploy.faces import Face, Prediction, frame_rate
from fer_lib.io import atomic_write

_PADDING = 4  # pixels around a caption


def face_caption(face: Face) -> str:
    """Return a caption such as `happy 97 %`, with a question mark if the model is not confident."""
    mark = "" if face.confident else "?"
    return f"{face.emotion}{mark} {100 * face.probability:.0f} %"


def draw_faces(prediction: Prediction) -> Image.Image:
    """Draw a box and a caption for each face, in the color of its emotion."""
    image = Image.fromarray(prediction.photo.pixels)
    canvas = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(12, max(image.size) // 60))
    line_width = max(2, max(image.size) // 300)
    for face in prediction.faces:
        left, top, _ = face.box
        color, caption = COLORS[EMOTION_NAMES.index(face.emotion)], face_caption(face)
        canvas.polygon(_corners(face), outline=color, width=line_width)
        x0, y0, x1, y1 = canvas.textbbox((0, 0), caption, font)
        width, height = x1 - x0 + 2 * _PADDING, y1 - y0 + 2 * _PADDING
        above = max(top - height, 0)
        canvas.rectangle((left, above, left + width, above + height), fill=color)
        corner = (left + _PADDING - x0, above + _PADDING - y0)
        is_dark = np.dot(ImageColor.getrgb(color), (0.299, 0.587, 0.114)) < 128
        canvas.text(corner, caption, "white" if is_dark else "black", font)
    return image


def _corners(face: Face) -> list[tuple[float, float]]:
    left, top, side = face.box
    turn = np.radians(face.angle + 45 + 90 * np.arange(4))
    x, y = left + side / 2, top + side / 2
    return [
        (x + side * c, y + side * s) for c, s in np.sqrt(0.5) * np.c_[np.cos(turn), np.sin(turn)]
    ]


def save_photos(predictions: Iterable[Prediction], folder: Path) -> Iterator[Prediction]:
    """Write each photo with its boxes to `<folder>/<name>-faces.jpg` and yield its prediction."""
    stems = Counter()
    for prediction in predictions:
        if prediction.photo:
            stem = Path(prediction.name).stem
            stems[stem] += 1
            number = f"-{stems[stem]}" if stems[stem] > 1 else ""
            with atomic_write(folder / f"{stem}-faces{number}.jpg") as tmp:
                draw_faces(prediction).save(tmp, quality=92)
        yield prediction


def save_video(predictions: Iterable[Prediction], folder: Path) -> Iterator[Prediction]:
    """Write the frames with their boxes to `<folder>/<name>-faces.mp4` and yield predictions.

    Raises:
        OSError: OpenCV cannot write a video of this size and frame rate.
    """
    with ExitStack() as stack:
        writer = None
        for prediction in predictions:
            if prediction.photo:
                writer = writer or _open_writer(prediction, folder, stack)
                writer.write(cv2.cvtColor(np.asarray(draw_faces(prediction)), cv2.COLOR_RGB2BGR))
            yield prediction


def _open_writer(prediction: Prediction, folder: Path, stack: ExitStack) -> cv2.VideoWriter:
    path = folder / f"{Path(prediction.name).stem}-faces.mp4"
    tmp = stack.enter_context(atomic_write(path))
    rate = frame_rate(cv2.VideoCapture(prediction.name))
    height, width = prediction.photo.pixels.shape[:2]
    writer = cv2.VideoWriter(str(tmp), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
    stack.callback(writer.release)
    if not writer.isOpened():
        raise OSError(f"{path}: OpenCV cannot write {width} × {height} at {rate:g} frames a second")
    return writer
