import numpy as np
import onnx
import pytest

from fer_lib.data.synthetic import synthetic_faces
from fer_lib.deploy.inference import BATCH, ModelError, OnnxModel


def test_probabilities_do_not_depend_on_the_batch(model):
    faces = synthetic_faces(np.arange(BATCH + 5) % 7, seed=3)
    probabilities = model.probabilities(faces)
    assert probabilities.shape == (BATCH + 5, 7) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    one_by_one = np.concatenate([model.probabilities(face[None]) for face in faces[-6:]])
    np.testing.assert_allclose(probabilities[-6:], one_by_one, atol=1e-5)
    assert model.probabilities(faces[:0]).shape == (0, 7)


def test_file_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be loaded"):
        OnnxModel(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ModelError, match="cannot be loaded"):
        OnnxModel(tmp_path / "text.onnx")


def test_model_of_other_classes_is_refused(model_path, tmp_path):
    other = onnx.load(model_path)
    onnx.helper.set_model_props(other, {"labels": "cat,dog"})
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match=r"was not written by .* 'cat,dog'"):
        OnnxModel(tmp_path / "other.onnx")
