from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from fer_lib.analysis.benchmarks import edge_reading, edge_record, speed, speed_reading
from fer_lib.analysis.comparison import (
    accuracy,
    comparison,
    comparison_phrases,
    controls,
    controls_reading,
    curve_reading,
    differences,
    error_reading,
    seeds,
)
from fer_lib.experiments import CONTROLS, EXPERIMENTS, REPLICATED_MODELS
from fer_lib.plotting.deployment import edge
from fer_lib.profiles import get_profile
from fer_lib.report.format import NOT_RECORDED, count, percent, points, score, signed
from fer_lib.report.summaries import (
    changed_settings,
    class_counts,
    configuration,
    layers,
    run_details,
)


def test_phrases():
    assert percent(0.67812) == "67.8\u00a0%"  # a no-break space
    assert percent(0.678, [0.6634, 0.6941]) == "67.8\u00a0% (66.3–69.4)"
    assert score(0.66149, [0.64, 0.681]) == "0.661 (0.640–0.681)"
    assert count(1_186_887) == "1.19 million" and count(1_799) == "1,799"


def test_differences_have_a_true_minus_sign():
    assert points(-0.0012, [-0.014, 0.011]) == "−0.1 (−1.4 to +1.1)"
    assert signed(0.5, 2) == "+0.50"


def test_an_accuracy_comes_with_its_interval(run):
    low, high = run.metrics["both"]["intervals"]["accuracy"]
    assert accuracy(run, "both") == percent(run.metrics["both"]["accuracy"], [low, high])
    assert accuracy(None, "both") == NOT_RECORDED


def test_readings_come_from_the_run(run):
    confusion = np.array(run.metrics["private_test"]["confusion"], float)
    np.fill_diagonal(confusion, 0)
    share = (
        confusion / np.array(run.metrics["private_test"]["confusion"]).sum(axis=1, keepdims=True)
    ).max()
    assert f"({100 * share:.1f}\u00a0%)" in error_reading(run)
    assert accuracy(run, "private_test") in error_reading(run)
    best = run.history["val_loss"].min()
    assert f"in epoch {run.history['val_loss'].argmin() + 1}." in curve_reading(run)
    assert f"from {best:.4f} to {run.history['val_loss'].iloc[-1]:.4f}" in curve_reading(run)
    assert curve_reading(None) == error_reading(None) == "This experiment is not recorded yet."


def test_of_averaged_weights_no_best_epoch_is_told(run, averaged_run):
    low, high = (percent(value) for value in sorted(run.history["val_accuracy"].iloc[-2:]))
    reading = curve_reading(averaged_run)
    assert (
        f"each of the last 2 are averaged; with them alone, and without the mirror image, the accuracy on PublicTest lies between {low} and {high}."
        in reading
    )
    assert f"reaches {accuracy(run, 'public_test')}. In the last" in reading
    rows = dict(run_details(averaged_run, "full").values)
    assert rows["averaged"] == "the weights of the last 2 epochs" and "best epoch" not in rows
    assert "best epoch" in dict(run_details(run, "full").values)


def test_comparison_has_a_row_for_every_model_and_the_two_that_see_no_image(run, dataset):
    table = comparison({"Tiny": run, "Later": None}, dataset.class_counts)
    assert table["model"].tolist() == ["Chance", "Largest class", "Tiny", "Later"]
    assert table.iloc[0]["accuracy, PrivateTest"] == "14.3\u00a0%"
    largest = np.argmax(dataset.training.class_counts)
    expected = (dataset.private_test.labels == largest).mean()
    assert table.iloc[1]["accuracy, PrivateTest"].startswith(f"{100 * expected:.1f}\u00a0% (")
    assert table.iloc[2]["accuracy, PrivateTest"] == accuracy(run, "private_test")
    assert set(table.iloc[3][1:]) == {NOT_RECORDED, ""}


def test_the_source_report_has_its_interval(run, dataset):
    table = comparison({EXPERIMENTS["custom_cnn"].title: run}, dataset.class_counts)
    half = 1.96 * np.sqrt(0.6154 * 0.3846 / 7178)  # the normal approximation, by hand
    expected = f"61.54\u00a0% ({100 * (0.6154 - half):.1f}–{100 * (0.6154 + half):.1f})"
    assert table["the source report, both"].tolist() == ["", "", expected]


def test_differences_say_who_is_right_alone(run):
    table = differences(run, {"Itself": run, "Later": None})
    assert table.iloc[0].tolist() == [
        "Itself",
        "+0.0 (+0.0 to +0.0)",
        "+0.000 (+0.000 to +0.000)",
        "0",
        "0",
        "1.0000",
    ]
    assert table.iloc[1].tolist() == ["Later", NOT_RECORDED, "", "", "", ""]


def test_controls_are_compared_on_public_test_with_what_they_differ_from(run):
    runs = dict.fromkeys(EXPERIMENTS) | {"custom_cnn": run, "custom_cnn_cross_entropy": run}
    table = controls(runs)
    assert table["control"].tolist() == [EXPERIMENTS[name].title for name in CONTROLS]
    assert table.iloc[0]["accuracy, PublicTest"] == accuracy(run, "public_test")
    assert table.iloc[0]["accuracy, points"] == "+0.0 (+0.0 to +0.0)"
    assert (table.iloc[1:]["accuracy, points"] == NOT_RECORDED).all()


def test_the_reading_of_the_controls_names_the_best_and_what_is_missing(run):
    runs = dict.fromkeys(EXPERIMENTS) | {"custom_cnn": run, "mobilenetv2_head_only_96": run}
    reading = controls_reading(runs)
    assert (
        f"“MobileNetV2, head only, enlarged to 96” with {accuracy(run, 'public_test')}" in reading
    )
    assert (
        "It is not ahead of all of them; not recorded yet: " in reading and "rate 1e-4" in reading
    )
    assert controls_reading(dict.fromkeys(EXPERIMENTS)) == "This experiment is not recorded yet."


def test_seeds_have_mean_and_standard_deviation_by_hand():
    def made_up(seed, accuracy):
        intervals = {"accuracy": [0.4, 0.6], "macro_f1": [0.2, 0.3]}
        split = {"accuracy": accuracy, "macro_f1": accuracy / 2, "intervals": intervals}
        metrics = {"private_test": split, "both": split}
        return SimpleNamespace(config={"seed": seed}, metrics=metrics)

    table = seeds(
        {"Two": [made_up(0, 0.60), made_up(3, 0.64)], "One": [made_up(0, 0.5)], "None": []}
    )
    assert table["seeds"].tolist() == ["0, 3", "0", NOT_RECORDED]
    # Of 60 and 64 the standard deviation is √((2² + 2²) / 1) = 2.83.
    assert table["accuracy, PrivateTest"].tolist() == [
        "62.0\u00a0% ± 2.8",
        "50.0\u00a0% (40.0–60.0)",
        "",
    ]
    assert table["macro-F1, PrivateTest"].tolist()[0] == "0.310 ± 0.014"


def test_the_recorded_speed_names_every_network_and_the_machine():
    measured = set(speed()["experiment"])
    assert (
        {EXPERIMENTS[name].title for name in REPLICATED_MODELS}
        <= measured
        <= {experiment.title for experiment in EXPERIMENTS.values()}
    )
    assert "billion multiply-adds a second in bfloat16" in speed_reading()


def test_class_counts_add_up(dataset):
    table = class_counts(dataset.class_counts)
    assert table.iloc[-1].tolist() == ["all", 320, 70, 70]


def test_layers_and_configuration_cover_every_experiment():
    for experiment in {(e.model, str(e.model_options)): e for e in EXPERIMENTS.values()}.values():
        table = layers(experiment)
        assert table["parameters"].iloc[:-1].sum() == table["parameters"].iloc[-1]
    for experiment in EXPERIMENTS.values():
        assert "learning_rate" in configuration(experiment)["setting"].tolist()


def test_a_configuration_leaves_out_what_is_off_but_not_what_was_switched_off():
    shown = {
        name: set(configuration(EXPERIMENTS[name])["setting"])
        for name in ("custom_cnn", "se_cnn", "se_cnn_distilled")
    }
    assert not shown["custom_cnn"] & {
        "mixup",
        "label_smoothing",
        "warmup_epochs",
        "teachers",
        "teacher_tta",
        "tta",
    }
    assert {"focal_gamma", "label_smoothing", "tta"} <= shown[
        "se_cnn"
    ]  # its focal_gamma is 0, the default is not
    assert {"teachers", "distillation_weight", "teacher_tta"} <= shown["se_cnn_distilled"]


def test_changed_settings_are_those_that_differ():
    base = EXPERIMENTS["se_cnn"]
    taught = {"teachers": ("one/seed-0", "two/seed-0"), "distillation_weight": 0.5}
    other = replace(
        base,
        title="Other",
        epochs=7,
        model_options={**base.model_options, "se_ratio": None},
        **taught,
    )
    table = changed_settings(other, base)
    assert table.columns.tolist() == ["setting", "Other", base.title]
    assert table.values.tolist() == [
        ["epochs", "7", "110"],
        ["model: attention", "none", "4"],
        ["teachers", "one/seed-0, two/seed-0", "none"],
        ["distillation_weight", "0.5", "0.0"],
    ]


def test_comparison_phrases_name_what_is_missing(run):
    phrases = comparison_phrases({"custom_cnn": run, "mobilenetv2_head_only": None}, None)
    assert phrases["custom_cnn_private"] == accuracy(run, "private_test")
    assert phrases["hog_private"] == NOT_RECORDED
    assert phrases["recorded_state"] == "Not recorded yet: MobileNetV2, head only."


def test_recorded_counts_are_those_of_the_data(fer2013):
    assert get_profile("full").class_counts() == fer2013.class_counts


def test_what_each_form_costs_is_that_of_the_record_and_names_the_machine():
    table, rows = edge(), edge_record()["rows"]
    assert len(table) == len(rows) == 6
    assert list(table["form"].unique()) == ["Keras", "ONNX", "ONNX, int8"]
    assert (
        table["accuracy on PublicTest"]
        == [percent(row["accuracy"], row["interval"]) for row in rows]
    ).all()
    assert edge_record()["hardware"]["processor"] in edge_reading()
    assert all(
        row["network"] in edge_reading() for row in rows if row["check"].startswith("refused")
    )
