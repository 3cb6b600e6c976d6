import numpy as np
import pytest

from fer_lib.data.synthetic import synthetic_faces
from fer_lib.deploy import onnx_export
from fer_lib.deploy.inference import BATCH, OnnxModel
from fer_lib.deploy.litert_export import LiteRTModel, export_litert
from fer_lib.deploy.onnx_export import ExportError


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("litert") / "tiny.tflite"
    return path, export_litert(run, path)


def test_file_predicts_what_the_onnx_file_predicts(exported, model_path):
    path, report = exported
    assert report.accepted and report.synthetic and report.max_probability_difference < 1e-5
    faces = synthetic_faces(np.arange(BATCH + 3) % 7, seed=3)
    probabilities = LiteRTModel(path).probabilities(faces)
    np.testing.assert_allclose(probabilities, OnnxModel(model_path).probabilities(faces), atol=1e-5)


def test_file_that_differs_from_keras_is_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "MAX_PROBABILITY_DIFFERENCE", -1)
    with pytest.raises(ExportError, match="a probability differs by"):
        export_litert(run, tmp_path / "a.tflite")
    assert list(tmp_path.iterdir()) == []
