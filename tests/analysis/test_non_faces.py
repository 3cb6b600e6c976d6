import numpy as np
import pytest
from skimage import data

from fer_lib.analysis import non_faces as module
from fer_lib.analysis.non_faces import confidence_on, non_face_images, non_faces
from fer_lib.io import write_json


def test_images_are_the_same_each_time(monkeypatch):
    monkeypatch.setattr(module, "IMAGES", 110)
    kinds, again = dict(non_face_images()), dict(non_face_images())
    assert {kind: len(images) for kind, images in kinds.items()} == {
        "constant gray": 256,
        "uniform noise": 110,
        "pixels of faces, shuffled": 110,
        "patches without a face": 100,
        "squares of photographs": 110,
    }
    for kind, images in kinds.items():
        assert images.dtype == np.uint8 and images.shape[1:] == (48, 48)
        np.testing.assert_array_equal(images, again[kind])
    levels = kinds["constant gray"]
    assert (levels == np.arange(256)[:, None, None]).all()
    noise = kinds["uniform noise"]
    assert noise.mean() == pytest.approx(127.5, abs=1) and (noise.min(), noise.max()) == (0, 255)
    patches, shuffled = kinds["patches without a face"], kinds["pixels of faces, shuffled"]
    assert patches[0].mean() == pytest.approx(255 * data.lfw_subset()[100].mean(), abs=2)
    assert shuffled[7].mean() == pytest.approx(255 * data.lfw_subset()[7].mean(), abs=2)
    np.testing.assert_array_equal(np.sort(shuffled[7].ravel()), np.sort(shuffled[107].ravel()))
    assert (shuffled[7] != shuffled[107]).mean() > 0.9


def test_confidence_is_that_of_the_model(monkeypatch):
    """Four images by hand: confidences of 0.4, 0.5, 0.9 and 1; a face is detected in the last."""

    class Model:
        def probabilities(self, images):
            rows = np.full((4, 7), 0.0)
            rows[:, 0] = (0.4, 0.5, 0.1, 0.0)
            rows[:, 1] = (0.3, 0.5, 0.9, 1.0)
            rows[0, 2] = 0.3
            return rows

    monkeypatch.setattr(module, "load_onnx_model", Model)
    monkeypatch.setattr(module, "detect_faces", lambda photo: [0] * int(photo.pixels.max() == 3))
    images = np.broadcast_to(np.arange(4, dtype=np.uint8)[:, None, None], (4, 48, 48))
    assert confidence_on(images) == {
        "images": 4,
        "mean_confidence": pytest.approx(0.7),
        "share_above_0.5": 0.75,
        "share_above_0.9": 0.5,
        "most_frequent": "angry",
        "share_most_frequent": 0.5,
        "share_detected": 0.25,
    }


def test_kinds_are_rows(tmp_path):
    write_json(tmp_path / "a.json", {"noise": {"images": 2, "share_above_0.5": 0.5}})
    table = non_faces(tmp_path / "a.json")
    assert list(table.index) == ["noise"] and table.loc["noise", "share_above_0.5"] == 0.5
