"""Verification of a run's metrics and predictions."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from fer_lib.data.dataset import Split
from fer_lib.data.readers import DataError
from fer_lib.evaluation import verify
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.io import sha256_of, write_json
from fer_lib.runs.predictions import SplitPredictions


def change_predictions(run, split, **arrays):
    """Put other arrays into one split of a run's predictions, and metrics that agree with them."""
    changed = {**run.predictions, split: replace(run.predictions[split], **arrays)}
    stored = {
        f"{name}_{array}": getattr(values, array)
        for name, values in changed.items()
        for array in ("logits", "labels", "hashes")
    }
    np.savez_compressed(run.folder / "predictions.npz", **stored)
    write_json(run.folder / "metrics.json", metrics_by_split(changed))


# A sound run.


def test_a_sound_run_has_no_problem(model_run, dataset, verify_run):
    report = verify_run(model_run, dataset)
    assert report.problems == []
    assert report.metrics == model_run.metrics
    assert [note.split(", largest")[0] for note in report.notes[1:]] == [
        "public_test: 70 images",
        "private_test: 70 images",
    ]


def test_a_sound_record_has_no_problem(record, dataset, verify_run):
    assert verify_run(record, dataset, recorded=True).problems == []


def test_the_order_of_the_data_is_of_no_account(model_run, dataset, verify_run):
    split, order = dataset.private_test, np.random.default_rng(0).permutation(70)
    shuffled = replace(dataset, private_test=Split(split.images[order], split.labels[order]))
    report = verify_run(model_run, shuffled)
    assert report.problems == []
    assert report.metrics["both"]["n"] == 140


def test_without_the_data_or_weights_predictions_are_not_recomputed(copy, dataset, verify_run):
    report = verify_run(copy)
    assert report.problems == [] and report.metrics is None
    assert report.notes[-1] == "FER2013 is not on this machine: predictions were not recomputed"
    copy.weights.unlink()
    report = verify_run(copy, dataset)
    assert report.problems == [] and report.metrics is None
    assert report.notes[-1] == "no weights are kept: predictions were not recomputed"


# Metrics and predictions.


def test_changed_metrics(copy, verify_run):
    metrics = copy.metrics
    metrics["both"]["accuracy"] += 1e-9
    write_json(copy.folder / "metrics.json", metrics)
    problem = "metrics.json differs from the metrics of predictions.npz"
    assert verify_run(copy).problems == [problem]


def test_changed_logits(copy, dataset, verify_run):
    logits = copy.predictions["private_test"].logits.copy()
    logits[0, 0] += 0.5
    change_predictions(copy, "private_test", logits=logits)
    (problem,) = verify_run(copy, dataset).problems
    assert problem.startswith("private_test: 70 images, largest difference of a probability ")


def test_changed_labels_though_the_metrics_agree(copy, dataset, verify_run):
    labels = copy.predictions["private_test"].labels.copy()
    labels[:5] = (labels[:5] + 1) % 7
    change_predictions(copy, "private_test", labels=labels)
    (problem,) = verify_run(copy, dataset).problems
    assert problem == "private_test: 5 of 70 images are not in this copy under their label"


def test_few_missing_images_are_a_note(copy, dataset, verify_run):
    recorded = copy.predictions["private_test"]
    rows = np.tile(np.arange(70), 3)  # 210 images: one may be missing
    hashes = recorded.hashes[rows].copy()
    for missing, where in ((1, "notes"), (2, "problems")):
        hashes[:missing] = 1
        arrays = {"logits": recorded.logits[rows], "labels": recorded.labels[rows]}
        change_predictions(copy, "private_test", hashes=hashes, **arrays)
        report = verify_run(copy, dataset)
        message = f"private_test: {missing} of 210 images are not in this copy under their label"
        assert message in getattr(report, where)
        assert len(report.problems) == (where == "problems")


def test_a_copy_of_the_data_without_any_image(copy, dataset, verify_run):
    blank = Split(np.zeros((1, 48, 48), np.uint8), np.zeros(1, np.uint8))
    report = verify_run(copy, replace(dataset, public_test=blank, private_test=blank))
    assert len(report.problems) == 2 and report.metrics == {}


def compared(again, recorded):
    """The problems of predictions made again, float [n, 2]."""
    labels, hashes = np.zeros(len(again), np.uint8), np.arange(len(again), dtype=np.uint64)
    report = verify.VerificationReport()
    pair = (SplitPredictions(values, labels, hashes) for values in (again, recorded))
    verify._compare("private_test", *pair, report)
    return report.problems


def test_tolerances_of_recomputed_predictions():
    tie = np.zeros((1000, 2), np.float32)
    recorded = tie + np.float32([1e-3, 0])
    for difference, valid in ((6e-3, True), (9e-3, False)):  # of a probability: a fourth of it
        assert (compared(tie + np.float32([difference, 0]), tie) == []) == valid
    for changed, valid in ((2, True), (3, False)):  # of 1,000 predicted classes
        again = recorded.copy()
        again[:changed] = [0, 1e-3]
        assert (compared(again, recorded) == []) == valid
    again = recorded[:64].copy()
    again[0] = [0, 1e-3]
    assert compared(again, recorded[:64]) == []  # one may always differ


# Predictions with the TTA of ensembles.


@pytest.fixture
def tta_record(record, recorded_tta):
    shutil.copytree(recorded_tta, record.root / "analysis", dirs_exist_ok=True)
    return record, record.root / "analysis" / "tta_predictions.npz"


def test_sound_tta_predictions(tta_record, dataset, verify_run):
    report = verify_run(tta_record[0], dataset, recorded=True)
    assert report.problems == []
    samples = [note.split(", largest")[0] for note in report.notes if "shift3x3_1px" in note]
    assert samples == [
        "public_test, flip+shift3x3_1px: 2 images",  # each 56th of 70
        "private_test, flip+shift3x3_1px: 2 images",
    ]


def test_changed_tta_predictions(tta_record, dataset, verify_run):
    record, path = tta_record
    arrays = dict(np.load(path))
    arrays[f"{record.key}/private_test_logits"] = -arrays[f"{record.key}/private_test_logits"]
    np.savez(path, **arrays)
    changed, different = verify_run(record, dataset, recorded=True).problems
    assert changed == (
        f"tta_predictions.npz: its SHA-256 is {sha256_of(path)}, which is not the recorded one"
    )
    assert different.startswith("private_test, flip+shift3x3_1px: 2 images, largest difference")


def test_tta_predictions_of_other_weights_and_a_truncated_file(tta_record, verify_run):
    record, path = tta_record
    content = path.read_bytes()
    arrays = {**np.load(path), f"{record.key}/weights_sha256": np.array("0" * 64)}
    np.savez(path, **arrays)
    (problem,) = verify_run(record, recorded=True).problems
    assert problem.startswith("RunError: ") and "are of other weights" in problem
    path.write_bytes(content[:-100])
    (problem,) = verify_run(record, recorded=True).problems
    assert "tta_predictions.npz: not a complete .npz file" in problem


# The data set that analyses are computed from.


def test_analyses_require_the_images_of_the_records(model_run, dataset):
    verify.require_same_images([model_run], dataset)
    with pytest.raises(DataError, match="PublicTest of this copy was drawn from Training"):
        verify.require_same_images([], replace(dataset, public_test_drawn=True))
    images = dataset.private_test.images.copy()
    images[3] ^= 1
    other = replace(dataset, private_test=Split(images, dataset.private_test.labels))
    with pytest.raises(DataError, match=r"1 of the 70 images of .*seed-0, private_test"):
        verify.require_same_images([model_run], other)


@pytest.mark.parametrize("error", [ImportError("keras"), MemoryError(), NameError("x")])
def test_an_error_of_the_machine_fails_no_record(copy, dataset, verify_run, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(verify, "load_model", fail)
    with pytest.raises(type(error)):
        verify_run(copy, dataset)
