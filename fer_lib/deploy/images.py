"""Ordinary photos: found, read whatever their form, and the faces in them cut out as FER2013's
are."""

import glob
import warnings
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from fer_lib.data.readers import IMAGE_SIZE

LONGEST = 1600  # pixels that a photo keeps along its longer side: enough for faces, and memory stays bounded
# OpenCV's detector, run over FER2013's own pictures in a margin, finds boxes whose median side is
# 0.96 of the picture's: its
# authors cut their faces out with OpenCV too.
MARGIN = 1.04
_DETECTED_AT = 1000  # pixels along the longer side where faces are looked for
_SMALLEST_FACE = 30  # pixels, there


class PhotoError(ValueError):
    """A photo cannot be read; the message says why."""


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright picture.

    Attributes:
        pixels: uint8 [h, w, 3], red, green, blue.
        scale: how many pixels of the file one of these stands for along a side: 1 unless the
            photo was reduced.
        notes: what was done to it that a reader must know.
    """

    pixels: np.ndarray
    scale: float = 1.0
    notes: tuple[str, ...] = ()

    @cached_property
    def grey(self) -> np.ndarray:
        """uint8 [h, w]: 0.299 red + 0.587 green + 0.114 blue."""
        return cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY)


def find_images(inputs: list[str]) -> tuple[list[Path], Counter]:
    """List the photos that files, folders (and what is below them) and patterns such as `*.jpg`
    name, each once.

    A name that leads to nothing is listed as it is: reading it says so.

    Returns:
        The paths, and the number of other files in the folders by ending.
    """
    Image.init()
    endings = {
        ending for ending, kind in Image.registered_extensions().items() if kind in Image.OPEN
    }
    found, others = {}, Counter()
    for text in inputs:
        named = Path(text)
        for path in (
            [named]
            if named.exists()
            else [Path(name) for name in sorted(glob.glob(text, recursive=True))] or [named]
        ):
            if not path.is_dir():
                found[path] = None
                continue
            files = sorted(file for file in path.rglob("*") if file.is_file())
            pictures = [file for file in files if file.suffix.lower() in endings]
            others.update(
                file.suffix.lower() or "no ending"
                for file in files
                if file.suffix.lower() not in endings
            )
            found |= dict.fromkeys(
                pictures or [path]
            )  # an empty folder is an input that gives nothing: reading it says so
    return list(found), others


def read_image(path: Path) -> Photo:
    """Read a picture in any form that Pillow knows: turned as its EXIF data say, on white where it
    is transparent, in colour.

    Raises:
        PhotoError: there is no such file, it is no picture or a broken one, or it has more than
        some 179 million pixels.
    """
    if path.is_dir():
        raise PhotoError("the folder holds no picture")
    if not path.exists():
        raise PhotoError("there is no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # reduced below
            with Image.open(path) as image:
                return _upright(image)
    except Image.DecompressionBombError:
        raise PhotoError(
            f"too large: more than {2 * Image.MAX_IMAGE_PIXELS // 10**6} million pixels"
        ) from None
    except Image.UnidentifiedImageError:
        raise PhotoError("not a picture") from None
    except Exception as error:  # Pillow's decoders raise a dozen kinds on broken files
        raise PhotoError(f"broken: {error}") from error


def _upright(image: Image.Image) -> Photo:
    width, height = image.size
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append("first of several frames")
    if image.mode == "CMYK":
        notes.append("converted from CMYK")
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX, reducing_gap=None)
    scale = max(width, height) / max(image.size)
    if scale > 1:
        notes.append(f"reduced from {width} × {height}")
    turned = ImageOps.exif_transpose(image)
    if image.getexif().get(0x0112, 1) != 1:
        notes.append("turned as its EXIF data say")
    if turned.mode.startswith(("I", "F")):
        notes.append("brightness scaled from more than 8 bits")
        values = np.asarray(turned, np.float64)
        turned = Image.fromarray(
            np.uint8(255 * (values - values.min()) / max(np.ptp(values), 1e-9))
        )
    if turned.has_transparency_data:
        notes.append("laid on white where it is transparent")
        turned = Image.alpha_composite(
            Image.new("RGBA", turned.size, "white"), turned.convert("RGBA")
        )
    return Photo(np.asarray(turned.convert("RGB")), scale, tuple(notes))


class Detector:
    """Finds upright faces that look at the camera, with the cascade (Viola & Jones 2001) that
    OpenCV bundles."""

    def __init__(self):
        self._cascade = cv2.CascadeClassifier(
            str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_alt2.xml")
        )

    def boxes(self, photo: Photo) -> np.ndarray:
        """Return int [n, 3], left, top and side of the square around each face in the photo's
        pixels, from left to right."""
        ratio = min(_DETECTED_AT / max(photo.grey.shape), 1)
        height, width = (max(round(ratio * side), 1) for side in photo.grey.shape)
        small = cv2.resize(photo.grey, (width, height), interpolation=cv2.INTER_AREA)
        found = self._cascade.detectMultiScale(
            small, 1.1, 5, minSize=(_SMALLEST_FACE, _SMALLEST_FACE)
        )
        squares = np.array([(x, y, side) for x, y, side, _ in found], float).reshape(-1, 3) / ratio
        left_top, sides = squares[:, :2], squares[:, 2:]
        grown = np.hstack([left_top - (MARGIN - 1) / 2 * sides, MARGIN * sides])
        return np.rint(grown[np.argsort(grown[:, 0], kind="stable")]).astype(int)


def crop_face(photo: Photo, box: np.ndarray) -> np.ndarray:
    """Cut a face out as the networks take it.

    Args:
        box: left, top and side in the photo's pixels; what lies outside the photo is filled
            with its nearest pixels.

    Returns:
        uint8 [48, 48]: grey, each pixel the mean of the area that it stands for (a face of fewer
        pixels is enlarged bilinearly).
    """
    left, top, side = box
    height, width = photo.grey.shape
    rows, columns = (
        np.clip(np.arange(side) + first, 0, size - 1)
        for first, size in ((top, height), (left, width))
    )
    square = photo.grey[np.ix_(rows, columns)]
    return cv2.resize(
        square,
        (IMAGE_SIZE, IMAGE_SIZE),
        interpolation=cv2.INTER_AREA if side >= IMAGE_SIZE else cv2.INTER_LINEAR,
    )
