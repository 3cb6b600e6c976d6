"""Read photos and crop faces from them as in FER2013."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fer_lib.data.labels import IMAGE_SIZE
from fer_lib.deploy.suffixes import is_photo, is_video
from fer_lib.images import open_image
from fer_lib.io import list_files, require_regular_file
from fer_lib.text import QUOTED_LENGTH, printable

_ORIENTATION = 0x0112  # EXIF tag
_ROTATIONS = range(2, 9)  # values of the tag that say how to turn or mirror the photo
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_GRAY = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
_WHITE = (1, 255, 65535)  # the level of white: the smallest that no value exceeds


class PhotoError(ValueError):
    """Raised for a photo that cannot be read; the message says why."""


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright image.

    Attributes:
        pixels: RGB, uint8 [h, w, 3].
        notes: conversions that a user should know of.
    """

    pixels: np.ndarray
    notes: tuple[str, ...] = ()


def require_input_file(path: Path, error: type[Exception]) -> None:
    """Raise an error unless a path is that of a file: not of a folder, FIFO, socket or device."""
    try:
        require_regular_file(path)
    except FileNotFoundError:
        raise error("no such file") from None
    except OSError as problem:
        raise error(problem.strerror) from None
    except ValueError:
        raise error(_other_kind(path)) from None


def _other_kind(path: Path) -> str:
    """What a path names that is no file."""
    if "\0" in str(path):
        return "not a file name"
    if path.is_dir():
        if not os.access(path, os.R_OK | os.X_OK):
            return "the folder cannot be read"
        if any(is_photo(file) or is_video(file) for file in list_files(path, [])):
            return "a folder; give a list of its files"
        return "the folder holds no photo or video"
    return "not a file, but a FIFO, a socket or a device"


def photo_of(source: "str | Path | Image.Image | np.ndarray | Photo") -> Photo:
    """Convert an image file, an image of Pillow, or an array as in `photo_from_array` to a photo.

    A photo is returned unchanged.

    Raises:
        PhotoError: the image cannot be read, or is of another type.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, str | Path):
        return read_image(Path(source))
    if isinstance(source, Image.Image):
        return photo_from_image(source)
    if np.ndim(source) == 0:
        raise PhotoError("expected the name of a file, an image of Pillow or an array")
    return photo_from_array(source)


def read_image(path: Path) -> Photo:
    """Read a photo in one of `fer_lib.images.FORMATS`.

    The image is rotated according to its EXIF data, placed on white where it is transparent, and
    converted to RGB; levels of more than 8 bits as in `photo_from_array`.

    Raises:
        PhotoError: the file does not exist, is not an image, is truncated, or has more than 100
            million pixels.
    """
    path = Path(path)
    require_input_file(path, PhotoError)
    try:
        with open_image(path) as image:
            return _upright(image)
    except PhotoError:
        raise
    except Image.DecompressionBombError as error:
        raise PhotoError(f"too large: {error}") from None
    except Image.UnidentifiedImageError:
        raise PhotoError(_other_format(path)) from None
    except Exception as error:  # Pillow's decoders raise many kinds on broken files
        problem = getattr(error, "strerror", None)
        raise PhotoError(problem or f"broken: {printable(error)[:QUOTED_LENGTH]}") from error


def photo_from_image(image: Image.Image) -> Photo:
    """Convert an image of Pillow to a photo, as `read_image` converts what it has opened."""
    return _upright(image.copy())


def _other_format(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(12)
    if start[4:8] == b"ftyp" and start[8:] in _HEIC_BRANDS:
        return "HEIC, which is not supported: convert it to JPEG, such as with `heif-convert`"
    if not start:
        return "an empty file"
    return "not an image" + ("; use predict_video for a video" if is_video(path) else "")


def _upright(image: Image.Image) -> Photo:
    has_frames, is_cmyk = getattr(image, "is_animated", False), image.mode == "CMYK"
    is_turned = image.getexif().get(_ORIENTATION) in _ROTATIONS
    ImageOps.exif_transpose(image, in_place=True)  # a copy of a large photo would take 400 MB
    upright = image
    if has_deep_levels := upright.mode.startswith(("I", "F")):
        upright = Image.fromarray(_levels(np.asarray(upright)))
    if is_transparent := upright.has_transparency_data:
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright.convert("RGBA"))
    notes = {
        "first of several frames": has_frames,
        "converted from CMYK": is_cmyk,
        "turned as its EXIF data say": is_turned,
        "brightness scaled from more than 8 bits": has_deep_levels,
        "laid on white where it is transparent": is_transparent,
    }
    applying = tuple(note for note, applies in notes.items() if applies)
    rgb = upright if upright.mode == "RGB" else upright.convert("RGB")
    return Photo(np.asarray(rgb), applying)


def photo_from_array(pixels: np.ndarray) -> Photo:
    """Convert an array to a photo.

    Black is 0. White is 255 in an array of dtype uint8; in any other, it is the smallest of 1, 255
    and 65,535 that no value exceeds. So floats may be from 0 to 1 or from 0 to 255.

    Args:
        pixels: gray [h, w] or [h, w, 1], or RGB [h, w, 3], of any boolean, integer or float dtype.

    Raises:
        PhotoError: the array has another shape or dtype, no pixels, or values below 0, above
            65,535, or not finite.
    """
    pixels = np.asarray(pixels)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    is_image = pixels.ndim == 3 and pixels.shape[2] in (1, 3) and pixels.size
    if not is_image or pixels.dtype.kind not in "buif":
        raise PhotoError(
            f"an array of dtype {pixels.dtype} and shape {pixels.shape}; "
            "expected real numbers, [h, w] or [h, w, 3]"
        )
    levels = pixels if pixels.dtype == np.uint8 else _levels(pixels)
    return Photo(np.ascontiguousarray(np.broadcast_to(levels, (*levels.shape[:2], 3))))


def _levels(pixels: np.ndarray) -> np.ndarray:
    """Convert values to uint8 by the rule of `photo_from_array`."""
    largest = float(pixels.max())
    white = next((white for white in _WHITE if largest <= white), None)
    if white is None or not pixels.min() >= 0:
        raise PhotoError(f"values from {pixels.min()} to {largest}; expected 0 to 1, 255 or 65,535")
    return np.rint(pixels * (255 / white)).astype(np.uint8)


def crop_face(photo: Photo, box: Sequence[float], angle: float = 0.0) -> np.ndarray:
    """Crop a face to the input of the models.

    Args:
        box, angle: as in `crop_square`.

    Returns:
        Gray levels, uint8 [48, 48]: 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).
    """
    return np.rint(_resized_square(photo, box, angle, IMAGE_SIZE) @ _GRAY).astype(np.uint8)


def crop_square(photo: Photo, box: Sequence[float], angle: float, size: int) -> np.ndarray:
    """Crop a square that is rotated about its center, and resize it.

    Pixels outside the photo repeat its border. A larger square is averaged over areas; a smaller
    one is enlarged bilinearly.

    Args:
        box: left, top and side of the square before its rotation, in the photo's pixels.
        angle: its rotation in degrees, clockwise.
        size: pixels along a side of the result, which is upright.

    Returns:
        RGB, uint8 [size, size, 3].
    """
    return np.rint(_resized_square(photo, box, angle, size)).astype(np.uint8)


def _resized_square(photo: Photo, box: Sequence[float], angle: float, size: int) -> np.ndarray:
    """As `crop_square`, before rounding: float32."""
    left, top, side = map(float, box)
    border = math.ceil(0.21 * side) + 2 if angle else 0  # a rotated square is up to √2 as wide
    rows, columns = (
        np.arange(math.floor(start) - border, math.ceil(start + side) + border)
        for start in (top, left)
    )
    height, width = photo.pixels.shape[:2]
    region = photo.pixels[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)]
    left, top = left - columns[0], top - rows[0]
    if angle:
        factor = max(int(side / size / 4), 1)  # pixels that need not be rotated one by one
        left, top, side = left / factor, top / factor, side / factor
        center = (left + side / 2, top + side / 2)
        upright = Image.fromarray(region).reduce(factor)
        region = np.asarray(upright.rotate(angle, Image.Resampling.BILINEAR, center=center))
    down, across = (
        _resizing_weights(start, side, size, length)
        for start, length in ((top, region.shape[0]), (left, region.shape[1]))
    )
    return np.einsum("ih,hwc,jw->ijc", down, region.astype(np.float32), across, optimize=True)


def _resizing_weights(start: float, side: float, size: int, length: int) -> np.ndarray:
    """Weights [size, length] of the pixels of a row that is resized from `start` on."""
    step, pixels = side / size, np.arange(length)
    starts = start + step * np.arange(size)[:, None]
    if step >= 1:
        shared = np.minimum(starts + step, pixels + 1) - np.maximum(starts, pixels)
        return np.float32(np.maximum(shared, 0) / step)
    centers = np.clip(starts + step / 2 - 0.5, start, start + side - 1)
    return np.float32(np.maximum(1 - np.abs(centers - pixels), 0))
