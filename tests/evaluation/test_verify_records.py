"""Verification of a run's files and configuration."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from fer_lib.evaluation import verify
from fer_lib.experiments import HOG, HOG_CONFIGURATION
from fer_lib.io import sha256_of, write_json
from fer_lib.paths import RESULTS
from fer_lib.runs import manifest
from fer_lib.runs.manifest import CHECKSUMS_FILE
from fer_lib.runs.run import WEIGHTS_FILE, Run
from fer_lib.runs.store import RECORDED_FILES, find_run, find_runs, record_run


def change_configuration(run, **settings):
    configuration = {**run.config["configuration"], **settings}
    write_json(run.folder / "config.json", {**run.config, "configuration": configuration})


def write_checksums(run):
    """Make the checksums of a changed record agree with its files."""
    names = [path.name for path in run.folder.iterdir() if path.name != CHECKSUMS_FILE]
    manifest.write_checksums(run.folder, names)


# Files and checksums.


@pytest.mark.parametrize("name", [*RECORDED_FILES, WEIGHTS_FILE])
def test_a_changed_byte_in_any_file(record, dataset, verify_run, name):
    path = record.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (problem,) = verify_run(record, dataset).problems
    assert problem.startswith(f"{name}: its SHA-256 is {sha256_of(path)}, recorded was ")


def test_a_missing_and_a_foreign_file(record, verify_run):
    (record.folder / "history.csv").unlink()
    (record.folder / "notes.txt").touch()
    problems = ["history.csv is missing", "notes.txt has no checksum"]
    assert verify_run(record).problems == problems


def test_missing_and_malformed_checksums(record, verify_run):
    (record.folder / CHECKSUMS_FILE).write_text("\n")
    (problem,) = verify_run(record, recorded=True).problems
    assert problem.endswith("SHA256SUMS: expected a checksum and a file name per line")
    (record.folder / CHECKSUMS_FILE).unlink()
    message = "there is no SHA256SUMS: its files cannot be verified"
    assert verify_run(record, recorded=True).problems == [message]
    assert message in verify_run(record).notes  # a run that is not recorded has none


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "ValueError: .*config.json: not a complete JSON file"),
        ("config.json", '{"seed": 0}', "RunError: .*has no experiment, profile, configuration"),
        ("metrics.json", "", "ValueError: .*metrics.json: not a complete JSON file"),
        ("predictions.npz", "PK", "ValueError: .*predictions.npz: not a complete .npz file"),
        (WEIGHTS_FILE, "", "RunError: .*model.weights.h5: missing, damaged, or the weights of"),
        ("config.json", "[]", "RunError: .*config.json: holds a list, expected the config"),
        ("config.json", "null", "RunError: .*config.json: holds null, expected the config"),
        ("metrics.json", "[1]", "RunError: .*metrics.json: holds a list, expected metrics by"),
    ],
)
def test_a_damaged_file_is_a_problem_and_no_exception(
    record, dataset, verify_run, name, content, message
):
    (record.folder / name).write_text(content)
    write_checksums(record)
    (problem,) = verify_run(record, dataset, recorded=True).problems
    assert re.match(message, problem)


def test_predictions_of_unequal_length(copy, verify_run):
    path = copy.folder / "predictions.npz"
    arrays = dict(np.load(path))
    arrays["public_test_logits"] = arrays["public_test_logits"][:-1]
    np.savez(path, **arrays)
    (problem,) = verify_run(copy).problems
    assert problem == f"RunError: {path}: there are 69 logits, 70 labels and 70 hashes"


def test_predictions_never_run_code(copy, verify_run):
    """A pickled object in place of an array is refused, not loaded."""
    np.savez(copy.folder / "predictions.npz", public_test_logits=np.array([print], dtype=object))
    (problem,) = verify_run(copy).problems
    assert "allow_pickle=False" in problem


# The configuration.


def test_an_edited_experiment(copy, tiny, verify_run):
    (problem,) = verify_run(copy, experiments={"tiny": replace(tiny, batch_size=32)}).problems
    assert problem.startswith("batch_size was 64 when it was recorded and is 32 in the table now")
    assert problem.endswith("copy the row under a new name")
    renamed = {"tiny": replace(tiny, title="Another title")}
    assert verify_run(copy, experiments=renamed).problems == []


def test_an_experiment_that_left_the_table(copy, verify_run):
    problem = "experiment tiny is missing from the table"
    assert verify_run(copy, experiments={}).problems == [problem]
    write_json(copy.folder / "config.json", {**copy.config, "profile": "quick"})
    assert verify_run(copy, experiments={}).problems == []


def test_a_setting_that_was_added_since_is_no_edit(copy, verify_run):
    configuration = dict(copy.config["configuration"])
    del configuration["label_smoothing"]
    write_json(copy.folder / "config.json", {**copy.config, "configuration": configuration})
    assert verify_run(copy).problems == []


def test_unknown_and_invalid_settings(copy, verify_run):
    change_configuration(copy, color="red")
    (problem,) = verify_run(copy).problems
    assert "config.json: not an experiment's configuration" in problem and "color" in problem
    change_configuration(copy, train_fraction=2)
    (problem,) = verify_run(copy).problems
    assert problem.endswith(
        "config.json: Tiny: train_fraction is 2, expected above 0 and at most 1"
    )


def test_the_configuration_of_the_hog_baseline(copy, verify_run):
    copy.weights.unlink()
    config = {**copy.config, "experiment": HOG, "configuration": HOG_CONFIGURATION}
    write_json(copy.folder / "config.json", config)
    assert verify_run(copy).problems == []
    changed = {**HOG_CONFIGURATION, "orientations": 9}
    write_json(copy.folder / "config.json", {**config, "configuration": changed})
    (problem,) = verify_run(copy).problems
    assert problem.startswith("orientations was 9")


def test_an_evaluation_on_private_test_against_the_protocol(copy, tiny, verify_run):
    change_configuration(copy, evaluate_private_test=False)
    closed = {"tiny": replace(tiny, evaluate_private_test=False)}
    assert verify_run(copy, experiments=closed).problems == [
        "evaluate_private_test is False, its predictions are of public_test, private_test"
    ]


def test_a_folder_that_its_key_does_not_name(record, verify_run):
    moved = record.folder.rename(record.folder.with_name("seed-1"))
    problem = "the folder of tiny/seed-0 is tiny/seed-1"
    assert verify_run(Run(moved), recorded=True).problems == [problem]


def test_missing_weights_that_a_record_keeps(record, verify_run):
    record.weights.unlink()
    write_checksums(record)
    problem = "model.weights.h5 is missing from the record"
    assert verify_run(record, recorded=True).problems == [problem]


def test_weights_of_a_dependency(copy, verify_run):
    student = Run(shutil.copytree(copy.folder, copy.root / "student" / "seed-0"))
    digest = sha256_of(copy.weights)
    config = {**copy.config, "dependency_weights_sha256": {"tiny/seed-0": digest}}
    write_json(student.folder / "config.json", config)
    assert verify_run(student).problems == []
    copy.weights.write_bytes(b"other")
    (problem,) = verify_run(student).problems
    assert problem == (
        f"trained with weights of tiny/seed-0 with SHA-256 {digest}; "
        f"those beside it have {sha256_of(copy.weights)}"
    )
    shutil.rmtree(copy.folder)
    report = verify_run(student)
    assert report.problems == []
    assert "the weights of tiny/seed-0, which it depends on, are not beside it" in report.notes


# Many records.


def test_a_damaged_record_does_not_stop_the_others(make_run, tmp_path, results):
    for name in ("custom_cnn", "se_cnn", "ablation_mixup"):
        record_run(make_run(tmp_path, name), results)
    damaged = find_run(results, "se_cnn", 0)
    (damaged.folder / "config.json").write_text("{")
    write_checksums(damaged)
    reports = [
        verify.verify_run(record, lambda profile: None, recorded=True)
        for record in find_runs(results)
    ]
    assert [bool(report.problems) for report in reports] == [False, True, False]


def test_the_committed_records_are_sound():
    records = find_runs(RESULTS)
    assert records
    reports = {
        record.key: verify.verify_run(record, lambda profile: None, recorded=True)
        for record in records
    }
    assert {key: report.problems for key, report in reports.items() if report.problems} == {}
