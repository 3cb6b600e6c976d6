from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import ImageColor

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.deploy import annotate
from fer_lib.deploy.annotate import draw_faces, face_caption, save_photos, save_video
from fer_lib.deploy.faces import Face, Prediction
from fer_lib.deploy.images import Photo


def happy_face(probability=0.97):
    probabilities = dict.fromkeys(EMOTION_NAMES, (1 - probability) / 6) | {"happy": probability}
    return Face((40, 60, 100), probabilities)


def prediction(name, frame=None):
    photo = Photo(np.full((200, 300, 3), 255, np.uint8))
    return Prediction(str(name), photo, [happy_face()], frame=frame)


def test_caption_marks_a_prediction_that_is_not_confident():
    assert face_caption(happy_face(0.97)) == "happy 97 %"
    assert face_caption(happy_face(0.40)) == "happy? 40 %"


def test_box_is_drawn_in_the_color_of_the_emotion():
    image = draw_faces(prediction("a.jpg"))
    color = ImageColor.getrgb(COLORS[EMOTION_NAMES.index("happy")])
    assert image.getpixel((40, 110)) == image.getpixel((140, 110)) == color
    assert image.getpixel((90, 160)) == color
    assert image.getpixel((90, 110)) == (255, 255, 255)


def test_box_of_a_rotated_face_is_rotated_about_its_center():
    rotated = prediction("a.jpg")
    rotated.faces = [replace(happy_face(), angle=45.0)]
    image = draw_faces(rotated)
    color = ImageColor.getrgb(COLORS[EMOTION_NAMES.index("happy")])
    # The middles of its sides are 50 pixels from the center, (90, 110): 35 to each direction.
    for x, y in ((125, 145), (55, 145), (125, 75)):
        assert (np.asarray(image)[y - 1 : y + 2, x - 1 : x + 2] == color).all(axis=2).any()
    assert image.getpixel((140, 110)) == (255, 255, 255)


def test_photos_of_one_name_are_both_saved(tmp_path):
    predictions = [prediction("a/x.png"), Prediction("b.jpg", error="no"), prediction("c/x.jpg")]
    assert list(save_photos(predictions, tmp_path)) == predictions
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x-faces-2.jpg", "x-faces.jpg"]


def test_video_keeps_size_and_number_of_frames(tmp_path):
    frames = [prediction(tmp_path / "film.mp4", frame=number) for number in range(12)]
    assert list(save_video(frames, tmp_path)) == frames
    written = cv2.VideoCapture(str(tmp_path / "film-faces.mp4"))
    assert written.get(cv2.CAP_PROP_FRAME_COUNT) == 12
    assert written.read()[1].shape == (200, 300, 3)


def test_video_that_cannot_be_written_leaves_no_file(tmp_path, monkeypatch):
    class ClosedWriter:
        fourcc = staticmethod(lambda *_: 0)

        def __init__(self, *_):
            pass

        def isOpened(self):
            return False

        def release(self):
            pass

    monkeypatch.setattr(annotate.cv2, "VideoWriter", ClosedWriter)
    with pytest.raises(OSError, match="cannot write 300 × 200 at 25 frames a second"):
        list(save_video([prediction("film.mp4", frame=0)], tmp_path))
    assert not list(tmp_path.iterdir())
