import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import accuracy_score

from fer_lib.evaluation.ensembles import Ensemble, recorded_ensembles
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.evaluation.tta_predictions import tta_predictions_path
from fer_lib.experiments import ENSEMBLE_TTA, EXPERIMENTS
from fer_lib.io import sha256_of
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import RunError, run_folder
from fer_lib.runs.store import write_run

LABELS = np.repeat(np.arange(7, dtype=np.uint8), 10)
HASHES = np.arange(70, dtype=np.uint64)


def random_logits(seed):
    return np.random.default_rng(seed).normal(size=(70, 7)).astype(np.float32)


@pytest.fixture
def members(tmp_path):
    """Seeds 0 and 1 of the SE-CNN, the first with recorded shift TTA."""
    runs = []
    for seed in (0, 1):
        splits = {
            split: SplitPredictions(random_logits(2 * seed + row), LABELS, HASHES)
            for row, split in enumerate(("public_test", "private_test"))
        }
        config = {
            "experiment": "se_cnn",
            "seed": seed,
            "profile": "full",
            "configuration": EXPERIMENTS["se_cnn"].to_dict(),
        }
        folder = run_folder(tmp_path, "se_cnn", seed)
        runs.append(write_run(folder, config, splits, metrics_by_split(splits)))
        (folder / "model.weights.h5").write_bytes(b"weights %d" % seed)
    stored = {
        "se_cnn/seed-0/public_test_logits": random_logits(8),
        "se_cnn/seed-0/private_test_logits": random_logits(9),
        "se_cnn/seed-0/weights_sha256": np.array(sha256_of(runs[0].weights)),
    }
    path = tta_predictions_path(runs[0])
    path.parent.mkdir()
    np.savez(path, scheme=np.array(ENSEMBLE_TTA), **stored)
    return runs


def test_ensemble_averages_probabilities(members):
    ensemble = Ensemble("Both", tuple(members))
    for split, predictions in ensemble.predictions.items():
        mean = np.mean([softmax(run.predictions[split].logits, axis=1) for run in members], axis=0)
        np.testing.assert_allclose(predictions.probabilities, mean, atol=1e-6)
        expected = accuracy_score(LABELS, mean.argmax(axis=1))
        assert ensemble.metrics[split]["accuracy"] == expected


def test_ensemble_of_one_is_its_member(members):
    ensemble = Ensemble("One", (members[0],))
    assert ensemble.metrics["both"]["confusion"] == members[0].metrics["both"]["confusion"]


def test_ensemble_reads_recorded_tta_predictions(members):
    ensemble = Ensemble("One", (members[0],), shift_tta=True)
    np.testing.assert_allclose(
        ensemble.predictions["private_test"].probabilities,
        softmax(random_logits(9).astype(float), axis=1),
        atol=1e-6,
    )


def test_forward_passes_are_those_of_all_members(members):
    assert Ensemble("Both", tuple(members)).forward_passes == 2 * 2
    assert Ensemble("Both", tuple(members), shift_tta=True).forward_passes == 2 * 18


def test_members_evaluated_on_different_images_are_refused(members):
    other = {"logits": random_logits(0), "labels": LABELS, "hashes": HASHES + np.uint64(1)}
    arrays = {f"public_test_{name}": values for name, values in other.items()}
    np.savez(members[1].folder / "predictions.npz", **arrays)
    with pytest.raises(RunError, match="se_cnn/seed-1: not evaluated on the same images"):
        Ensemble("Both", tuple(members)).metrics  # noqa: B018


def test_recorded_ensembles_are_those_whose_members_are_all_recorded(members, tmp_path):
    (ensemble,) = recorded_ensembles(tmp_path)
    assert ensemble.title == "Two SE-CNNs"
    assert [run.key for run in ensemble.members] == ["se_cnn/seed-0", "se_cnn/seed-1"]
    assert recorded_ensembles(tmp_path / "empty") == []
