from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from fer_lib.evaluation.inference import load_model
from fer_lib.experiments import EXPERIMENTS
from fer_lib.io import read_json, sha256_of
from fer_lib.models.registry import build_model, pretrained_base
from fer_lib.paths import RESULTS
from fer_lib.runs.run import RunError
from fer_lib.training.initialization import (
    IMAGENET_SHA256,
    load_compatible_weights,
    provenance,
    weights_sha256,
)
from fer_lib.training.run_spec import RunSpec


def test_initial_weights_follow_from_the_seed(run, tiny):
    keras.utils.set_random_seed(0)
    model = build_model(tiny)
    assert run.config["initial_weights_sha256"] == weights_sha256(model)
    assert run.config["pretrained_weights_sha256"] is None
    assert not {"dependency_weights_sha256", "pretraining"} & run.config.keys()
    keras.utils.set_random_seed(1)
    assert weights_sha256(build_model(tiny)) != weights_sha256(model)


def test_provenance_of_a_pretrained_base(capsys, monkeypatch):
    spec = RunSpec("mobilenetv2", EXPERIMENTS["mobilenetv2_fine_tuned"])
    model = build_model(spec.experiment, pretrained=False)
    record = provenance(spec, model, {})
    assert record["pretrained_weights_sha256"] == weights_sha256(pretrained_base(model))
    assert record["initial_weights_sha256"] == weights_sha256(model)
    note = "note: the ImageNet weights are not those of the recorded runs\n"
    assert capsys.readouterr().out == note
    recorded = record["pretrained_weights_sha256"]
    monkeypatch.setattr("fer_lib.training.initialization.IMAGENET_SHA256", recorded)
    provenance(spec, model, {})
    assert capsys.readouterr().out == ""


def test_imagenet_weights_are_those_of_each_recorded_run():
    configs = [read_json(path) for path in RESULTS.glob("*/seed-*/config.json")]
    recorded = {config.get("pretrained_weights_sha256") for config in configs}
    assert recorded - {None} == {IMAGENET_SHA256}


def test_provenance_of_dependencies(run, tiny):
    experiment = replace(
        tiny, init_from="pretraining/seed-0", teachers=("tiny/seed-0",), distillation_weight=0.5
    )
    faces = {"name": "other faces", "images": 36}
    pretraining = SimpleNamespace(weights=run.weights, config={**run.config, "faces": faces})
    dependencies = {"pretraining/seed-0": pretraining, "tiny/seed-0": run}
    record = provenance(RunSpec("started", experiment), build_model(tiny), dependencies)
    assert record["dependency_weights_sha256"] == dict.fromkeys(
        dependencies, sha256_of(run.weights)
    )
    assert record["pretraining"] == faces


def test_weights_of_the_same_classes_are_all_loaded(run, tiny):
    model = build_model(tiny)
    load_compatible_weights(model, run)
    for a, b in zip(model.get_weights(), load_model(run).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_of_another_model_are_refused(run, tiny):
    wider = replace(tiny, model_options={**tiny.model_options, "blocks": ((12, 1), (16, 1))})
    with pytest.raises(RunError, match="does not fit: block1_1_convolution"):
        load_compatible_weights(build_model(wider), run)
    deeper = replace(tiny, model_options={**tiny.model_options, "blocks": ((8, 2), (16, 1))})
    message = "does not fit: only one of the two has block1_2_convolution"
    with pytest.raises(RunError, match=message):
        load_compatible_weights(build_model(deeper), run)
