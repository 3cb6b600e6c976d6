import dataclasses
import json

import pytest

from fer_lib.experiments import EXPERIMENTS, Experiment

CUSTOM_CNN = EXPERIMENTS["custom_cnn"]


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_configurations_survive_json(experiment):
    stored = json.loads(json.dumps(experiment.to_dict()))
    assert Experiment.from_dict(stored).to_dict() == stored == experiment.to_dict()


def test_settings_added_since_have_their_defaults_and_unknown_ones_are_refused():
    stored = CUSTOM_CNN.to_dict()
    assert Experiment.from_dict({"title": "A", "model": "custom_cnn"}).epochs == 120
    with pytest.raises(ValueError, match=r"not an experiment's configuration: .*'dropout'"):
        Experiment.from_dict({**stored, "dropout": 0.5})
    with pytest.raises(ValueError, match=r"not an experiment's configuration: .*'model'"):
        Experiment.from_dict({"title": "A"})


def test_experiments_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CUSTOM_CNN.epochs = 1
    with pytest.raises(TypeError):
        EXPERIMENTS["another"] = CUSTOM_CNN


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train_fraction": 0.0}, "train_fraction is 0.0, expected above 0 and at most 1"),
        ({"train_fraction": 1.5}, "train_fraction is 1.5, expected above 0 and at most 1"),
        ({"teachers": ("se_cnn/seed-0",)}, "distillation_weight is 0.0, expected above 0"),
        ({"distillation_weight": 0.5}, "distillation_weight is 0.5, expected .* 0 without"),
        ({"consistent_distillation": True}, "consistent_distillation is True, expected False"),
        ({"ferplus_weight": -1}, "ferplus_weight is -1, expected 0 or more"),
        ({"swa_epochs": 7, "epochs": 6}, "swa_epochs is 7, expected at most 6 epochs"),
        ({"swa_epochs": 5}, "patience is 15, expected at least 120 epochs with SWA"),
        ({"init_from": "custom_cnn/0"}, "'custom_cnn/0' is no run, expected <experiment>/seed-<n>"),
    ],
)
def test_invalid_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"Custom CNN: {message}"):
        dataclasses.replace(CUSTOM_CNN, **settings)


@pytest.mark.parametrize("setting", ["tta", "teacher_tta"])
def test_unknown_tta_schemes_are_refused(setting):
    with pytest.raises(ValueError, match="no TTA scheme 'everywhere'"):
        dataclasses.replace(CUSTOM_CNN, **{setting: "everywhere"})


def test_forward_passes_are_the_views_of_the_tta_scheme():
    schemes = {"none": 1, "flip": 2, "flip+shift3x3_1px": 18}
    for tta, passes in schemes.items():
        assert dataclasses.replace(CUSTOM_CNN, tta=tta).forward_passes == passes


def test_initial_weights_follow_the_seed_unless_a_run_is_named():
    by_experiment = dataclasses.replace(CUSTOM_CNN, init_from="se_cnn")
    by_run = dataclasses.replace(CUSTOM_CNN, init_from="se_cnn/seed-4")
    assert by_experiment.init_run_key(2) == "se_cnn/seed-2"
    assert by_run.init_run_key(2) == "se_cnn/seed-4"
    assert CUSTOM_CNN.init_run_key(2) == ""


def test_dependencies_are_the_initial_run_and_the_teachers():
    student = dataclasses.replace(
        CUSTOM_CNN, init_from="se_cnn", teachers=("se_cnn/seed-1",), distillation_weight=0.5
    )
    assert student.dependencies(2) == ("se_cnn/seed-2", "se_cnn/seed-1")
    assert CUSTOM_CNN.dependencies(2) == ()
