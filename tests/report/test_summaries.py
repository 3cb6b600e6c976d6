from dataclasses import replace

import pandas as pd
import pytest

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.experiments import EXPERIMENTS
from fer_lib.profiles import get_profile
from fer_lib.report.format import show
from fer_lib.report.summaries import (
    changed_settings,
    class_counts,
    configuration,
    layers,
    per_class,
    run_details,
    side_by_side,
)


def test_class_counts_add_up(dataset):
    table = class_counts(dataset.class_counts)
    assert table["emotion"].tolist() == [*EMOTION_NAMES, "all"]
    assert table.iloc[-1].tolist() == ["all", 320, 70, 70]


def test_layers_add_up_for_each_network():
    by_network = {(e.model, str(e.model_options)): e for e in EXPERIMENTS.values()}
    for experiment in by_network.values():
        table = layers(experiment)
        for column in ("parameters", "trainable", "multiply_adds"):
            assert table[column].iloc[:-1].sum() == table[column].iloc[-1]


def test_configuration_leaves_out_what_is_off_but_not_what_was_switched_off():
    custom, se, distilled = (
        configuration(EXPERIMENTS[name]).set_index("setting")["value"]
        for name in ("custom_cnn", "se_cnn", "se_cnn_distilled")
    )
    off = {"mixup_alpha", "label_smoothing", "warmup_epochs", "teachers", "teacher_tta"}
    assert not off & set(custom.index)
    assert custom["focal_gamma"] == 2 and custom["model: blocks"] == [
        [32, 1],
        [64, 1],
        [128, 2],
        [256, 3],
    ]
    assert se["focal_gamma"] == 0  # the default is 2
    assert se["label_smoothing"] == 0.1 and "teacher_tta" not in se
    assert distilled["teachers"] == ["se_cnn/seed-0"] and distilled["distillation_weight"] == 0.8


def test_settings_side_by_side_keep_their_order_and_their_gaps():
    one = pd.DataFrame({"setting": ["a", "b"], "value": [1, [2, 3]]})
    two = pd.DataFrame({"setting": ["c", "a"], "value": [5, "x"]})
    table = side_by_side({"One": one, "Two": two, "None": one.iloc[:0]})
    assert table.columns.tolist() == ["setting", "One", "Two", "None"]
    assert table.to_numpy().tolist() == [
        ["a", 1, "x", None],
        ["b", [2, 3], None, None],
        ["c", None, 5, None],
    ]


def test_changed_settings_are_those_that_differ():
    base = EXPERIMENTS["se_cnn"]
    other = replace(
        base,
        title="Other",
        epochs=7,
        model_options={**base.model_options, "se_ratio": None},
        teachers=("one/seed-0", "two/seed-0"),
        distillation_weight=0.5,
    )
    table = changed_settings(other, base)
    assert table.columns.tolist() == ["setting", "Other", base.title]
    assert table.to_numpy().tolist() == [
        ["epochs", 7, 110],
        ["teachers", ["one/seed-0", "two/seed-0"], []],
        ["distillation_weight", 0.5, 0.0],
        ["model: se_ratio", None, 4],
    ]
    without_option = replace(base, title="Other", model_options={})
    assert "model: blocks" in changed_settings(without_option, base)["setting"].tolist()


def test_run_details_name_the_best_epoch_or_with_swa_the_averaged_ones(run, averaged_run):
    details = run_details(run).set_index("setting")["value"]
    assert details["best_epoch"] == run.config["best_epoch"] and details["seed"] == 0
    assert details["data_sha256"] == run.config["data_sha256"][:16] + "…"
    averaged = run_details(averaged_run).set_index("setting")["value"]
    assert averaged["swa_epochs"] == 2 and "best_epoch" not in averaged
    assert run_details(None).empty


def test_per_class_scores_are_those_of_the_metrics(run):
    table = per_class(run, "private_test").set_index("emotion")
    for name, scores in run.metrics["private_test"]["per_class"].items():
        assert table.loc[name].to_dict() == scores
    missing = per_class(None, "private_test")
    assert missing["emotion"].tolist() == list(EMOTION_NAMES) and missing["f1"].isna().all()


@pytest.mark.parametrize("table", ["configuration", "details", "per_class", "missing"])
def test_tables_can_be_shown(table, run):
    frame = {
        "configuration": configuration(EXPERIMENTS["se_cnn_distilled"]),
        "details": run_details(run),
        "per_class": per_class(run, "private_test"),
        "missing": per_class(None, "private_test"),
    }[table]
    assert len(show(frame).data) == len(frame)


def test_recorded_counts_are_those_of_the_data(fer2013):
    assert get_profile("full").class_counts() == fer2013.class_counts
