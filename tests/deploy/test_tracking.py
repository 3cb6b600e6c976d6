import math

import numpy as np
import pytest

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.deploy import tracking
from fer_lib.deploy.images import Photo, PhotoError
from fer_lib.deploy.tracking import SMOOTHING, Tracker, predict_camera, predict_video
from fer_lib.deploy.videos import Frame, VideoError


def photo(image):
    return Photo(np.asarray(image))


def test_faces_keep_their_numbers(video, stub_model):
    predictions = list(predict_video(video, stub_model("happy")))
    ids = [[face.id for face in prediction.faces] for prediction in predictions]
    assert ids == [[1, 2]] * 12 + [[1]] * 10
    assert [prediction.frame for prediction in predictions] == list(range(22))
    assert predictions[3].seconds == pytest.approx(0.6, abs=1e-3)
    lefts = [prediction.faces[0].box[0] for prediction in predictions]
    assert lefts[-1] - lefts[0] == pytest.approx(63, abs=4)


def test_frame_is_searched_only_now_and_then(moving_faces, stub_model, monkeypatch):
    searched = []
    search = tracking.detect_faces
    monkeypatch.setattr(tracking, "detect_faces", lambda p: searched.append(number) or search(p))
    monkeypatch.setattr(tracking, "SEARCH_EVERY", 6)
    tracker = Tracker(stub_model("happy"))
    for number in range(8):
        tracker.update(photo(moving_faces[number]), number / 10)
    assert searched == [0, 6]


def test_lost_face_is_searched_at_once(moving_faces, stub_model, monkeypatch):
    searched = []
    search = tracking.detect_faces
    monkeypatch.setattr(tracking, "detect_faces", lambda p: searched.append(number) or search(p))
    tracker = Tracker(stub_model("happy"))
    for number in range(10, 14):
        tracker.update(photo(moving_faces[number]), number / 10)
    assert searched == [10, 12]


@pytest.mark.parametrize(("pause", "number"), [(0.5, 1), (5, 2)])
def test_face_that_returns_soon_keeps_its_number(
    moving_faces, stub_model, monkeypatch, pause, number
):
    tracker, empty = Tracker(stub_model("happy")), photo(np.zeros((256, 512, 3), np.uint8))
    assert [face.id for face in tracker.update(photo(moving_faces[12]), 0)] == [1]
    monkeypatch.setattr(tracking, "SEARCH_WITHOUT_FACE_EVERY", 1)
    for step in range(1, 6):
        assert tracker.update(empty, step * pause / 5) == []
    assert [face.id for face in tracker.update(photo(moving_faces[12]), pause)] == [number]


def test_probabilities_are_a_moving_average_over_time(moving_faces, stub_model):
    tracker, image = Tracker(stub_model("sad", "happy")), photo(moving_faces[12])
    tracker.update(image, 0)
    (face,) = tracker.update(image, 0.2)
    assert face.probabilities["sad"] == pytest.approx(math.exp(-0.2 / SMOOTHING))
    assert sum(face.probabilities.values()) == pytest.approx(1)
    (face,) = tracker.update(image, 5)
    assert face.emotion == "happy" and face.probability > 0.999


def test_two_tracks_of_one_face_become_one(moving_faces, stub_model):
    tracker, image = Tracker(stub_model("happy")), photo(moving_faces[0])
    first, second = tracker.update(image, 0)
    tracker._visible[1].detection = tracker._visible[0].detection
    faces = tracker.update(image, 0.1)
    assert [face.id for face in faces] == [first.id, second.id + 1]  # the other is found anew


def test_cropped_frames_are_one_face(moving_faces, stub_model):
    tracker = Tracker(stub_model("happy"), cropped=True)
    for number in range(2):
        (face,) = tracker.update(photo(moving_faces[0]), number)
        assert (face.id, face.box, face.emotion) == (1, (128, 0, 256), "happy")


def test_one_frame_at_a_time_is_in_memory(video, stub_model, monkeypatch):
    alive, most = set(), 0

    class CountedPhoto(Photo):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            alive.add(id(self))

        def __del__(self):
            alive.discard(id(self))

    monkeypatch.setattr("fer_lib.deploy.videos.Photo", CountedPhoto)
    for _ in predict_video(video, stub_model("happy")):
        most = max(most, len(alive))
    assert 1 <= most <= 2


def test_unreadable_video_and_camera_raise_an_error(stub_model, tmp_path):
    with pytest.raises(VideoError, match=r"none.mp4: no such file"):
        next(predict_video(str(tmp_path / "none.mp4"), stub_model("happy")))
    with pytest.raises(VideoError, match="camera 99: "):
        next(predict_camera(99, stub_model("happy")))


@pytest.mark.parametrize("convert", [np.asarray, photo, lambda image: image])
def test_frames_of_any_program_are_followed(moving_faces, convert):
    """With the default model; a frame is an array, a photo or an image of Pillow."""
    (face,) = Tracker().update(convert(moving_faces[12]), 0)
    assert (face.id, face.emotion) == (1, "happy")
    with pytest.raises(PhotoError, match="expected real numbers"):
        Tracker().update(np.zeros((2, 2, 4)), 0)


def test_camera_is_followed_like_a_video(moving_faces, stub_model, monkeypatch):
    frames = (Frame(photo(image), number / 10) for number, image in enumerate(moving_faces[:3]))
    monkeypatch.setattr(tracking, "read_camera", lambda number: frames)
    predictions = list(predict_camera(0, stub_model("fear")))
    assert [len(prediction.faces) for prediction in predictions] == [2, 2, 2]
    assert predictions[0].faces[0].emotion in EMOTION_NAMES and predictions[2].frame == 2
