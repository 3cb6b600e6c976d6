from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from fer_lib import networks, runs, shifted_answers, verification
from fer_lib.data import DataError, Split
from fer_lib.experiments import SHIFTS
from fer_lib.files import read_json
from fer_lib.shifts import SCHEMES


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(shifted_answers, "RECORD", tmp_path / "shifts.json")
    monkeypatch.setattr(shifted_answers, "PREDICTIONS", tmp_path / "shifts.npz")


def test_schemes_are_measured_on_public_test(place, run, dataset):
    shifted_answers.record_schemes(run, dataset)
    rows = {
        (row["places"], row["mirrored"]): row for row in read_json(shifted_answers.RECORD)["rows"]
    }
    assert len(rows) == 2 * len(SCHEMES)
    assert rows["one place", False]["accuracy"] == run.metrics["public_test"]["accuracy"]
    answers = networks.predict(networks.load(run), dataset.public_test.images, True, SHIFTS)
    chosen = rows[SHIFTS, True]
    assert (
        chosen["passes"] == 18
        and chosen["accuracy"] == (answers.argmax(axis=1) == dataset.public_test.labels).mean()
    )


def test_answers_are_recorded_once(place, run, dataset, monkeypatch):
    assert not shifted_answers.PREDICTIONS.exists() and shifted_answers.predictions(run) is None
    shifted_answers.record_schemes(run, dataset)
    shifted_answers.record([run], dataset)
    found = shifted_answers.predictions(run)
    expected = networks.predict(networks.load(run), dataset.private_test.images, places=SHIFTS)
    np.testing.assert_array_equal(found["private_test_logits"], expected)
    np.testing.assert_array_equal(found["private_test_hashes"], dataset.private_test.hashes)
    monkeypatch.setattr(networks, "predict", lambda *a: pytest.fail("measured again"))
    shifted_answers.record([run], dataset)


def test_answers_of_other_weights_or_another_scheme_are_not_taken(place, run, dataset, monkeypatch):
    shifted_answers.record_schemes(run, dataset)
    shifted_answers.record([run], dataset)
    with np.load(shifted_answers.PREDICTIONS) as stored:
        arrays = dict(stored)
    np.savez(
        shifted_answers.PREDICTIONS, **arrays | {f"{run.key}/weights_sha256": np.array("0" * 64)}
    )
    with pytest.raises(runs.RunError, match="its answers of .*seed-0 are of other weights"):
        shifted_answers.predictions(run)
    np.savez(shifted_answers.PREDICTIONS, **arrays | {"scheme": np.array("one place")})
    assert shifted_answers.predictions(run) is None


def test_another_copys_images_are_refused(place, run, dataset):
    shifted_answers.record_schemes(run, dataset)
    other = replace(dataset, public_test=dataset.private_test)
    with pytest.raises(
        DataError, match="70 of the 70 images of .*seed-0, public_test, are not in this copy"
    ):
        shifted_answers.record([run], other)
    assert not shifted_answers.PREDICTIONS.exists()


def test_a_copy_in_another_order_gives_the_same_answers(place, run, dataset):
    shifted_answers.record_schemes(run, dataset)
    split = dataset.public_test
    shifted_answers.record(
        [run], replace(dataset, public_test=Split(split.images[::-1], split.labels[::-1]))
    )
    expected = networks.predict(networks.load(run), split.images, places=SHIFTS)
    np.testing.assert_allclose(
        softmax(shifted_answers.predictions(run)["public_test_logits"], axis=1),
        softmax(expected, axis=1),
        atol=1e-5,
    )


def test_what_is_recorded_is_checked_with_its_run(place, run, dataset):
    shifted_answers.record_schemes(run, dataset)
    shifted_answers.record([run], dataset)

    def problems(dataset=dataset):
        findings = verification.Findings()
        verification._check_shifted(run, dataset, findings)
        return findings.problems

    assert problems() == []
    black = Split(np.zeros((1, 48, 48), np.uint8), np.zeros(1, np.uint8))
    assert (
        problems(replace(dataset, public_test=black, private_test=black)) == []
    )  # a copy with none of the images
    shifted_answers.record_schemes(
        run, dataset
    )  # the schemes anew: what is said of the answers stays
    assert problems() == []
    with np.load(shifted_answers.PREDICTIONS) as stored:
        arrays = dict(stored)
    arrays[f"{run.key}/private_test_logits"] = -arrays[f"{run.key}/private_test_logits"]
    np.savez(shifted_answers.PREDICTIONS, **arrays)
    changed, wrong = problems()
    assert changed.startswith("shifts.npz is not the file that was recorded: its SHA-256 is ")
    assert wrong.startswith(
        "private_test, over shifted pictures: 2 images, largest difference of a probability "
    )
    np.savez(
        shifted_answers.PREDICTIONS, **arrays | {f"{run.key}/weights_sha256": np.array("0" * 64)}
    )
    (other,) = problems()
    assert "are of other weights" in other
    shifted_answers.PREDICTIONS.write_bytes(shifted_answers.PREDICTIONS.read_bytes()[:-100])
    (cut_off,) = problems()
    assert "shifts.npz: no whole .npz file" in cut_off


def test_the_chosen_scheme_is_the_best_of_those_measured_on_public_test():
    measured = read_json(shifted_answers.RECORD)
    best = max(measured["rows"], key=lambda row: row["accuracy"])
    assert measured["run"] == "small_cnn/seed-0" and (best["places"], best["mirrored"]) == (
        SHIFTS,
        True,
    )
