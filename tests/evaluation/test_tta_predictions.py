from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from fer_lib.data.dataset import Split
from fer_lib.data.readers import DataError
from fer_lib.evaluation import inference as networks
from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.evaluation.tta_predictions import (
    TTA_PATH,
    TTA_PREDICTIONS_PATH,
    record_tta_predictions,
    record_tta_schemes,
    tta_predictions,
)
from fer_lib.evaluation.tta_predictions import tta_predictions as shifted_answers
from fer_lib.evaluation.verify import VerificationReport, _check_tta_predictions
from fer_lib.experiments import ENSEMBLE_TTA
from fer_lib.io import read_json
from fer_lib.runs.run import RunError
from fer_lib.tta import SHIFTS


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(shifted_answers, "RECORD", tmp_path / "shifts.json")
    monkeypatch.setattr(shifted_answers, "PREDICTIONS", tmp_path / "shifts.npz")


def test_schemes_are_measured_on_public_test(place, run, dataset):
    record_tta_schemes(run, dataset)
    rows = {(row["places"], row["mirrored"]): row for row in read_json(TTA_PATH)["rows"]}
    assert len(rows) == 2 * len(SHIFTS)
    assert rows["one place", False]["accuracy"] == run.metrics["public_test"]["accuracy"]
    answers = predict_logits(load_model(run), dataset.public_test.images, True, ENSEMBLE_TTA)
    chosen = rows[ENSEMBLE_TTA, True]
    assert (
        chosen["passes"] == 18
        and chosen["accuracy"] == (answers.argmax(axis=1) == dataset.public_test.labels).mean()
    )


def test_answers_are_recorded_once(place, run, dataset, monkeypatch):
    assert not TTA_PREDICTIONS_PATH.exists() and tta_predictions(run) is None
    record_tta_schemes(run, dataset)
    record_tta_predictions([run], dataset)
    found = tta_predictions(run)
    expected = predict_logits(load_model(run), dataset.private_test.images, places=ENSEMBLE_TTA)
    np.testing.assert_array_equal(found["private_test_logits"], expected)
    np.testing.assert_array_equal(found["private_test_hashes"], dataset.private_test.hashes)
    monkeypatch.setattr(networks, "predict", lambda *a: pytest.fail("measured again"))
    record_tta_predictions([run], dataset)


def test_answers_of_other_weights_or_another_scheme_are_not_taken(place, run, dataset, monkeypatch):
    record_tta_schemes(run, dataset)
    record_tta_predictions([run], dataset)
    with np.load(TTA_PREDICTIONS_PATH) as stored:
        arrays = dict(stored)
    np.savez(TTA_PREDICTIONS_PATH, **arrays | {f"{run.key}/weights_sha256": np.array("0" * 64)})
    with pytest.raises(RunError, match="its answers of .*seed-0 are of other weights"):
        tta_predictions(run)
    np.savez(TTA_PREDICTIONS_PATH, **arrays | {"scheme": np.array("one place")})
    assert tta_predictions(run) is None


def test_another_copys_images_are_refused(place, run, dataset):
    record_tta_schemes(run, dataset)
    other = replace(dataset, public_test=dataset.private_test)
    with pytest.raises(
        DataError, match="70 of the 70 images of .*seed-0, public_test, are not in this copy"
    ):
        record_tta_predictions([run], other)
    assert not TTA_PREDICTIONS_PATH.exists()


def test_a_copy_in_another_order_gives_the_same_answers(place, run, dataset):
    record_tta_schemes(run, dataset)
    split = dataset.public_test
    record_tta_predictions(
        [run], replace(dataset, public_test=Split(split.images[::-1], split.labels[::-1]))
    )
    expected = predict_logits(load_model(run), split.images, places=ENSEMBLE_TTA)
    np.testing.assert_allclose(
        softmax(tta_predictions(run)["public_test_logits"], axis=1),
        softmax(expected, axis=1),
        atol=1e-5,
    )


def test_what_is_recorded_is_checked_with_its_run(place, run, dataset):
    record_tta_schemes(run, dataset)
    record_tta_predictions([run], dataset)

    def problems(dataset=dataset):
        findings = VerificationReport()
        _check_tta_predictions(run, dataset, findings)
        return findings.problems

    assert problems() == []
    black = Split(np.zeros((1, 48, 48), np.uint8), np.zeros(1, np.uint8))
    assert (
        problems(replace(dataset, public_test=black, private_test=black)) == []
    )  # a copy with none of the images
    record_tta_schemes(run, dataset)  # the schemes anew: what is said of the answers stays
    assert problems() == []
    with np.load(TTA_PREDICTIONS_PATH) as stored:
        arrays = dict(stored)
    arrays[f"{run.key}/private_test_logits"] = -arrays[f"{run.key}/private_test_logits"]
    np.savez(TTA_PREDICTIONS_PATH, **arrays)
    changed, wrong = problems()
    assert changed.startswith("shifts.npz is not the file that was recorded: its SHA-256 is ")
    assert wrong.startswith(
        "private_test, over shifted pictures: 2 images, largest difference of a probability "
    )
    np.savez(TTA_PREDICTIONS_PATH, **arrays | {f"{run.key}/weights_sha256": np.array("0" * 64)})
    (other,) = problems()
    assert "are of other weights" in other
    TTA_PREDICTIONS_PATH.write_bytes(TTA_PREDICTIONS_PATH.read_bytes()[:-100])
    (cut_off,) = problems()
    assert "shifts.npz: not a complete .npz file" in cut_off


def test_the_chosen_scheme_is_the_best_of_those_measured_on_public_test():
    measured = read_json(TTA_PATH)
    best = max(measured["rows"], key=lambda row: row["accuracy"])
    assert measured["run"] == "se_cnn/seed-0" and (best["places"], best["mirrored"]) == (
        ENSEMBLE_TTA,
        True,
    )
