import dataclasses
import json

import numpy as np
import pytest

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.experiments import (
    ABLATIONS,
    CONTROLS,
    EFFECTIVE_NUMBER_WEIGHTS,
    ENSEMBLES,
    EXPERIMENTS,
    MAIN_MODELS,
    PRIVATE_TEST_EXPERIMENTS,
    REPLICATED_MODELS,
    SE_CNN_EXPERIMENTS,
    TRANSFERS,
    Experiment,
)
from fer_lib.io import read_json
from fer_lib.models.registry import MODELS
from fer_lib.paths import RESULTS
from fer_lib.profiles import PROFILES
from fer_lib.runs.run import parse_run_key
from fer_lib.runs.store import best_single_run
from fer_lib.training.augmentation import AUGMENTATIONS

# fmt: skip


@pytest.mark.parametrize("name", ["custom_cnn", "mobilenetv2_head_only", "mobilenetv2_fine_tuned"])
def test_the_source_configuration(name):
    e = EXPERIMENTS[name]
    assert (e.batch_size, e.epochs, e.patience, e.learning_rate) == (64, 120, 15, 1e-3)
    assert (e.focal_gamma, e.focal_alpha, e.augmentation) == (2.0, 0.25, "flip_rotate_zoom")


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_names_exist_and_the_record_is_json(experiment):
    assert experiment.model in MODELS and experiment.augmentation in AUGMENTATIONS
    assert (
        Experiment(**json.loads(json.dumps(experiment.to_dict()))).to_dict() == experiment.to_dict()
    )


def test_rows_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        EXPERIMENTS["custom_cnn"].epochs = 1
    with pytest.raises(TypeError):
        EXPERIMENTS["another"] = EXPERIMENTS["custom_cnn"]


def test_quick_needs_no_download_and_no_special_processor():
    for name in EXPERIMENTS:
        quick = PROFILES["quick"].experiment(name)
        assert (
            quick.model_options.get("weights") is None
            and quick.dtype_policy == "float32"
            and quick.epochs < 10
        )
        assert PROFILES["full"].experiment(name) is EXPERIMENTS[name]


def test_only_quick_trains_in_notebooks():
    assert not PROFILES["full"].trains_in_notebooks and PROFILES["quick"].trains_in_notebooks


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ValueError, match="no experiment 'vgg'; there are custom_cnn"):
        PROFILES["full"].experiment("vgg")


@pytest.mark.parametrize(("control", "base"), CONTROLS.items())
def test_a_control_differs_in_one_setting_and_leaves_private_test_closed(control, base):
    ours, theirs = (EXPERIMENTS[name].to_dict() for name in (control, base))
    assert not ours["evaluate_private_test"]
    flat = [
        {**e, **e["model_options"], "loss": (e["focal_gamma"], e["focal_alpha"])}
        for e in (ours, theirs)
    ]
    ignored = {"title", "evaluate_private_test", "model_options", "focal_gamma", "focal_alpha"}
    assert sum(flat[0][key] != flat[1][key] for key in flat[0].keys() - ignored) == 1


@pytest.mark.parametrize(("ablation", "base"), ABLATIONS.items())
def test_an_ablation_keeps_the_budget_and_leaves_private_test_closed(ablation, base):
    ours, theirs = (EXPERIMENTS[name].to_dict() for name in (ablation, base))
    assert not ours["evaluate_private_test"] and not theirs["evaluate_private_test"]
    assert ours["epochs"] == theirs["epochs"] and ours["title"] != theirs["title"]
    changed = {key for key in ours if ours[key] != theirs[key]} - {"title"}
    together = (
        {"optimizer", "learning_rate", "warmup_epochs", "weight_decay"},
        {"label_smoothing", "focal_gamma"},
        {"label_smoothing", "teachers", "distillation_weight"},
    )
    assert changed and (len(changed) == 1 or any(changed <= settings for settings in together))


@pytest.mark.parametrize(("transfer", "base"), TRANSFERS.items())
def test_a_transfer_differs_in_its_first_weights_alone(transfer, base):
    ours, theirs = (EXPERIMENTS[name].to_dict() for name in (transfer, base))
    assert not ours["evaluate_private_test"] and not theirs["evaluate_private_test"]
    assert {key for key in ours if ours[key] != theirs[key]} - {"title"} == {"init_from"}


def test_members_of_ensembles_are_small_networks_that_open_private_test():
    assert {*REPLICATED_MODELS, *SE_CNN_EXPERIMENTS} == set(PRIVATE_TEST_EXPERIMENTS)
    for keys in ENSEMBLES.values():
        assert len(set(keys)) == len(keys) > 1 and {parse_run_key(key)[0] for key in keys} <= set(
            SE_CNN_EXPERIMENTS
        )


def test_the_last_shown_has_the_best_seed_0_on_public_test():
    assert (
        MAIN_MODELS[:-1] == REPLICATED_MODELS
        and best_single_run(RESULTS).key == f"{MAIN_MODELS[-1]}/seed-0"
    )


def test_the_weights_of_classes_are_those_of_the_recorded_counts():
    counts = read_json(RESULTS / "analysis" / "dataset.json")["class_counts"]["Training"]
    weights = np.array([(1 - 0.9999) / (1 - 0.9999 ** counts[name]) for name in EMOTION_NAMES])
    np.testing.assert_allclose(EFFECTIVE_NUMBER_WEIGHTS, weights / weights.mean(), atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train_fraction": 0.0}, "train_fraction is 0.0, expected above 0"),
        ({"teachers": ("custom_cnn/seed-0",)}, "distillation_weight is 0.0, expected above 0"),
        ({"distillation_weight": 0.5}, "distillation_weight is 0.5, expected .* 0 without"),
        (
            {"teacher_tta": "everywhere"},
            "teacher_tta is 'everywhere', expected one of one place, ",
        ),
        (
            {"init_from": "custom_cnn/0"},
            "'custom_cnn/0' names no run, expected <experiment>/seed-<n>",
        ),
        (
            {"swa_epochs": 7, "epochs": 6},
            "swa_epochs is 7, expected at most its 6 epochs",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings, message):
    with pytest.raises(ValueError, match=f"Custom CNN: {message}"):
        dataclasses.replace(EXPERIMENTS["custom_cnn"], **settings)


def test_a_start_follows_the_seed_where_its_run_has_none():
    base = EXPERIMENTS["custom_cnn"]
    same, fixed = (dataclasses.replace(base, init_from=start) for start in ("tiny", "tiny/seed-4"))
    taught = dataclasses.replace(same, teachers=("other/seed-1",), distillation_weight=0.5)
    assert (same.init_run_key(2), fixed.init_run_key(2), base.init_run_key(2)) == (
        "tiny/seed-2",
        "tiny/seed-4",
        "",
    )
    assert taught.dependencies(2) == ("tiny/seed-2", "other/seed-1") and base.dependencies(2) == ()


def test_averaging_the_last_epochs_needs_a_run_of_all_of_them():
    with pytest.raises(ValueError, match="patience"):
        dataclasses.replace(EXPERIMENTS["custom_cnn"], swa_epochs=5)
