"""Draw predictions into photos and videos, and save them."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.deploy.faces import Face, Prediction
from fer_lib.deploy.videos import WRITTEN_BY, VideoWriter, is_our_video
from fer_lib.io import atomic_write
from fer_lib.text import printable

_PADDING = 4  # pixels around a caption
_SAVED = "-faces"  # at the end of the names of saved files, before a number


def face_caption(face: Face) -> str:
    """Return a caption such as `happy 97 %`, with a question mark if the model is not confident.

    In a video, the face's number comes first.
    """
    number = f"{face.id}: " if face.id else ""
    mark = "" if face.confident else "?"
    return f"{number}{face.emotion}{mark} {100 * face.probability:.0f} %"


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


class Saver:
    """Saves photos and videos with boxes in a folder, and replaces only files that a saver wrote.

    Where one cannot be saved, the predictions are yielded all the same; a `save_error` says why, of
    the photo's prediction or of a last one that is added to a video's.
    """

    def __init__(self, folder: Path):
        self._folder, self._stems = folder, Counter()

    def photos(self, predictions: Iterable[Prediction]) -> Iterator[Prediction]:
        """Write each photo to `<folder>/<name>-faces.jpg` and yield its prediction."""
        for prediction in predictions:
            if prediction.photo:
                try:
                    with atomic_write(self._target(prediction.name, ".jpg")) as tmp:
                        draw_faces(prediction).save(tmp, quality=92, comment=WRITTEN_BY)
                except (OSError, ValueError) as error:
                    prediction.save_error = _reason(error)
            yield prediction

    def video(self, predictions: Iterable[Prediction]) -> Iterator[Prediction]:
        """Write the frames, with their times, to `<folder>/<name>-faces.mp4`; yield predictions."""
        predictions, name = iter(predictions), ""
        try:
            for prediction in self._written(predictions):
                name = prediction.name
                yield prediction
        except (OSError, ValueError) as error:
            yield from predictions
            yield Prediction(name, save_error=_reason(error))

    def _written(self, predictions: Iterator[Prediction]) -> Iterator[Prediction]:
        with ExitStack() as stack:
            writer = None
            for prediction in predictions:
                yield prediction
                if prediction.photo and not writer:
                    height, width = prediction.photo.pixels.shape[:2]
                    tmp = stack.enter_context(atomic_write(self._target(prediction.name, ".mp4")))
                    writer = stack.enter_context(VideoWriter(tmp, width, height))
                if prediction.photo:
                    writer.write(draw_faces(prediction), prediction.seconds)

    def _target(self, name: str, suffix: str) -> Path:
        stem = Path(name).stem
        same = self._stems[stem.casefold()] = self._stems[stem.casefold()] + 1
        path = self._folder / f"{stem}{_SAVED}{f'-{same}' if same > 1 else ''}{suffix}"
        if os.path.lexists(path) and not (path.is_file() and _is_ours(path)):
            raise FileExistsError(f"{path} exists and is not a file that this command wrote")
        return path


def is_saved(path: Path) -> bool:
    """Whether a `Saver` wrote a file, by its name and its content."""
    if not path.stem.rstrip("-0123456789").endswith(_SAVED):
        return False
    return os.path.isfile(path) and _is_ours(path)  # noqa: PTH113, which raises for long names


def _is_ours(path: Path) -> bool:
    return is_our_video(path) if path.suffix == ".mp4" else _is_our_photo(path)


def _is_our_photo(path: Path) -> bool:
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            return image.info.get("comment") == WRITTEN_BY.encode()
    except OSError:
        return False


def _reason(error: Exception) -> str:
    return printable(getattr(error, "strerror", None) or error)
