import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageColor

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.deploy import annotate
from fer_lib.deploy.annotate import Saver, draw_faces, face_caption
from fer_lib.deploy.faces import Face, Prediction
from fer_lib.deploy.images import Photo
from fer_lib.deploy.videos import read_video


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


def test_number_of_a_face_is_in_its_caption():
    assert face_caption(replace(happy_face(), id=3)) == "3: happy 97 %"


# Saving


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_photos_of_one_name_are_both_saved(tmp_path):
    predictions = [prediction("a/x.png"), Prediction("b.jpg", error="no"), prediction("c/X.jpg")]
    assert list(Saver(tmp_path).photos(predictions)) == predictions
    assert names_in(tmp_path) == ["X-faces-2.jpg", "x-faces.jpg"]


def test_only_files_of_a_saver_are_replaced(tmp_path):
    target = tmp_path / "a-faces.jpg"
    for _ in range(2):  # the second replaces the first
        (saved,) = Saver(tmp_path).photos([prediction("a.jpg")])
        assert saved.save_error is None
    Image.new("RGB", (9, 9)).save(target)
    content = target.read_bytes()
    (kept,) = Saver(tmp_path).photos([prediction("a.jpg")])
    assert kept.save_error == f"{target} exists and is not a file that this command wrote"
    assert kept.faces and target.read_bytes() == content
    os.mkfifo(tmp_path / "b-faces.jpg")
    (refused,) = Saver(tmp_path).photos([prediction("b.jpg")])
    assert "b-faces.jpg exists" in refused.save_error


def test_name_that_is_too_long_costs_only_itself(tmp_path):
    long, good = Saver(tmp_path).photos([prediction(f"{'x' * 250}.jpg"), prediction("a.jpg")])
    assert long.save_error == "File name too long" and good.save_error is None
    assert names_in(tmp_path) == ["a-faces.jpg"]


def video_of(seconds):
    return [
        replace(prediction("film.mp4", frame=number), seconds=time)
        for number, time in enumerate(seconds)
    ]


def test_video_keeps_size_and_times(tmp_path):
    seconds = [0, 0.1, 0.5, 0.6, 2]
    predictions = video_of(seconds)
    assert list(Saver(tmp_path).video(predictions)) == predictions
    written = list(read_video(tmp_path / "film-faces.mp4"))
    assert [frame.seconds for frame in written] == pytest.approx(seconds, abs=1e-3)
    assert written[0].photo.pixels.shape == (200, 300, 3)


def test_video_that_cannot_be_written_is_said_and_leaves_no_file(tmp_path, monkeypatch):
    def fail(self, image, seconds):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(annotate.VideoWriter, "write", fail)
    *predictions, last = Saver(tmp_path).video(video_of([0, 0.1, 0.2]))
    assert [prediction.frame for prediction in predictions] == [0, 1, 2]
    assert (last.name, last.save_error) == ("film.mp4", "No space left on device")
    assert names_in(tmp_path) == []


def test_video_of_someone_else_is_not_replaced(tmp_path):
    (tmp_path / "film-faces.mp4").write_text("mine")
    *predictions, last = Saver(tmp_path).video(video_of([0, 0.1]))
    assert len(predictions) == 2 and "film-faces.mp4 exists" in last.save_error
    assert (tmp_path / "film-faces.mp4").read_text() == "mine"


def test_video_that_is_left_early_leaves_no_file(tmp_path):
    saved = Saver(tmp_path).video(video_of([0, 0.1, 0.2]))
    next(saved), next(saved)
    saved.close()
    assert names_in(tmp_path) == []
