import os

import numpy as np
import pytest
from PIL import Image

from fer_lib.deploy.face_detection import detect_faces
from fer_lib.deploy.images import (
    PhotoError,
    crop_face,
    crop_square,
    photo_from_array,
    read_image,
)

ORIENTATION = 0x0112


def save_turned(image, path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image.rotate(90, expand=True).save(path, exif=exif)


def save_16_bits(image, path):
    Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(path)


def save_transparent(image, path):
    image = image.copy()
    image.putalpha(220)
    image.save(path)


def save_truncated(image, path):
    image.save(path)
    path.write_bytes(path.read_bytes()[:9000])


READABLE = {
    "turned.jpg": (save_turned, "turned as its EXIF data say"),
    "cmyk.jpg": (lambda image, path: image.convert("CMYK").save(path), "converted from CMYK"),
    "transparent.png": (save_transparent, "laid on white where it is transparent"),
    "16bits.png": (save_16_bits, "brightness scaled from more than 8 bits"),
    "palette.gif": (lambda image, path: image.convert("P").save(path), ""),
}
UNREADABLE = {
    "empty.jpg": (lambda image, path: path.touch(), "an empty file"),
    "text.jpg": (lambda image, path: path.write_text("hello"), "not an image"),
    "truncated.jpg": (save_truncated, "broken: image file is truncated"),
    "huge.png": (
        lambda image, path: Image.new("1", (20_000, 10_000)).save(path),
        "too large: more than 100 million pixels",
    ),
    "large.png": (
        lambda image, path: Image.new("1", (13_000, 13_000)).save(path),
        "too large: more than 100 million pixels",
    ),
    "eps.jpg": (lambda image, path: image.save(path, "EPS"), "not an image"),
    "heic.jpg": (
        lambda image, path: path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        "HEIC, which is not supported: convert it to JPEG",
    ),
    "nan.tiff": (
        lambda image, path: Image.fromarray(np.float32([[0, np.nan]])).save(path),
        "values from nan to nan",
    ),
    "infinite.tiff": (
        lambda image, path: Image.fromarray(np.float32([[0, np.inf]])).save(path),
        "values from 0.0 to inf",
    ),
    "fifo.jpg": (lambda image, path: os.mkfifo(path), "not a file, but a FIFO"),
}


@pytest.mark.parametrize("name", READABLE)
def test_formats_are_read_upright(name, portrait, is_near, tmp_path):
    save, note = READABLE[name]
    save(portrait, tmp_path / name)
    photo = read_image(tmp_path / name)
    assert photo.notes == ((note,) if note else ())
    (face,) = detect_faces(photo)
    assert is_near(face.square)


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_file_names_the_reason(name, portrait, tmp_path):
    make, message = UNREADABLE[name]
    make(portrait, tmp_path / name)
    with pytest.raises(PhotoError, match=message):
        read_image(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.jpg", "no such file"),
        ("", "the folder holds no photo or video"),
        ("/dev/zero", "not a file, but a FIFO, a socket or a device"),
        ("a\0b.jpg", "not a file name"),
        ("x" * 300, "File name too long"),
    ],
)
def test_other_paths_are_refused_at_once(name, message, tmp_path):
    with pytest.raises(PhotoError, match=message):
        read_image(tmp_path / name)


def test_folder_that_cannot_be_read_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PhotoError, match="the folder cannot be read"):
        read_image(tmp_path)


@pytest.mark.parametrize("orientation", [0, 1, 9])
def test_other_orientations_are_no_rotation(orientation, portrait, tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    portrait.save(tmp_path / "a.png", exif=exif)
    photo = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.pixels, np.asarray(portrait))
    assert photo.notes == ()


def test_large_photo_keeps_its_pixels(portrait, tmp_path):
    portrait.resize((3000, 2000)).save(tmp_path / "large.jpg")
    photo = read_image(tmp_path / "large.jpg")
    assert photo.pixels.shape == (2000, 3000, 3) and photo.notes == ()


def test_array_gray_or_rgb():
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4)
    rgb = np.stack([gray, gray, gray], axis=2)
    for array in (gray, gray[..., None], rgb):
        np.testing.assert_array_equal(photo_from_array(array).pixels, rgb)


@pytest.mark.parametrize(
    ("values", "dtype", "levels"),
    [
        ([0, 1], np.uint8, [0, 1]),
        ([0, 1], bool, [0, 255]),
        ([0, 0.2, 1], np.float32, [0, 51, 255]),
        ([0, 0.2, 1], np.float16, [0, 51, 255]),
        ([0, 7.6, 255], np.float64, [0, 8, 255]),
        ([0, 200], np.int64, [0, 200]),
        ([0, 257, 65535], np.uint16, [0, 1, 255]),
    ],
)
def test_white_of_an_array_depends_on_its_largest_value(values, dtype, levels):
    photo = photo_from_array(np.array([values]).astype(dtype))
    assert photo.pixels[0, :, 0].tolist() == levels


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4, 4), np.uint8), "expected real numbers"),
        (np.zeros((4, 4), complex), "expected real numbers"),
        (np.zeros(4, np.uint8), "expected real numbers"),
        (np.zeros((0, 4), np.uint8), "expected real numbers"),
        (np.array([[0, 70000]]), "values from 0 to 70000"),
        (np.array([[-1.0, 1]]), "values from -1.0 to 1.0"),
        (np.array([[np.nan, 1]]), "values from nan"),
    ],
)
def test_other_arrays_are_refused(array, message):
    with pytest.raises(PhotoError, match=message):
        photo_from_array(array)


def test_crop_averages_areas_and_repeats_the_border():
    gray = np.zeros((96, 96), np.uint8)
    gray[:, 48:] = 200
    photo = photo_from_array(gray)
    np.testing.assert_array_equal(crop_face(photo, (0, 0, 96)), gray[::2, ::2])
    assert (crop_face(photo, (48, -48, 96)) == 200).all()
    assert crop_face(photo, (40, 40, 20)).shape == (48, 48)


def test_gray_levels_of_a_crop_are_the_weighted_sum_of_the_channels():
    for channel, level in enumerate((76, 150, 29)):  # 255 × 0.299, 0.587, 0.114
        pixels = np.zeros((48, 48, 3), np.uint8)
        pixels[..., channel] = 255
        assert (crop_face(photo_from_array(pixels), (0, 0, 48)) == level).all()


def test_pixels_are_averaged_by_the_area_that_is_in_the_crop():
    photo = photo_from_array(np.array([[0, 90, 240]] * 3, np.uint8))
    # Pixels of 1.5: (1 × 0 + 0.5 × 90) / 1.5 and (0.5 × 90 + 1 × 240) / 1.5.
    assert crop_square(photo, (0, 0, 3), 0, 2)[0, :, 0].tolist() == [30, 190]
    # Enlarged: centers at 0.25 and 0.75 of the first two pixels, whose own are at 0.5 and 1.5.
    assert crop_square(photo, (0, 0, 2), 0, 4)[0, :, 0].tolist() == [0, 22, 68, 90]


@pytest.mark.parametrize("scale", [1, 6])  # at 6, pixels are averaged before the rotation
def test_crop_is_turned_upright(scale):
    """A dark line from the center along 30° below the horizontal, to the right."""
    rows, columns = np.mgrid[: 200 * scale, : 200 * scale] / scale - 100
    turn = np.radians(30)
    along = columns * np.cos(turn) + rows * np.sin(turn)
    across = rows * np.cos(turn) - columns * np.sin(turn)
    photo = photo_from_array(np.where((np.abs(across) < 4) & (along > 0), 0, 255).astype(np.uint8))
    crop = crop_face(photo, np.array([52, 52, 96]) * scale, 30)
    assert (crop[23:25, 26:] < 20).all() and (crop[:, :22] == 255).all()
    assert (crop[:20] == 255).all() and (crop[28:] == 255).all()
