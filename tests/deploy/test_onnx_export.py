from dataclasses import replace

import numpy as np
import onnx
import pytest

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.synthetic import synthetic_faces
from fer_lib.deploy import faces as predict
from fer_lib.deploy import onnx_export as export
from fer_lib.deploy.faces import Classifier
from fer_lib.deploy.onnx_export import ExportError, _convert, ensure_exported, export_onnx
from fer_lib.evaluation.calibration import fit_temperature
from fer_lib.paths import RESULTS
from fer_lib.profiles import Profile
from fer_lib.runs.predictions import softmax
from fer_lib.runs.store import best_single_run, find_runs
from fer_lib.training.trainer import train_run

FACES = synthetic_faces(np.arange(20) % 7, seed=3)


@pytest.fixture(autouse=True)
def without_fer2013(request, monkeypatch):
    if "fer2013" not in request.fixturenames:
        monkeypatch.setattr("fer_lib.profiles.find_dataset", lambda: None)


@pytest.fixture(scope="module")
def mirrored(dataset, tiny, tmp_path_factory):
    """A run with squeeze-and-excitation whose predictions are averaged with those of the mirror
    images."""
    experiment = replace(
        tiny, model_options={**tiny.model_options, "se_ratio": 4}, tta="flip", epochs=1
    )
    return train_run(
        "tiny_mirrored",
        experiment,
        0,
        dataset,
        tmp_path_factory.mktemp("runs") / "seed-0",
        "full",
        verbose=0,
    )


@pytest.mark.parametrize("name", ["run", "mirrored"])
def test_the_file_gives_the_calibrated_probabilities_of_the_record(
    name, request, dataset, tmp_path
):
    run = request.getfixturevalue(name)
    said = export_onnx(run, tmp_path / "a.onnx")
    assert "140 synthetic faces (FER2013 is not on this machine)" in said[-1]
    logits, labels = run.predictions["public_test_logits"], run.predictions["public_test_labels"]
    expected = softmax(logits / fit_temperature(logits, labels))
    file = Classifier(tmp_path / "a.onnx")
    np.testing.assert_allclose(file.probabilities(dataset.public_test.images), expected, atol=1e-5)
    one = file.probabilities(dataset.public_test.images[:1])  # any batch
    np.testing.assert_allclose(one, expected[:1], atol=1e-5)


def test_the_mirror_image_has_the_same_probabilities(mirrored, tmp_path):
    export_onnx(mirrored, tmp_path / "a.onnx")
    file = Classifier(tmp_path / "a.onnx")
    np.testing.assert_allclose(
        file.probabilities(FACES), file.probabilities(FACES[:, :, ::-1]), atol=1e-6
    )


def test_the_file_says_what_it_is(run, tmp_path):
    export_onnx(run, tmp_path / "a.onnx")
    about = Classifier(tmp_path / "a.onnx").metadata
    assert (
        about["labels"].split(",") == list(EMOTION_NAMES)
        and about["experiment"] == "tiny"
        and about["version"]
    )
    logits, labels = run.predictions["public_test_logits"], run.predictions["public_test_labels"]
    assert float(about["temperature"]) == fit_temperature(logits, labels)


def test_half_precision_loses_nothing(run, tmp_path):
    export_onnx(run, tmp_path / "a.onnx")
    stored = onnx.load(tmp_path / "a.onnx").graph.initializer
    large = [array for array in stored if np.prod(array.dims) >= 1000]
    assert large and all(array.data_type == onnx.TensorProto.FLOAT16 for array in large)


def test_a_file_that_is_not_the_network_is_refused_and_not_left_behind(run, tmp_path, monkeypatch):
    convert = _convert

    def spoilt(model, path):
        convert(model, path)
        graph = onnx.load(path)
        bias = next(array for array in graph.graph.initializer if list(array.dims) == [7])
        bias.CopyFrom(
            onnx.numpy_helper.from_array(
                onnx.numpy_helper.to_array(bias) + np.float32([0.1, 0, 0, 0, 0, 0, 0]), bias.name
            )
        )
        onnx.save(graph, path)

    monkeypatch.setattr(export, "_convert", spoilt)
    with pytest.raises(ExportError, match="at most 1e-04 is allowed"):
        export_onnx(run, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_int8_says_what_it_was_calibrated_on_and_what_could_not_be_checked(run, tmp_path):
    said = " ".join(export_onnx(run, tmp_path / "a.onnx", int8=True))
    assert (
        "synthetic faces: FER2013 is not on this machine" in said and "could not be checked" in said
    )
    assert any(
        array.data_type == onnx.TensorProto.INT8
        for array in onnx.load(tmp_path / "a.onnx").graph.initializer
    )


def test_int8_that_costs_accuracy_is_refused(run, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(Profile, "dataset", lambda self: dataset)
    monkeypatch.setattr(export, "ACCURACY_LIMIT", -1.0)
    with pytest.raises(ExportError, match="half a point"):
        export_onnx(run, tmp_path / "a.onnx", int8=True)
    monkeypatch.setattr(export, "ACCURACY_LIMIT", 1.0)
    assert "accuracy on PublicTest" in export_onnx(run, tmp_path / "a.onnx", int8=True)[-1]


def test_an_export_is_made_again_when_the_record_changes(run, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(predict, "path_of", lambda run, int8=False: tmp_path / "a.onnx")
    original = export_onnx
    monkeypatch.setattr(export, "export", lambda *arguments: made.append(original(*arguments)))
    ensure_exported(run), ensure_exported(run)
    assert len(made) == 1
    monkeypatch.setattr(predict, "_FORMAT", 0)
    ensure_exported(run)
    assert len(made) == 2


def test_the_best_small_network_is_the_recorded_one():
    best = best_single_run(RESULTS)
    accuracies = [
        run.metrics["public_test"]["accuracy"]
        for run in find_runs(RESULTS)
        if run.weights
        and run.config["configuration"].get("model") == "custom_cnn"
        and run.config["seed"] == 0
    ]
    assert best.metrics["public_test"]["accuracy"] == max(accuracies)


def test_nothing_recorded_is_no_network(tmp_path):
    assert best_single_run(tmp_path) is None


def test_the_recorded_network_is_exported_as_it_was_recorded(fer2013, tmp_path):
    run = best_single_run(RESULTS)
    export_onnx(run, tmp_path / "a.onnx")
    predictions = run.predictions
    logits, labels = predictions["public_test_logits"], predictions["public_test_labels"]
    recorded = softmax(logits / fit_temperature(logits, labels))
    rows = fer2013.public_test.rows_of(predictions["public_test_hashes"], labels)
    there = np.flatnonzero(rows >= 0)[:300]
    file = Classifier(tmp_path / "a.onnx")
    np.testing.assert_allclose(
        file.probabilities(fer2013.public_test.images[rows[there]]), recorded[there], atol=2e-3
    )
