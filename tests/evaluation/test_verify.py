import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fer_lib.data.dataset import Split
from fer_lib.data.readers import DataError
from fer_lib.evaluation import verify as verification
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.evaluation.verify import (
    VerificationReport,
    _check_predictions,
    require_same_images,
    verify_run,
)
from fer_lib.experiments import EXPERIMENTS
from fer_lib.io import sha256_of, write_json
from fer_lib.paths import RESULTS
from fer_lib.runs.run import WEIGHTS_FILE, Run
from fer_lib.runs.store import CHECKSUMS_FILE, RECORDED_FILES, find_runs, record_run


@pytest.fixture
def copy(run, tmp_path):
    return Run(shutil.copytree(run.folder, tmp_path / "seed-0"))


@pytest.fixture(autouse=True)
def table(tiny, monkeypatch):
    monkeypatch.setattr(verification, "EXPERIMENTS", {**EXPERIMENTS, "tiny": tiny})


def change_predictions(run, **arrays):
    np.savez_compressed(run.folder / "predictions.npz", **{**run.predictions, **arrays})
    return Run(run.folder)


def test_a_sound_record_holds_also_on_shuffled_data(run, dataset):
    order = np.random.default_rng(0).permutation(len(dataset.private_test))
    shuffled = replace(
        dataset,
        private_test=Split(dataset.private_test.images[order], dataset.private_test.labels[order]),
    )
    findings = verify_run(run, shuffled)
    assert findings.problems == []
    assert any("private_test: 70 images" in note for note in findings.notes)


def test_without_the_data_it_says_what_it_did_not_do(run):
    findings = verify_run(run, None)
    assert findings.problems == [] and any("not recomputed" in note for note in findings.notes)


def test_the_weights_that_a_run_took_up_are_those_beside_it(run, tmp_path):
    student, teacher = (
        Run(shutil.copytree(run.folder, tmp_path / name / "seed-0")) for name in ("student", "tiny")
    )
    write_json(
        student.folder / "config.json",
        {**run.config, "dependency_weights_sha256": {"tiny/seed-0": sha256_of(run.weights)}},
    )
    assert verify_run(Run(student.folder), None).problems == []
    with teacher.weights.open("ab") as file:
        file.write(b"changed")
    (problem,) = verify_run(Run(student.folder), None).problems
    assert problem.startswith(
        f"took up weights of tiny/seed-0 with the SHA-256 {sha256_of(run.weights)}; those beside it have "
    )
    shutil.rmtree(teacher.folder)
    findings = verify_run(Run(student.folder), None)
    assert (
        findings.problems == []
        and "took up the weights of tiny/seed-0, which is not beside it" in findings.notes
    )


def test_changed_metrics_are_found(copy):
    metrics = copy.metrics
    metrics["both"]["accuracy"] += 1e-9
    write_json(copy.folder / "metrics.json", metrics)
    assert verify_run(Run(copy.folder), None).problems == [
        "metrics.json is not what predictions.npz gives"
    ]


def test_changed_predictions_are_found(copy, dataset):
    logits = copy.predictions["private_test_logits"].copy()
    logits[0, 0] += 0.5
    changed = change_predictions(copy, private_test_logits=logits)
    assert any(
        "private_test: 70 images, largest difference" in p
        for p in verify_run(changed, dataset).problems
    )


def test_images_that_are_not_there_are_counted(copy, dataset):
    hashes = copy.predictions["private_test_hashes"].copy()
    hashes[:2] = 1
    problems = verify_run(change_predictions(copy, private_test_hashes=hashes), dataset).problems
    assert (
        "private_test: 2 of 70 images are not in this copy of the data under their label"
        in problems
    )


def test_changed_labels_are_found_though_the_metrics_follow(copy, dataset):
    labels = copy.predictions["private_test_labels"].copy()
    labels[:5] = (labels[:5] + 1) % 7
    changed = change_predictions(copy, private_test_labels=labels)
    write_json(copy.folder / "metrics.json", metrics_by_split(changed.predictions))
    (problem,) = verify_run(Run(copy.folder), dataset).problems
    assert problem.startswith("private_test: 5 of 70 images are not in this copy")


def test_metrics_are_recomputed_from_the_weights(run, dataset):
    recomputed = verify_run(run, dataset).metrics
    assert recomputed["both"]["accuracy"] == pytest.approx(
        run.metrics["both"]["accuracy"], abs=0.01
    )


def test_an_edited_experiment_shows_both_values(copy, tiny, monkeypatch):
    monkeypatch.setattr(verification, "EXPERIMENTS", {"tiny": replace(tiny, batch_size=32)})
    (problem,) = verify_run(copy, None).problems
    assert "batch_size was 64" in problem and "is 32" in problem and "new name" in problem


def test_a_setting_that_came_later_is_not_an_edit_and_an_unknown_one_is(
    copy, tiny, dataset, monkeypatch
):
    monkeypatch.setattr(verification, "EXPERIMENTS", {"tiny": tiny})
    configuration = dict(copy.config["configuration"])
    del configuration["focal_gamma"]
    write_json(copy.folder / "config.json", {**copy.config, "configuration": configuration})
    assert verify_run(Run(copy.folder), None).problems == []
    write_json(
        copy.folder / "config.json",
        {**copy.config, "configuration": {**configuration, "colour": "red"}},
    )
    (problem,) = verify_run(Run(copy.folder), dataset).problems
    assert "colour" in problem
    write_json(
        copy.folder / "config.json",
        {**copy.config, "configuration": {**configuration, "train_fraction": 2}},
    )
    (problem,) = verify_run(Run(copy.folder), dataset).problems
    assert "train_fraction is 2, expected above 0" in problem


@pytest.fixture
def record(copy, results):
    return record_run(copy, results)


def check_with_checksums_made_again(record):
    """What is wrong with a record whose checksums fit."""
    names = [path.name for path in record.folder.iterdir() if path.name != CHECKSUMS_FILE]
    sums = "".join(f"{sha256_of(record.folder / name)}  {name}\n" for name in names)
    (record.folder / CHECKSUMS_FILE).write_text(sums)
    return verify_run(Run(record.folder), None, recorded=True).problems


def test_a_sound_record(record, dataset):
    assert verify_run(record, dataset, recorded=True).problems == []
    assert check_with_checksums_made_again(record) == []


def test_a_record_without_its_checksums(record):
    (record.folder / CHECKSUMS_FILE).unlink()
    (problem,) = verify_run(record, None, recorded=True).problems
    assert problem.startswith("there is no SHA256SUMS")
    (record.folder / CHECKSUMS_FILE).write_text("\n")
    (problem,) = verify_run(record, None, recorded=True).problems
    assert problem.startswith("SHA256SUMS is broken")


def test_a_headline_recorded_without_its_weights(record):
    (record.folder / WEIGHTS_FILE).unlink()
    assert check_with_checksums_made_again(record) == [
        "model.weights.h5 is missing: seed 0 of a headline experiment and the members of an ensemble keep their weights"
    ]


def test_private_test_opened_where_the_experiment_leaves_it_closed(record, tiny, monkeypatch):
    closed = replace(tiny, evaluate_private_test=False)
    monkeypatch.setattr(verification, "EXPERIMENTS", {"tiny": closed})
    write_json(record.folder / "config.json", {**record.config, "configuration": closed.to_dict()})
    (problem,) = check_with_checksums_made_again(record)
    assert problem.startswith("PrivateTest is predicted where the experiment leaves it closed")


def test_an_experiment_that_left_the_table(record, monkeypatch):
    monkeypatch.setattr(verification, "EXPERIMENTS", {})
    assert check_with_checksums_made_again(record) == [
        "there is no experiment tiny in the table any more; its row must stay as it was"
    ]


class Network:
    """Predicts what it is told to."""

    def __init__(self, answers):
        self.answers = answers

    def __call__(self, model, images, tta):
        return self.answers.pop(0)


def test_small_differences_pass_and_many_changed_labels_do_not(run, dataset, monkeypatch):
    logits = [run.predictions[f"{split}_logits"] for split in ("public_test", "private_test")]
    monkeypatch.setattr(
        verification.networks,
        "predict",
        Network([values + np.float32([1e-3, 0, 0, 0, 0, 0, 0]) for values in logits]),
    )
    assert verify_run(run, dataset).problems == []
    # Two classes that are equal but for less than the tolerance: the probabilities hold, the labels
    # do not.
    close = [np.zeros_like(values) for values in logits]
    for values in close:
        values[:, :2] = [5.001, 5]
    predictions = {
        **run.predictions,
        "public_test_logits": close[0],
        "private_test_logits": close[1],
    }
    even = SimpleNamespace(predictions=predictions, experiment=run.experiment)
    findings = VerificationReport()
    monkeypatch.setattr(verification.networks, "load", lambda run: None)
    monkeypatch.setattr(
        verification.networks,
        "predict",
        Network([values[:, [1, 0, 2, 3, 4, 5, 6]] for values in close]),
    )
    even.config = run.config
    _check_predictions(even, dataset, findings)
    assert [problem.split(": ")[0] for problem in findings.problems] == [
        "public_test",
        "private_test",
    ]
    assert all("70 other labels" in problem for problem in findings.problems)


def test_few_unmatched_images_are_a_note(run, dataset, monkeypatch):
    monkeypatch.setattr(verification, "UNMATCHED_TOLERANCE", 2 / 70)
    predictions = {
        **run.predictions,
        "private_test_hashes": run.predictions["private_test_hashes"].copy(),
    }
    predictions["private_test_hashes"][:2] = 1
    findings = VerificationReport()
    _check_predictions(
        SimpleNamespace(
            predictions=predictions,
            config=run.config,
            experiment=run.experiment,
            weights=run.weights,
        ),
        dataset,
        findings,
    )
    assert (
        findings.problems == []
        and "private_test: 2 of 70 images are not in this copy of the data under their label"
        in findings.notes
    )


def test_records_are_made_from_their_own_images_alone(run, dataset):
    require_same_images([run], dataset)
    with pytest.raises(DataError, match="PublicTest was drawn from Training"):
        require_same_images([], replace(dataset, public_test_drawn=True))
    images = dataset.private_test.images.copy()
    images[3] ^= 1
    with pytest.raises(
        DataError, match="1 of the 70 images of .*seed-0, private_test, are not in this copy"
    ):
        require_same_images(
            [run], replace(dataset, private_test=Split(images, dataset.private_test.labels))
        )


@pytest.mark.parametrize("name", [*RECORDED_FILES, WEIGHTS_FILE])
def test_a_changed_byte_in_any_file_is_found(record, dataset, name):
    path = record.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (problem,) = verify_run(Run(record.folder), dataset).problems
    assert problem.startswith(f"{name} is not the file that was recorded: its SHA-256 is ")


def test_a_missing_and_a_foreign_file_are_found(record):
    (record.folder / "history.csv").unlink()
    (record.folder / "notes.txt").touch()
    problems = verify_run(Run(record.folder), None).problems
    assert problems == [
        "history.csv was recorded and is missing",
        "notes.txt is there and was not recorded",
    ]


def test_predictions_never_run_code(copy):
    """A pickled object in the place of an array is refused, not loaded."""
    np.savez(copy.folder / "predictions.npz", public_test_logits=np.array([print], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        verify_run(Run(copy.folder), None)


def test_every_recorded_run_holds():
    """The committed records, whether or not FER2013 is here."""
    from fer_lib.evaluation.verify import verify_run
    from fer_lib.experiments import EXPERIMENTS

    recorded = find_runs(RESULTS)
    assert recorded
    for record in recorded:
        assert verify_run(record, None, recorded=True).problems == []
        name = record.config["experiment"]
        assert name not in EXPERIMENTS or record.folder.parent.name == name
