import pandas as pd
import pytest

from fer_lib.analysis.benchmarks import (
    LATENCY_PATH,
    SPEED_PATH,
    crowd_detection,
    exports,
    face_detection,
    hardware,
    latency,
    packages,
    training_throughput,
)
from fer_lib.experiments import EXPERIMENTS, REPLICATED_MODELS
from fer_lib.io import read_json, write_json
from fer_lib.paths import ANALYSIS


def test_packages_are_rows_and_tasks_are_columns(tmp_path):
    rows = [
        {"package": "b", "task": "photo", "repetitions": 3, "ms": 5.0},
        {"package": "b", "task": "face", "repetitions": 3, "ms": 2.0},
        {"package": "a", "task": "face", "repetitions": 3, "ms": 1.0},
    ]
    write_json(tmp_path / "packages.json", {"rows": rows})
    table = packages(tmp_path / "packages.json")
    assert list(table.index) == ["b", "a"] and list(table.columns) == ["photo", "face"]
    assert list(table["face"]) == [2, 1] and table["photo"].isna().tolist() == [False, True]


def test_face_detection_sums_the_groups_of_a_kind(tmp_path):
    def row(group, detector, images, detected, ms):
        numbers = {"images": images, "faces": images, "detected": detected, "ms": ms}
        return {"group": group, "detector": detector, "false_positives": 1} | numbers

    rows = [
        row("size 20", "B", 2, 1, 10.0),
        row("size 20", "H", 2, 0, 1.0),
        row("size 30", "B", 6, 6, 30.0),
        row("size 30", "H", 6, 1, 1.0),
        row("100 people", "B", 100, 99, 5.0),
        row("100 people", "H", 100, 98, 5.0),
    ]
    write_json(tmp_path / "detection.json", {"rows": rows})
    table = face_detection(tmp_path / "detection.json")
    assert list(table.index) == ["20 to 400 pixels", "100 people, 25 × 25 pixels, enlarged to 75"]
    sizes = table.iloc[0]
    assert (sizes["images", ""], sizes["faces", ""]) == (8, 8)
    assert (sizes["detected", "B"], sizes["detected", "H"]) == (7, 1)
    assert sizes["false_positives", "B"] == 2 and sizes["ms", "B"] == 25


def test_crowds_are_rows_by_the_side_of_the_faces(tmp_path):
    rows = [
        {"group": group, "detector": detector, "faces": 40, "detected": detected}
        for group, detector, detected in (
            *(("crowd, 120 px", "B", 40), ("crowd, 120 px", "H", 10), ("80 px", "B", 2)),
            *(("crowd, 30 px", "B", 4), ("crowd, 30 px", "H", 0)),
        )
    ]
    write_json(tmp_path / "detection.json", {"rows": rows})
    table = crowd_detection(tmp_path / "detection.json")
    assert table["B"].to_dict() == {30: 0.1, 120: 1} and table["H"].to_dict() == {30: 0, 120: 0.25}


def test_exports_are_rows_by_form(tmp_path):
    numbers = {"accuracy": 0.75, "accuracy_keras": 0.5, "max_probability_difference": 1e-5}
    row = {"form": "LiteRT", "option": "--litert", "bytes": 2_500_000, **numbers}
    write_json(tmp_path / "exports.json", {"rows": [row]})
    assert exports(tmp_path / "exports.json").loc["LiteRT"].to_dict() == {
        "option": "--litert",
        "megabytes": 2.5,
        "max_probability_difference": 1e-5,
        "accuracy_change": 0.25,
    }


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


def test_training_throughput_is_relative_to_this_library(tmp_path):
    rows = [
        {
            "implementation": name,
            "dtype_policy": "float32",
            "training_images_per_second": speed,
            "share_of_peak": 0.5,
        }
        for name, speed in (("fer_lib", 200.0), ("PyTorch", 300.0))
    ]
    write_json(tmp_path / "speed.json", {"training_throughput": rows})
    table = training_throughput(tmp_path / "speed.json")
    assert table["relative_throughput"].tolist() == [1, 1.5]
    assert table["implementation"].tolist() == ["fer_lib", "PyTorch"]


RECORDED_TABLES = {
    "latency": latency(),
    "trials": pd.DataFrame(read_json(ANALYSIS / "custom_cnn_trials.json")),
    "speed": pd.DataFrame(read_json(SPEED_PATH)["rows"]),
    "throughput": training_throughput(),
}


@pytest.mark.parametrize("table", RECORDED_TABLES.values(), ids=RECORDED_TABLES)
def test_recorded_tables_are_numeric(table):
    texts = ["candidate", "blocks", "accuracy_interval", "augmentation", "experiment", "accepted"]
    texts += ["dtype_policy", "implementation", "model", "form"]
    numbers = table.drop(columns=texts, errors="ignore")
    assert len(numbers) and all(map(pd.api.types.is_numeric_dtype, numbers.dtypes))
    assert numbers.notna().all(axis=None)


def test_recorded_speed_has_the_models_trained_on_a_cpu_and_the_machine():
    titles = {EXPERIMENTS[name].title for name in (*REPLICATED_MODELS, "se_cnn")}
    record = read_json(SPEED_PATH)
    assert titles <= {row["experiment"] for row in record["rows"]}
    peaks = record["peak_multiply_adds_per_second"]
    assert peaks.keys() == {"float32", "bfloat16"} and min(peaks.values()) > 1e9
    for path in (SPEED_PATH, LATENCY_PATH):
        assert hardware(path).keys() == {"processor", "cores", "system"}


def test_recorded_latency_accepts_what_the_exporter_accepts():
    from fer_lib.deploy.onnx_export import MAX_ACCURACY_LOSS

    int8 = latency().query("form == 'ONNX, int8'")
    assert (int8["accepted"] == (int8["accuracy_change"] >= -MAX_ACCURACY_LOSS)).all()
