from dataclasses import replace

import numpy as np
import pytest

from fer_lib.evaluation.ensembles import Ensemble, recorded_ensembles
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.experiments import ENSEMBLE_TTA, ENSEMBLES
from fer_lib.io import sha256_of
from fer_lib.paths import RESULTS
from fer_lib.runs.predictions import align
from fer_lib.runs.run import Run, RunError, parse_run_key
from fer_lib.runs.store import find_run


def write_predictions(run, predictions):
    arrays = {
        f"{split}_{name}": getattr(values, name)
        for split, values in predictions.items()
        for name in ("logits", "labels", "hashes")
    }
    np.savez(run.folder / "predictions.npz", **arrays)
    return Run(run.folder)


def write_tta_predictions(root, runs, **changes):
    arrays = {"scheme": np.array(ENSEMBLE_TTA)}
    for run in runs:
        arrays[f"{run.key}/weights_sha256"] = np.array(sha256_of(run.weights))
        for split, values in run.predictions.items():
            arrays[f"{run.key}/{split}_logits"] = -values.logits
    (root / "analysis").mkdir()
    np.savez(root / "analysis" / "tta_predictions.npz", **arrays | changes)


@pytest.fixture
def members(make_run, tmp_path):
    return tuple(make_run(tmp_path, "se_cnn", seed) for seed in (0, 1))


def test_an_ensemble_averages_the_probabilities_of_its_members(members):
    ensemble = Ensemble("Two", members)
    for split, predictions in ensemble.predictions.items():
        a, b = align(*(member.predictions[split] for member in members))
        np.testing.assert_array_equal(predictions.hashes, a.hashes)
        np.testing.assert_array_equal(predictions.labels, a.labels)
        mean = (a.probabilities + b.probabilities) / 2
        np.testing.assert_allclose(predictions.probabilities, mean, atol=1e-6)
        assert predictions.logits.dtype == np.float32
    assert ensemble.metrics == metrics_by_split(ensemble.predictions)
    assert list(ensemble.metrics) == ["public_test", "private_test", "both"]


def test_an_ensemble_of_one_run_has_its_metrics(members):
    ensemble = Ensemble("One", members[:1])
    assert ensemble.metrics["both"]["confusion"] == members[0].metrics["both"]["confusion"]


def test_members_may_hold_the_images_in_any_order(members):
    order = np.random.default_rng(0).permutation(70)
    shuffled = {split: values[order] for split, values in members[1].predictions.items()}
    expected = Ensemble("Two", members).predictions["private_test"]
    again = Ensemble("Two", (members[0], write_predictions(members[1], shuffled))).predictions
    np.testing.assert_array_equal(again["private_test"].hashes, expected.hashes)
    np.testing.assert_array_equal(again["private_test"].logits, expected.logits)


def test_members_evaluated_on_other_images_are_refused(members, make_run, tmp_path):
    values = members[1].predictions
    other = replace(values["private_test"], hashes=values["private_test"].hashes + np.uint64(1))
    changed = write_predictions(members[1], {**values, "private_test": other})
    message = "se_cnn/seed-0, se_cnn/seed-1: not evaluated on the same images"
    with pytest.raises(RunError, match=message):
        _ = Ensemble("Two", (members[0], changed)).predictions
    public_only = make_run(tmp_path, "ablation_mixup")
    with pytest.raises(RunError, match="not evaluated on the same images"):
        _ = Ensemble("Two", (members[0], public_only)).predictions


def test_an_ensemble_with_shift_tta_averages_those_predictions(members, tmp_path):
    write_tta_predictions(tmp_path, members)
    plain, shifted = (Ensemble("Two", members, shift_tta=tta) for tta in (False, True))
    a, b = align(*(member.predictions["public_test"] for member in members))
    mean = np.mean([replace(each, logits=-each.logits).probabilities for each in (a, b)], axis=0)
    np.testing.assert_allclose(shifted.predictions["public_test"].probabilities, mean, atol=1e-6)
    assert (plain.forward_passes, shifted.forward_passes) == (2 * 2, 2 * 18)


def test_ensembles_are_listed_when_every_member_is_recorded(make_run, tmp_path, members):
    assert [e.title for e in recorded_ensembles(tmp_path)] == ["Two SE-CNNs"]
    distilled = make_run(tmp_path, "se_cnn_distilled")
    write_tta_predictions(tmp_path, [*members, distilled])
    assert [(e.title, e.shift_tta) for e in recorded_ensembles(tmp_path)] == [
        ("Two SE-CNNs", False),
        ("Two SE-CNNs, shift TTA", True),
        ("Two SE-CNNs and the distilled SE-CNN", False),
        ("Two SE-CNNs and the distilled SE-CNN, shift TTA", True),
    ]
    assert [[member.key for member in e.members] for e in recorded_ensembles(tmp_path)] == [
        *2 * [["se_cnn/seed-0", "se_cnn/seed-1"]],
        *2 * [["se_cnn/seed-0", "se_cnn/seed-1", "se_cnn_distilled/seed-0"]],
    ]
    assert recorded_ensembles(tmp_path / "nowhere") == []


def test_an_ensemble_is_listed_without_those_before_it(make_run, tmp_path):
    for seed in (0, 1):
        make_run(tmp_path, "se_cnn_distilled_swa", seed)
    assert [e.title for e in recorded_ensembles(tmp_path)] == ["Two SWA SE-CNNs"]


def test_committed_ensembles_are_evaluated_on_both_splits():
    recorded = [
        title
        for title, keys in ENSEMBLES.items()
        if all(find_run(RESULTS, *parse_run_key(key)) for key in keys)
    ]
    ensembles = recorded_ensembles(RESULTS)
    assert recorded
    assert [ensemble.title for ensemble in ensembles if not ensemble.shift_tta] == recorded
    for ensemble in ensembles:
        title = ensemble.title.removesuffix(", shift TTA")
        assert tuple(member.key for member in ensemble.members) == ENSEMBLES[title]
        images = {split: len(values) for split, values in ensemble.predictions.items()}
        assert images == {"public_test": 3589, "private_test": 3589}
