import shutil
from dataclasses import replace

import numpy as np
import pytest

from fer_lib import data, evaluation, experiments, runs, verification
from fer_lib.files import write_json


@pytest.fixture
def copy(run, tmp_path):
    return runs.Run(shutil.copytree(run.folder, tmp_path / "seed-0"))


def change_predictions(run, **arrays):
    np.savez_compressed(run.folder / "predictions.npz", **{**run.predictions, **arrays})
    return runs.Run(run.folder)


def test_a_sound_record_holds_also_on_shuffled_data(run, dataset):
    order = np.random.default_rng(0).permutation(len(dataset.private_test))
    shuffled = replace(dataset, private_test=data.Split(dataset.private_test.images[order], dataset.private_test.labels[order]))
    findings = verification.check(run, shuffled)
    assert findings.problems == []
    assert any("private_test: 70 images" in note for note in findings.notes)


def test_without_the_data_it_says_what_it_did_not_do(run):
    findings = verification.check(run, None)
    assert findings.problems == [] and any("not recomputed" in note for note in findings.notes)


def test_changed_metrics_are_found(copy):
    metrics = copy.metrics
    metrics["both"]["accuracy"] += 1e-9
    write_json(copy.folder / "metrics.json", metrics)
    assert verification.check(runs.Run(copy.folder), None).problems == ["metrics.json is not what predictions.npz gives"]


def test_changed_predictions_are_found(copy, dataset):
    logits = copy.predictions["private_test_logits"].copy()
    logits[0, 0] += 0.5
    changed = change_predictions(copy, private_test_logits=logits)
    assert any("private_test: 70 images, largest difference" in p for p in verification.check(changed, dataset).problems)


def test_images_that_are_not_there_are_counted(copy, dataset):
    hashes = copy.predictions["private_test_hashes"].copy()
    hashes[:2] = 1
    problems = verification.check(change_predictions(copy, private_test_hashes=hashes), dataset).problems
    assert "private_test: 2 of 70 images are not in this copy of the data under their label" in problems


def test_changed_labels_are_found_though_the_metrics_follow(copy, dataset):
    labels = copy.predictions["private_test_labels"].copy()
    labels[:5] = (labels[:5] + 1) % 7
    changed = change_predictions(copy, private_test_labels=labels)
    write_json(copy.folder / "metrics.json", evaluation.metrics_of_splits(changed.predictions))
    (problem,) = verification.check(runs.Run(copy.folder), dataset).problems
    assert problem.startswith("private_test: 5 of 70 images are not in this copy")


def test_metrics_are_recomputed_from_the_weights(run, dataset):
    recomputed = verification.check(run, dataset).metrics
    assert recomputed["both"]["accuracy"] == pytest.approx(run.metrics["both"]["accuracy"], abs=0.01)


def test_an_edited_experiment_shows_both_values(copy, tiny, monkeypatch):
    monkeypatch.setattr(verification, "EXPERIMENTS", {"tiny": replace(tiny, batch_size=32)})
    (problem,) = verification.check(copy, None).problems
    assert "batch_size was 64" in problem and "is 32" in problem and "new name" in problem


def test_a_setting_that_came_later_is_not_an_edit_and_an_unknown_one_is(copy, tiny, monkeypatch):
    monkeypatch.setattr(verification, "EXPERIMENTS", {"tiny": tiny})
    configuration = dict(copy.config["configuration"])
    del configuration["focal_gamma"]
    write_json(copy.folder / "config.json", {**copy.config, "configuration": configuration})
    assert verification.check(runs.Run(copy.folder), None).problems == []
    write_json(copy.folder / "config.json", {**copy.config, "configuration": {**configuration, "colour": "red"}})
    (problem,) = verification.check(runs.Run(copy.folder), None).problems
    assert "colour" in problem


@pytest.fixture
def record(copy, tmp_path):
    return runs.record(copy, tmp_path / "results")


def test_a_record_holds_its_checksums(record, dataset):
    findings = verification.check(record, dataset)
    assert findings.problems == [] and not any("not a recorded run" in note for note in findings.notes)


@pytest.mark.parametrize("name", [*runs.RECORDED_FILES, runs.WEIGHTS])
def test_a_changed_byte_in_any_file_is_found(record, dataset, name):
    path = record.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (problem,) = verification.check(runs.Run(record.folder), dataset).problems
    assert problem.startswith(f"{name} is not the file that was recorded: its SHA-256 is ")


def test_a_missing_and_a_foreign_file_are_found(record):
    (record.folder / "history.csv").unlink()
    (record.folder / "notes.txt").touch()
    problems = verification.check(runs.Run(record.folder), None).problems
    assert problems == ["history.csv was recorded and is missing", "notes.txt is there and was not recorded"]


def test_predictions_never_run_code(copy):
    """A pickled object in the place of an array is refused, not loaded."""
    np.savez(copy.folder / "predictions.npz", public_test_logits=np.array([print], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        verification.check(runs.Run(copy.folder), None)


def test_every_recorded_run_holds():
    """The committed records, whether or not FER2013 is here."""
    from fer_lib.profiles import RESULTS

    recorded = runs.find_all(RESULTS)
    if not recorded:
        pytest.skip("no run is recorded yet")
    for record in recorded:
        findings = verification.check(record, None)
        assert findings.problems == [] and not any("not a recorded run" in note for note in findings.notes)
        name = record.config["experiment"]
        assert name not in experiments.EXPERIMENTS or record.folder.parent.name == name
