import os

import numpy as np
import onnx
import pytest

from fer_lib.data.synthetic import synthetic_faces
from fer_lib.deploy import inference
from fer_lib.deploy.inference import (
    BATCH,
    DEFAULT_MODEL,
    INPUT,
    OUTPUT,
    ModelError,
    OnnxModel,
    export_fingerprint,
    load_onnx_model,
)
from fer_lib.io import sha256_of
from fer_lib.paths import RESULTS
from fer_lib.runs.run import PREDICTIONS_FILE
from fer_lib.runs.store import best_single_run


def test_probabilities_do_not_depend_on_the_batch(model):
    faces = synthetic_faces(np.arange(BATCH + 5) % 7, seed=3)
    probabilities = model.probabilities(faces)
    assert probabilities.shape == (BATCH + 5, 7) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    one_by_one = np.concatenate([model.probabilities(face[None]) for face in faces[-6:]])
    np.testing.assert_allclose(probabilities[-6:], one_by_one, atol=1e-5)
    assert model.probabilities(faces[:0]).shape == (0, 7)


def test_file_that_is_no_model_is_refused(tmp_path):
    for name in ("none.onnx", ""):
        with pytest.raises(ModelError, match="no such file"):
            OnnxModel(tmp_path / name)
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ModelError, match="cannot be loaded"):
        OnnxModel(tmp_path / "text.onnx")


def test_model_of_other_classes_is_refused(model_path, tmp_path):
    other = onnx.load(model_path)
    onnx.helper.set_model_props(other, {"labels": "cat,dog"})
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match=r"was not written by .* 'cat,dog'"):
        OnnxModel(tmp_path / "other.onnx")


def save_graph(path, operator, output=OUTPUT, rows=None):
    """A model that returns `rows`, [1, 7], for each image, or `operator` of the mean gray level."""
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("ReduceMean", [INPUT], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node(operator, ["mean", "rows"], [output]),
    ]
    stored = np.zeros((1, 7), np.float32) if rows is None else np.float32(rows)
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(INPUT, floats, ["n", 48, 48, 1])],
        [helper.make_tensor_value_info(output, floats, ["n", 7])],
        [onnx.numpy_helper.from_array(stored, "rows")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.helper.set_model_props(model, {"labels": ",".join(inference.EMOTION_NAMES)})
    onnx.save(model, path)
    return path


def test_model_with_another_output_is_refused(tmp_path):
    with pytest.raises(ModelError, match="has no input 'pixels' and output 'probabilities'"):
        OnnxModel(save_graph(tmp_path / "a.onnx", "Add", output="logits"))


@pytest.mark.parametrize("rows", [[[1] * 7], [[2, -1, 0, 0, 0, 0, 0]], [[np.nan] * 7]])
def test_model_that_returns_no_probabilities_is_refused(rows, tmp_path):
    model = OnnxModel(save_graph(tmp_path / "a.onnx", "Add", rows=rows))
    with pytest.raises(ModelError, match="does not return probabilities"):
        model.probabilities(np.zeros((3, 48, 48), np.uint8))


def test_default_model_is_the_best_recorded_run(capsys):
    """Otherwise run `benchmarks/package_model.py`."""
    run = best_single_run(RESULTS)
    expected = export_fingerprint(run.weights, run.folder / PREDICTIONS_FILE)
    assert load_onnx_model().metadata["fingerprint"] == expected
    digest, name = DEFAULT_MODEL.with_suffix(".sha256").read_text().split()
    assert (digest, name) == (sha256_of(DEFAULT_MODEL), DEFAULT_MODEL.name)
    assert DEFAULT_MODEL.stat().st_size <= 4_000_000


def test_default_model_predicts_what_the_exporter_writes(tmp_path):
    from fer_lib.deploy.onnx_export import write_onnx

    write_onnx(best_single_run(RESULTS), tmp_path / "a.onnx")
    faces = synthetic_faces(np.arange(14) % 7, seed=3)
    expected = OnnxModel(tmp_path / "a.onnx").probabilities(faces)
    np.testing.assert_allclose(load_onnx_model().probabilities(faces), expected, atol=1e-5)


def test_model_is_loaded_once(tmp_path):
    inference._load.cache_clear()
    path = save_graph(tmp_path / "a.onnx", "Add")
    assert load_onnx_model(path) is load_onnx_model(str(path))
    os.utime(path, (0, 0))  # another file of that name
    load_onnx_model(path)
    assert inference._load.cache_info().misses == 2
