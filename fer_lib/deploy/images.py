"""Read photos and crop faces from them as in FER2013."""

import glob
import warnings
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from fer_lib.data.labels import IMAGE_SIZE

MAX_SIDE = 1600  # pixels that a photo keeps along its longer side, so that memory stays bounded
_ORIENTATION = 0x0112  # EXIF tag


class PhotoError(ValueError):
    """Raised for a photo that cannot be read; the message says why."""


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright image.

    Attributes:
        pixels: RGB, uint8 [h, w, 3].
        scale: size of a pixel along a side, in pixels of the file: 1 unless the photo was
            reduced.
        notes: conversions that a user should know of.
    """

    pixels: np.ndarray
    scale: float = 1.0
    notes: tuple[str, ...] = ()

    @cached_property
    def gray(self) -> np.ndarray:
        """Gray levels, uint8 [h, w]: 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601)."""
        return cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY)


def find_images(inputs: list[str]) -> tuple[list[Path], Counter]:
    """List the images of files, folders (with their subfolders) and patterns such as `*.jpg`.

    Each image is listed once. A name that matches nothing is listed unchanged, so that reading it
    fails with a message; so is a folder without images.

    Returns:
        The paths of the images, and the number of other files in the folders by suffix.
    """
    Image.init()
    suffixes = {
        suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN
    }
    paths, other_files = [], Counter()
    for path in [path for text in inputs for path in _matches(text)]:
        files = sorted(file for file in path.rglob("*") if file.is_file())
        images = [file for file in files if file.suffix.lower() in suffixes]
        paths += images or [path]  # a file has none below it
        other_files.update(
            file.suffix.lower() or "no suffix"
            for file in files
            if file.suffix.lower() not in suffixes
        )
    return list(dict.fromkeys(paths)), other_files


def _matches(text: str) -> list[Path]:
    path = Path(text)
    # Path.glob takes no absolute pattern.
    names = [] if path.exists() else sorted(glob.glob(text, recursive=True))  # noqa: PTH207
    return [Path(name) for name in names] or [path]


def read_image(path: Path) -> Photo:
    """Read an image in any format that Pillow supports.

    The image is rotated according to its EXIF data, placed on white where it is transparent,
    converted to RGB, and reduced to at most 1,600 pixels along the longer side.

    Raises:
        PhotoError: the file does not exist, is not an image, is truncated, or has more than about
            179 million pixels.
    """
    if path.is_dir():
        raise PhotoError("the folder holds no image")
    if not path.exists():
        raise PhotoError("no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # reduced below
            with Image.open(path) as image:
                return _upright(image)
    except Image.DecompressionBombError:
        limit = 2 * Image.MAX_IMAGE_PIXELS // 10**6
        raise PhotoError(f"too large: more than {limit} million pixels") from None
    except Image.UnidentifiedImageError:
        raise PhotoError("not an image") from None
    except Exception as error:  # Pillow's decoders raise many kinds on broken files
        raise PhotoError(f"broken: {error}") from error


def _upright(image: Image.Image) -> Photo:
    width, height = image.size
    has_frames, is_cmyk = getattr(image, "n_frames", 1) > 1, image.mode == "CMYK"
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX, reducing_gap=None)
    scale = max(width, height) / max(image.size)
    upright = ImageOps.exif_transpose(image)
    if has_deep_levels := upright.mode.startswith(("I", "F")):
        levels = np.asarray(upright, np.float64)
        levels = 255 * (levels - levels.min()) / max(np.ptp(levels), 1e-9)
        upright = Image.fromarray(np.uint8(levels))
    if is_transparent := upright.has_transparency_data:
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright.convert("RGBA"))
    notes = {
        "first of several frames": has_frames,
        "converted from CMYK": is_cmyk,
        f"reduced from {width} × {height}": scale > 1,
        "turned as its EXIF data say": image.getexif().get(_ORIENTATION, 1) != 1,
        "brightness scaled from more than 8 bits": has_deep_levels,
        "laid on white where it is transparent": is_transparent,
    }
    applying = tuple(note for note, applies in notes.items() if applies)
    return Photo(np.asarray(upright.convert("RGB")), scale, applying)


def photo_from_array(pixels: np.ndarray) -> Photo:
    """Convert an array to a photo.

    Args:
        pixels: uint8, gray [h, w] or RGB [h, w, 3].

    Raises:
        PhotoError: the array has another dtype or shape, or no pixels.
    """
    pixels = np.asarray(pixels)
    gray_or_rgb = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not gray_or_rgb or not pixels.size:
        raise PhotoError(
            f"an array of dtype {pixels.dtype} and shape {pixels.shape}; "
            "expected uint8, [h, w] or [h, w, 3]"
        )
    rgb = np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels
    return Photo(np.ascontiguousarray(rgb))


def crop_face(photo: Photo, box: np.ndarray) -> np.ndarray:
    """Crop a face to the input of the models.

    Args:
        box: left, top and side in the photo's pixels. Pixels outside the photo repeat its
            border.

    Returns:
        Gray levels, uint8 [48, 48]. A larger box is averaged over areas; a smaller one is enlarged
        bilinearly.
    """
    left, top, side = box
    height, width = photo.gray.shape
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    square = photo.gray[np.ix_(rows, columns)]
    method = cv2.INTER_AREA if side >= IMAGE_SIZE else cv2.INTER_LINEAR
    return cv2.resize(square, (IMAGE_SIZE, IMAGE_SIZE), interpolation=method)
