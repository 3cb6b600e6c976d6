import numpy as np
import pytest

from fer_lib.analysis.example_faces import (
    EXAMPLES_PATH,
    load_or_predict_examples,
    predict_examples,
)
from fer_lib.analysis.grad_cam import grad_cam
from fer_lib.analysis.records import record
from fer_lib.data.example_faces import example_faces
from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.experiments import MAIN_MODELS
from fer_lib.io import read_json
from fer_lib.paths import RESULTS
from fer_lib.profiles import get_profile
from fer_lib.runs.predictions import softmax
from fer_lib.runs.store import find_run


def test_examples_are_predicted_with_the_runs_tta(flip_run):
    images, model = np.stack([face.image for face in example_faces()]), load_model(flip_run)
    predicted = predict_examples(flip_run)
    expected = softmax(predict_logits(model, images, "flip"))
    np.testing.assert_allclose(predicted["probabilities"], expected, atol=1e-5)
    maps = grad_cam(model, images, expected.argmax(axis=1), "flip")
    np.testing.assert_allclose(predicted["maps"], maps, atol=1e-4)


def test_full_profile_reads_the_record_and_quick_predicts(run, tmp_path):
    path = tmp_path / "examples.json"
    runs = {"Tiny": run, "Later": None}
    assert load_or_predict_examples(runs, get_profile("full"), path) == dict.fromkeys(runs)
    record([run], predict_examples, path)
    recorded = load_or_predict_examples(runs, get_profile("full"), path)
    computed = load_or_predict_examples(runs, get_profile("quick"), path)
    assert recorded["Later"] is computed["Later"] is None
    for name in ("probabilities", "maps"):
        values = [getattr(each["Tiny"], name) for each in (recorded, computed)]
        np.testing.assert_allclose(*values, atol=1e-4)


@pytest.mark.parametrize("name", MAIN_MODELS)
def test_recorded_examples_are_those_of_the_recorded_weights(name):
    run = find_run(RESULTS, name, seed=0)
    recorded, computed = read_json(EXAMPLES_PATH)[run.key], predict_examples(run)
    for name, tolerance in (("probabilities", 2e-3), ("maps", 2e-2)):
        np.testing.assert_allclose(recorded[name], computed[name], atol=tolerance)
