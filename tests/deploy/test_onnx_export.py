import shutil

import keras
import numpy as np
import onnx
import pytest
from keras import ops

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.synthetic import synthetic_faces
from fer_lib.deploy import onnx_export
from fer_lib.deploy.inference import OnnxModel
from fer_lib.deploy.onnx_export import (
    ExportError,
    ExportReport,
    _convert,
    _view_in_graph,
    export_onnx,
    fit_run_temperature,
    write_onnx,
)
from fer_lib.evaluation.inference import predict_run
from fer_lib.io import write_json
from fer_lib.paths import RESULTS
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import Run
from fer_lib.runs.store import best_single_run
from fer_lib.tta import SCHEMES

FACES = synthetic_faces(np.arange(20) % 7, seed=3)


@pytest.fixture(scope="module")
def with_tta(run, tmp_path_factory):
    """The small run under another TTA scheme."""

    def make(tta):
        folder = tmp_path_factory.mktemp(tta) / "tiny" / "seed-0"
        shutil.copytree(run.folder, folder)
        configuration = {**run.config["configuration"], "tta": tta}
        write_json(folder / "config.json", {**run.config, "configuration": configuration})
        return Run(folder)

    return make


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The file of the model that prediction uses by default."""
    path = tmp_path_factory.mktemp("published") / "best.onnx"
    export_onnx(best_single_run(RESULTS), path)
    return path


@pytest.mark.parametrize("tta", ["none", "flip", "shift5_2px", "flip+shift3x3_1px"])
def test_file_applies_the_tta_of_the_run(tta, with_tta, tmp_path):
    run = with_tta(tta)
    export_onnx(run, tmp_path / "a.onnx")
    expected = softmax(predict_run(run, FACES) / fit_run_temperature(run))
    probabilities = OnnxModel(tmp_path / "a.onnx").probabilities(FACES)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    if tta != "none":
        without = softmax(predict_run(run, FACES, "none") / fit_run_temperature(run))
        assert np.abs(probabilities - without).max() > 1e-4


@pytest.mark.parametrize("scheme", SCHEMES)
def test_view_in_the_graph_is_the_view_of_the_definition(scheme):
    pixels = FACES[:3].astype(np.float32)
    for view in SCHEMES[scheme]:
        in_graph = ops.convert_to_numpy(_view_in_graph(view, pixels[..., None]))
        np.testing.assert_array_equal(in_graph[..., 0], view(pixels))


def test_file_gives_the_calibrated_probabilities_of_the_record(run, dataset, model):
    recorded = run.predictions["public_test"]
    expected = softmax(recorded.logits / fit_run_temperature(run))
    images = dataset.public_test.images
    np.testing.assert_allclose(model.probabilities(images), expected, atol=1e-5)


def test_default_model_is_exported_as_it_predicts(published):
    run = best_single_run(RESULTS)
    expected = softmax(predict_run(run, FACES) / fit_run_temperature(run))
    model = OnnxModel(published)
    np.testing.assert_allclose(model.probabilities(FACES), expected, atol=1e-4)
    assert model.metadata["tta"] == run.experiment.tta == "flip"


def test_default_model_gives_the_recorded_probabilities(published, fer2013):
    run = best_single_run(RESULTS)
    recorded = run.predictions["public_test"]
    rows = fer2013.public_test.rows_of(recorded.hashes, recorded.labels)
    sample = np.flatnonzero(rows >= 0)[:300]
    probabilities = OnnxModel(published).probabilities(fer2013.public_test.images[rows[sample]])
    expected = softmax(recorded.logits[sample] / fit_run_temperature(run))
    np.testing.assert_allclose(probabilities, expected, atol=2e-3)


def test_metadata(run, model):
    metadata = model.metadata
    assert metadata["labels"].split(",") == list(EMOTION_NAMES)
    assert (metadata["experiment"], metadata["seed"], metadata["tta"]) == ("tiny", "0", "none")
    assert (metadata["precision"], bool(metadata["version"])) == ("float32", True)
    assert float(metadata["temperature"]) == fit_run_temperature(run)


def test_large_weights_are_stored_in_half_precision(model_path):
    stored = onnx.load(model_path).graph.initializer
    large = [array for array in stored if np.prod(array.dims) >= 1000]
    assert large and all(array.data_type == onnx.TensorProto.FLOAT16 for array in large)


def test_report_on_synthetic_faces(run, tmp_path):
    report = export_onnx(run, tmp_path / "a.onnx")
    assert (report.images, report.synthetic, report.int8) == (140, True, False)
    assert report.accuracy is None and report.accuracy_keras is None
    assert 0 <= report.max_probability_difference < 1e-4 and report.accepted


def test_report_on_public_test(run, dataset, tmp_path):
    report = export_onnx(run, tmp_path / "a.onnx", dataset)
    accuracy = run.metrics["public_test"]["accuracy"]
    assert (report.images, report.synthetic) == (70, False)
    assert report.accuracy == report.accuracy_keras == pytest.approx(accuracy)


def test_limits():
    def report(int8, difference, accuracy):
        return ExportReport(int8, False, 10, difference, 0.7, accuracy)

    assert report(False, 1e-4, 0.1).accepted and not report(False, 1.1e-4, 0.7).accepted
    assert report(True, 0.3, 0.6951).accepted and not report(True, 0.0, 0.6949).accepted
    assert ExportReport(True, True, 10, 0.3).accepted


def test_file_that_differs_from_keras_is_refused_and_not_left_behind(run, tmp_path, monkeypatch):
    def convert_wrongly(model, path):
        _convert(model, path)
        graph = onnx.load(path)
        bias = next(array for array in graph.graph.initializer if list(array.dims) == [7])
        wrong = onnx.numpy_helper.to_array(bias) + np.float32([0.1, 0, 0, 0, 0, 0, 0])
        bias.CopyFrom(onnx.numpy_helper.from_array(wrong, bias.name))
        onnx.save(graph, path)

    monkeypatch.setattr(onnx_export, "_convert", convert_wrongly)
    with pytest.raises(ExportError, match="at most 1e-04 is allowed"):
        export_onnx(run, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_int8_stores_8_bits(run, tmp_path):
    report = export_onnx(run, tmp_path / "a.onnx", int8=True)
    assert (report.int8, report.synthetic, report.accuracy) == (True, True, None)
    stored = onnx.load(tmp_path / "a.onnx").graph.initializer
    assert any(array.data_type == onnx.TensorProto.INT8 for array in stored)


def test_int8_that_loses_accuracy_is_refused(run, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "MAX_ACCURACY_LOSS", -1.0)
    with pytest.raises(ExportError, match=r"int8 may lose at most"):
        export_onnx(run, tmp_path / "a.onnx", dataset, int8=True)
    assert not list(tmp_path.iterdir())


def test_model_without_comparison(run, tmp_path):
    model = write_onnx(run, tmp_path / "a.onnx")
    assert isinstance(model, keras.Model) and (tmp_path / "a.onnx").is_file()
