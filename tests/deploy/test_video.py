import pytest

from fer_lib.deploy import faces
from fer_lib.deploy.faces import predict_video
from fer_lib.deploy.images import Photo


@pytest.fixture
def path(request):
    return request.getfixturevalue("video")


def test_frames_have_numbers_and_times(path, model):
    predictions = list(predict_video(path, model))
    assert [len(prediction.faces) for prediction in predictions] == [2] * 30 + [0] * 10
    assert (predictions[-1].frame, predictions[-1].seconds) == (39, 3.9)


def test_few_frames_are_in_memory(path, model, monkeypatch):
    alive, counts = set(), []

    class CountedPhoto(Photo):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            alive.add(id(self))
            counts.append(len(alive))

        def __del__(self):
            alive.discard(id(self))

    monkeypatch.setattr(faces, "Photo", CountedPhoto)
    for _ in predict_video(path, model):
        pass
    assert len(counts) == 40 and max(counts) <= faces._MAX_PENDING + 2


def test_unreadable_video(model, tmp_path):
    (missing,) = predict_video(tmp_path / "none.mp4", model)
    assert missing.error == "no such file"
    (tmp_path / "text.mp4").write_text("hello")
    (text,) = predict_video(tmp_path / "text.mp4", model)
    assert text.error == "not a video"


def test_video_that_ends_early(path, model, monkeypatch):
    monkeypatch.setattr(faces, "_COMPLETE", 1.1)
    last = list(predict_video(path, model))[-1]
    assert last.error == "broken: it ends after 40 frames"
