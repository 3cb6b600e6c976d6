import numpy as np
import pytest
from PIL import Image

from fer_lib.deploy.face_detection import FaceDetector
from fer_lib.deploy.images import (
    MAX_SIDE,
    Photo,
    PhotoError,
    crop_face,
    find_images,
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
    "empty.jpg": (lambda image, path: path.touch(), "not an image"),
    "text.jpg": (lambda image, path: path.write_text("hello"), "not an image"),
    "truncated.jpg": (save_truncated, "broken: image file is truncated"),
    "huge.png": (
        lambda image, path: Image.new("1", (20_000, 10_000)).save(path),
        "too large: more than 178 million pixels",
    ),
}


@pytest.mark.parametrize("name", READABLE)
def test_formats_are_read_upright(name, portrait, is_near, tmp_path):
    save, note = READABLE[name]
    save(portrait, tmp_path / name)
    photo = read_image(tmp_path / name)
    assert photo.notes == ((note,) if note else ())
    (box,) = FaceDetector().boxes(photo)
    assert is_near(box)


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_file_names_the_reason(name, portrait, tmp_path):
    make, message = UNREADABLE[name]
    make(portrait, tmp_path / name)
    with pytest.raises(PhotoError, match=message):
        read_image(tmp_path / name)


def test_missing_file_and_folder_without_images(tmp_path):
    with pytest.raises(PhotoError, match="no such file"):
        read_image(tmp_path / "none.jpg")
    with pytest.raises(PhotoError, match="the folder holds no image"):
        read_image(tmp_path)


def test_large_photo_is_reduced(portrait, tmp_path):
    portrait.resize((4096, 4096)).save(tmp_path / "large.jpg")
    photo = read_image(tmp_path / "large.jpg")
    assert max(photo.pixels.shape) == MAX_SIDE
    assert photo.scale == 4096 / 1600
    assert photo.notes == ("reduced from 4096 × 4096",)


def test_gray_levels_are_the_weighted_sum_of_the_channels():
    photo = photo_from_array(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8))
    assert photo.gray.tolist() == [[76, 150, 29]]  # 255 × 0.299, 0.587, 0.114


def test_array_gray_or_rgb():
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(photo_from_array(gray).gray, gray)
    rgb = np.stack([gray, gray, gray], axis=2)
    np.testing.assert_array_equal(photo_from_array(rgb).pixels, rgb)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4), np.uint8),
    ],
)
def test_array_of_another_dtype_or_shape_is_refused(array):
    with pytest.raises(PhotoError, match="expected uint8"):
        photo_from_array(array)


def test_crop_averages_areas_and_repeats_the_border():
    gray = np.zeros((96, 96), np.uint8)
    gray[:, 48:] = 200
    photo = Photo(np.stack([gray] * 3, axis=2))
    np.testing.assert_array_equal(crop_face(photo, np.array([0, 0, 96])), gray[::2, ::2])
    assert (crop_face(photo, np.array([48, -48, 96])) == 200).all()
    assert crop_face(photo, np.array([40, 40, 20])).shape == (48, 48)


def test_find_images_in_folders_and_patterns(tmp_path):
    for name in ("a/one.jpg", "a/b/two.PNG", "a/notes.txt", "a/README", "three.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    inputs = [tmp_path / "a", tmp_path / "*.jpg", tmp_path / "three.jpg", tmp_path / "no*.jpg"]
    paths, other_files = find_images([*map(str, inputs), str(tmp_path / "empty")])
    found = [str(path.relative_to(tmp_path)) for path in paths]
    assert found == ["a/b/two.PNG", "a/one.jpg", "three.jpg", "no*.jpg", "empty"]
    assert other_files == {".txt": 1, "no suffix": 1}
