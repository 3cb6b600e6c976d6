"""Open images in a fixed list of formats, up to a number of pixels.

Pillow recognizes a format by its content, whatever the file is called, and supports formats that
start other programs: an EPS file named `.jpg` would start Ghostscript.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image

FORMATS = {  # Pillow's names, and the endings of such files
    "AVIF": (".avif",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "JPEG2000": (".jp2",),
    "MPO": (".mpo",),
    "PNG": (".png",),
    "PPM": (".pbm", ".pgm", ".ppm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
MAX_PIXELS = 100_000_000  # width times height


@contextmanager
def open_image(file: Path | BinaryIO) -> Iterator[Image.Image]:
    """Open an image of one of `FORMATS`. Its pixels are decoded when they are first used.

    Args:
        file: a path, or an open binary file.

    Raises:
        PIL.UnidentifiedImageError: it is of no such format.
        PIL.Image.DecompressionBombError: it has more than `MAX_PIXELS`; none is decoded.
        OSError: as Pillow, when it is opened or decoded. Decoders raise other exceptions, too.
    """
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]  # AVIF is younger than others
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(file, formats=formats)
        except Image.DecompressionBombError:
            raise _too_large() from None
        with image:
            if image.width * image.height > MAX_PIXELS:
                raise _too_large()
            yield image


def _too_large() -> Image.DecompressionBombError:
    return Image.DecompressionBombError(f"more than {MAX_PIXELS / 1e6:,.0f} million pixels")
