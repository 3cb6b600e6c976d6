import pandas as pd
import pytest

from fer_lib.analysis import benchmarks
from fer_lib.analysis.benchmarks import (
    LATENCY_PATH,
    SPEED_PATH,
    custom_cnn_trials,
    hardware,
    latency,
    peak_multiply_adds,
    training_speed,
    training_throughput,
)
from fer_lib.experiments import EXPERIMENTS, REPLICATED_MODELS
from fer_lib.io import write_json


def test_trials_split_blocks_and_intervals(tmp_path):
    trial = {
        "candidate": "a",
        "stem": 64,
        "blocks": [[64, 1], [128, 2]],
        "block_dropout": 0.2,
        "head_dropout": 0.4,
        "bn_momentum": 0.9,
        "augmentation": "flip_rotate_zoom",
        "parameters": 10,
        "multiply_adds": 100,
        "epochs": 8,
        "best_epoch": 5,
        "val_loss": 0.18,
        "accuracy": 0.55,
        "accuracy_interval": [0.53, 0.57],
        "images_per_second": 500.0,
    }
    write_json(tmp_path / "trials.json", [trial])
    (row,) = custom_cnn_trials(tmp_path / "trials.json").to_dict("records")
    assert (row["widths"], row["depths"]) == ([64, 128], [1, 2])
    assert (row["accuracy"], row["accuracy_low"], row["accuracy_high"]) == (0.55, 0.53, 0.57)
    assert (row["best_epoch"], row["epochs"]) == (5, 8)


def test_throughput_is_relative_to_the_first_implementation(tmp_path):
    rows = [
        {
            "implementation": name,
            "dtype_policy": "float32",
            "training_images_per_second": images,
            "share_of_peak": 0.5,
        }
        for name, images in (("ours", 800.0), ("PyTorch", 1000.0))
    ]
    write_json(tmp_path / "speed.json", {"training_throughput": rows})
    table = training_throughput(tmp_path / "speed.json")
    assert list(table["relative_throughput"]) == [1.0, 1.25]


def test_latency_compares_each_form_with_keras(tmp_path):
    def row(model, form, accuracy, accepted):
        return {
            "model": model,
            "form": form,
            "bytes": 2_500_000,
            "multiply_adds": 10,
            "accuracy": accuracy,
            "interval": [accuracy - 0.02, accuracy + 0.02],
            "max_probability_difference": None,
            "accepted": accepted,
            "median_ms": 2.0,
            "percentile_95_ms": 3.0,
            "images_per_second": 400.0,
        }

    rows = [
        row("A", "Keras", 0.70, None),
        row("B", "Keras", 0.60, None),
        row("A", "ONNX, int8", 0.71, True),
        row("B", "ONNX, int8", 0.59, False),
    ]
    write_json(tmp_path / "edge.json", {"rows": rows})
    table = latency(tmp_path / "edge.json")
    assert list(table["accuracy_change"]) == pytest.approx([0, 0, 0.01, -0.01])
    assert list(table["megabytes"]) == [2.5] * 4
    assert list(table["accuracy_low"]) == pytest.approx([0.68, 0.58, 0.69, 0.57])
    assert (table["latency_ms"] == 2).all() and (table["latency_95_ms"] == 3).all()
    assert table["accepted"].tolist() == [None, None, True, False]


@pytest.mark.parametrize("table", [custom_cnn_trials, training_speed, training_throughput, latency])
def test_recorded_tables_are_numeric(table):
    numbers = table().drop(
        columns=["candidate", "widths", "depths", "augmentation", "experiment"],
        errors="ignore",
    )
    numbers = numbers.drop(
        columns=["dtype_policy", "implementation", "model", "form", "accepted"], errors="ignore"
    )
    assert len(numbers) and all(map(pd.api.types.is_numeric_dtype, numbers.dtypes))
    assert numbers.notna().all(axis=None)


def test_recorded_speed_has_the_models_trained_on_a_cpu_and_the_machine():
    titles = {EXPERIMENTS[name].title for name in (*REPLICATED_MODELS, "se_cnn")}
    assert titles <= set(training_speed()["experiment"])
    peaks = peak_multiply_adds()
    assert peaks.keys() == {"float32", "bfloat16"} and min(peaks.values()) > 1e9
    for path in (SPEED_PATH, LATENCY_PATH):
        assert hardware(path).keys() == {"processor", "cores", "system"}


def test_recorded_latency_accepts_what_the_exporter_accepts():
    from fer_lib.deploy.onnx_export import MAX_ACCURACY_LOSS

    int8 = benchmarks.latency().query("form == 'ONNX, int8'")
    assert (int8["accepted"] == (int8["accuracy_change"] >= -MAX_ACCURACY_LOSS)).all()
