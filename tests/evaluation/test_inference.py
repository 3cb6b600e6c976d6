import numpy as np
import pytest
from scipy.special import log_softmax

from fer_lib.evaluation.inference import (
    load_model,
    mean_probability_logits,
    predict_logits,
    predict_run,
)
from fer_lib.io import write_json
from fer_lib.models.registry import build_model
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import WEIGHTS_FILE, Run, RunError
from fer_lib.tta import views


@pytest.fixture(scope="module")
def images(dataset):
    return dataset.public_test.images[:20]


def test_a_loaded_model_is_in_float32_and_predicts_as_recorded(model_run, dataset):
    model = load_model(model_run)
    assert model.layers[-1].dtype_policy.name == model.compute_dtype == "float32"
    recorded = model_run.predictions["private_test"]
    logits = predict_run(model_run, dataset.private_test.images)
    assert logits.dtype == np.float32 and logits.shape == (70, 7)
    np.testing.assert_allclose(logits, recorded.logits, atol=1e-4)
    assert len(set(recorded.predicted)) > 1  # a constant prediction would hide a wrong order


def test_a_run_without_weights_is_refused(copy):
    copy.weights.unlink()
    with pytest.raises(RunError, match=f"keeps no weights .*{WEIGHTS_FILE}"):
        load_model(copy)


def test_a_pretrained_run_has_the_classes_of_its_own_faces(copy, tiny):
    build_model(tiny, num_classes=3).save_weights(copy.weights)
    write_json(copy.folder / "config.json", {**copy.config, "classes": ["a", "b", "c"]})
    assert load_model(Run(copy.folder)).output_shape == (None, 3)


def test_mean_probability_by_hand():
    logits = [np.log([[0.5, 0.25, 0.25]]), np.log([[0.1, 0.6, 0.3]]) + 5]
    mean = mean_probability_logits(logits)
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, np.log([[0.3, 0.425, 0.275]]), rtol=1e-6)


@pytest.mark.parametrize("tta", ["flip", "shift5_2px", "flip+shift3x3_1px"])
def test_tta_is_the_logarithm_of_the_mean_of_the_softmax_of_each_view(model_run, images, tta):
    model = load_model(model_run)
    by_view = [softmax(predict_logits(model, view(images))) for view in views(tta)]
    logits = predict_logits(model, images, tta)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, np.log(np.mean(by_view, axis=0)), atol=1e-5)
    without = log_softmax(predict_logits(model, images), axis=1)
    assert np.abs(logits - without).max() > 1e-3  # the views differ


def test_a_run_predicts_with_its_own_tta(copy, tiny, images):
    configuration = {**tiny.to_dict(), "tta": "flip"}
    write_json(copy.folder / "config.json", {**copy.config, "configuration": configuration})
    run = Run(copy.folder)
    model = load_model(run)
    np.testing.assert_array_equal(predict_run(run, images), predict_logits(model, images, "flip"))
    other = predict_run(run, images, tta="none")
    np.testing.assert_array_equal(other, predict_logits(model, images, "none"))
