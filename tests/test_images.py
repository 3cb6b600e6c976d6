import io
import subprocess
import warnings

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, UnidentifiedImageError

from fer_lib.images import FORMATS, SUFFIXES, open_image

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 48 48\n%%EndComments\nshowpage\n%%EOF\n"


def image_bytes(kind, mode="L", size=(48, 48)):
    stream = io.BytesIO()
    Image.new(mode, size, 7).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", sorted(set(FORMATS) - {"AVIF", "MPO"}))
def test_listed_formats_are_opened(kind):
    mode = "RGB" if kind == "WEBP" else "L"
    with open_image(io.BytesIO(image_bytes(kind, mode))) as image:
        assert image.format == kind and np.asarray(image).shape[:2] == (48, 48)


@pytest.mark.parametrize("content", [EPS, image_bytes("TGA"), image_bytes("PCX"), b"%PDF-1.4"])
def test_other_formats_are_refused_whatever_the_name(tmp_path, monkeypatch, content):
    def run(*arguments, **options):
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "check_call", run)
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", run)
    path = tmp_path / "face.jpg"
    path.write_bytes(content)
    with pytest.raises(UnidentifiedImageError), open_image(path) as image:
        image.load()


@pytest.mark.parametrize("side", [10_001, 13_000, 13_400])  # the last is above Pillow's own limit
def test_large_images_are_refused_before_they_are_decoded(side, tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    Image.new("1", (side, side)).save(path)
    monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("decoded"))
    with (
        warnings.catch_warnings(action="error"),
        pytest.raises(Image.DecompressionBombError, match=r"^more than 100 million pixels$"),
        open_image(path),
    ):
        pass


def test_an_image_of_the_largest_size_is_opened_without_a_warning(tmp_path):
    path = tmp_path / "large.png"
    Image.new("1", (10_000, 10_000)).save(path)
    with warnings.catch_warnings(action="error"), open_image(path) as image:
        assert image.size == (10_000, 10_000)


def test_the_endings_are_those_of_pillow():
    Image.init()
    known = Image.registered_extensions()
    assert {known[suffix] for suffix in SUFFIXES if suffix != ".avif"} <= set(FORMATS)
