import json
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.deploy.face_detection import detect_faces
from fer_lib.deploy.faces import Face, Prediction, predict_faces, predict_photos
from fer_lib.deploy.images import PhotoError, crop_face, read_image


def face(*probabilities):
    return Face((1, 2, 3), dict(zip(EMOTION_NAMES, probabilities, strict=True)))


def test_prediction_is_the_most_probable_emotion():
    prediction = face(0.4, 0.6, 0, 0, 0, 0, 0)
    assert (prediction.emotion, prediction.probability) == ("disgust", 0.6)


def test_prediction_is_confident_from_one_half():
    assert face(0.5, 0.3, 0.2, 0, 0, 0, 0).confident
    assert not face(0.49, 0.31, 0.2, 0, 0, 0, 0).confident


def test_json_of_a_frame_and_of_an_error():
    faces = [replace(face(0.7, 0.3, 0, 0, 0, 0, 0), id=4)]
    prediction = Prediction("a.mp4", faces=faces, frame=3, seconds=0.12)
    assert json.loads(prediction.to_json()) == {
        "file": "a.mp4",
        "frame": 3,
        "seconds": 0.12,
        "faces": [
            {
                "id": 4,
                "box": [1, 2, 3],
                "emotion": "angry",
                "confident": True,
                "probabilities": dict(zip(EMOTION_NAMES, (0.7, 0.3, 0, 0, 0, 0, 0), strict=True)),
                "angle": 0.0,
                "eyes": None,
            }
        ],
        "notes": [],
    }
    error = Prediction("b.jpg", error="no such file")
    assert json.loads(error.to_json()) == {"file": "b.jpg", "error": "no such file", "notes": []}
    named = Prediction("b\udcff\n.jpg", error="?", save_error="full")
    assert json.loads(named.to_json()) == {
        "file": "b\\udcff\\n.jpg",
        "error": "?",
        "notes": [],
        "save_error": "full",
    }


def test_faces_of_several_photos_are_classified_in_one_batch(two_faces, model):
    batches, original = [], model.probabilities
    model.probabilities = lambda faces: batches.append(len(faces)) or original(faces)
    predictions = list(predict_photos([two_faces] * 5, model))
    assert batches == [10]
    assert all(prediction.faces == predictions[0].faces for prediction in predictions)
    photo = read_image(two_faces)
    found = detect_faces(photo)[1]
    crop = crop_face(photo, found.square, found.angle)
    probabilities = list(predictions[0].faces[1].probabilities.values())
    np.testing.assert_allclose(probabilities, original(crop[None])[0], atol=1e-6)


def test_boxes_are_in_the_pixels_of_the_file(portrait, portrait_box, is_near, model, tmp_path):
    portrait.resize((4096, 4096)).save(tmp_path / "large.jpg")
    (prediction,) = predict_photos([tmp_path / "large.jpg"], model)
    assert is_near(prediction.faces[0].box, 8 * portrait_box)


def test_unreadable_photo_is_a_prediction_with_an_error(two_faces, model, tmp_path):
    bad, good = predict_photos([tmp_path / "none.jpg", two_faces], model)
    assert bad.error == "no such file" and bad.faces == []
    assert good.error is None and len(good.faces) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("film.mp4", "not an image; use predict_video for a video"),
        ("text.jpg", "not an image"),
        ("none.mp4", "no such file"),
        ("empty.mp4", "an empty file"),
        ("folder", "a folder; give a list of its files"),
        ("folder/none", "the folder holds no photo or video"),
    ],
)
def test_message_says_what_helps(name, message, video, tmp_path):
    shutil.copy(video, tmp_path / "film.mp4")
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder" / "none").mkdir(parents=True)
    (tmp_path / "folder" / "a.JPG").touch()
    with pytest.raises(PhotoError) as caught:
        predict_faces(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: {message}"


@pytest.mark.parametrize("source", [None, 3, b"a.jpg", iter(["a.jpg"])])
def test_source_of_another_type_is_named(source):
    expected = "expected the name of a file, an image of Pillow or an array"
    with pytest.raises(PhotoError, match=f"^{type(source).__name__}: {expected}$"):
        predict_faces(source)


def test_sources_path_array_and_list(portrait, two_faces, model_path, is_near):
    rgb = np.asarray(portrait)
    (in_rgb,) = predict_faces(rgb, model_path)
    (in_gray,) = predict_faces(np.asarray(portrait.convert("L")), model_path)
    assert is_near(in_rgb.box) and is_near(in_gray.box)
    in_floats = predict_faces(rgb / 255, model_path)
    assert in_floats == [in_rgb]
    lists = predict_faces([rgb, str(two_faces), np.zeros((100, 100))], str(model_path))
    assert [len(faces) for faces in lists] == [1, 2, 0]
    assert lists[0] == [in_rgb]
    assert lists[1] == predict_faces(two_faces, model_path)


def test_cropped_image_is_one_face(model):
    pixels = np.arange(48 * 60, dtype=np.uint16).reshape(48, 60) // 12
    square = np.uint8(pixels[:, 6:54])
    (face,) = predict_faces(np.uint8(pixels), model, cropped=True)
    assert face.box == (6, 0, 48) and face.eyes is None and face.angle == 0
    expected = model.probabilities(square[None])[0]
    np.testing.assert_allclose(list(face.probabilities.values()), expected, atol=1e-6)
    lists = predict_faces([square, square], model, cropped=True)
    assert [len(faces) for faces in lists] == [1, 1]


def test_tiny_image_without_a_face_gives_a_hint(model):
    with pytest.warns(UserWarning, match="array: no face found; .*cropped=True"):
        assert predict_faces(np.zeros((48, 48), np.uint8), model) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert predict_faces(np.zeros((300, 300), np.uint8), model) == []


def test_rotated_face_is_classified_upright(portrait, model):
    def crop_of(image):
        crops, original = [], model.probabilities
        model.probabilities = lambda faces: crops.extend(faces) or original(faces)
        (face,) = predict_faces(np.asarray(image), model)
        model.probabilities = original
        return face, crops[0].astype(float)

    upright, expected = crop_of(portrait)
    rotated, crop = crop_of(portrait.rotate(-35, Image.Resampling.BICUBIC))
    assert rotated.angle - upright.angle == pytest.approx(35, abs=5)
    assert np.corrcoef(crop.ravel(), expected.ravel())[0, 1] > 0.8


def test_unreadable_source_is_named(model, tmp_path):
    with pytest.raises(PhotoError, match=r"none\.jpg: no such file"):
        predict_faces([tmp_path / "none.jpg"], model)


def test_base_installation_suffices(two_faces):
    code = f"""
import sys
from fer_lib import predict_faces
assert len(predict_faces({str(two_faces)!r})) == 2
heavy = {{"av", "keras", "tensorflow", "pandas", "sklearn", "scipy"}}
sys.exit(", ".join(heavy & sys.modules.keys()) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_image_of_pillow_is_read_like_its_file(portrait, model, tmp_path):
    """Rotated by its EXIF data, and not changed itself; a palette is no gray levels."""
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    upright = portrait
    upright.rotate(90, expand=True).save(tmp_path / "rotated.png", exif=exif)
    with Image.open(tmp_path / "rotated.png") as image:
        size = image.size
        (face,) = predict_faces(image, model)
        assert image.size == size
    (expected,) = predict_faces(tmp_path / "rotated.png", model)
    assert face == expected
    (of_palette,) = predict_faces(upright.quantize(128), model)
    assert of_palette.emotion == expected.emotion


@pytest.mark.parametrize("source", [b"\xff" * 10_000, np.zeros((9, 9, 9, 9))])
def test_message_does_not_repeat_the_pixels(source, model):
    with pytest.raises(PhotoError, match=r"^(bytes: expected|ndarray: an array)") as error:
        predict_faces(source, model)
    assert len(str(error.value)) < 200
