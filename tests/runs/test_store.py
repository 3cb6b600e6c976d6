import json
import subprocess

import numpy as np
import pytest

from fer_lib.experiments import ENSEMBLES, HOG, HOG_CONFIGURATION
from fer_lib.io import sha256_of, write_json
from fer_lib.runs.manifest import CHECKSUMS_FILE
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import SHARED_SPLITS_FILE, WEIGHTS_FILE, Run, RunError
from fer_lib.runs.store import (
    RECORDED_FILES,
    best_single_run,
    find_run,
    find_runs,
    keeps_weights,
    record_run,
    write_run,
)


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


def change_config(run, **changes):
    write_json(run.folder / "config.json", {**run.config, **changes})
    return Run(run.folder)


def test_runs_are_found_in_the_order_of_the_table_and_of_the_seeds(make_run, runs):
    for name, seed in (("ablation_mixup", 0), ("se_cnn", 10), ("custom_cnn", 0), ("se_cnn", 9)):
        make_run(runs, name, seed)
    (runs / "se_cnn" / "seed-11").mkdir()  # unfinished
    keys = ["custom_cnn/seed-0", "se_cnn/seed-9", "se_cnn/seed-10", "ablation_mixup/seed-0"]
    assert [run.key for run in find_runs(runs)] == keys
    assert [run.key for run in find_runs(runs, "se_cnn")] == keys[1:3]
    assert find_run(runs, "se_cnn", 9).key == "se_cnn/seed-9"
    assert find_run(runs, "se_cnn", 11) is None and find_runs(runs / "nowhere") == []


def test_a_damaged_configuration_hides_no_other_run(make_run, runs):
    for name in ("custom_cnn", "se_cnn"):
        make_run(runs, name)
    (runs / "custom_cnn" / "seed-0" / "config.json").write_text("{")
    assert [run.folder.parent.name for run in find_runs(runs)] == ["custom_cnn", "se_cnn"]


def test_the_best_single_run_is_seed_0_of_the_most_accurate_candidate(make_run, runs):
    accuracies = {"custom_cnn": 0.7, "se_cnn": 0.6, "se_cnn_distilled": 0.8, "ablation_mixup": 0.9}
    for name, accuracy in accuracies.items():
        run = make_run(runs, name)
        write_json(run.folder / "metrics.json", {"public_test": {"accuracy": accuracy}})
    better_seed = make_run(runs, "se_cnn", 1)
    write_json(better_seed.folder / "metrics.json", {"public_test": {"accuracy": 0.95}})
    assert best_single_run(runs).key == "se_cnn_distilled/seed-0"
    (runs / "se_cnn_distilled" / "seed-0" / WEIGHTS_FILE).unlink()
    assert best_single_run(runs).key == "custom_cnn/seed-0"
    assert best_single_run(runs / "nowhere") is None


def test_a_written_run_holds_its_versions_and_hardware_and_metrics_come_last(dataset, tmp_path):
    split = dataset.public_test
    predictions = SplitPredictions(np.zeros((70, 7), np.float32), split.labels, split.hashes)
    config = {"experiment": "se_cnn", "seed": 0, "profile": "full", "configuration": {}}
    run = write_run(tmp_path, config, {"public_test": predictions}, {"accuracy": 1})
    assert config.items() <= run.config.items()
    assert run.config["versions"]["numpy"] == np.__version__
    assert run.config["hardware"]["cores"] >= 1
    kept = write_run(tmp_path, {**config, "hardware": "of training"}, {}, {}).config
    assert kept["hardware"] == "of training"
    (tmp_path / "metrics.json").unlink()
    with pytest.raises(TypeError):
        write_run(tmp_path, {**config, "seed": object()}, {}, {})
    assert not run.finished


@pytest.mark.parametrize(
    ("name", "seed", "kept"),
    [
        ("custom_cnn", 0, True),
        ("custom_cnn", 1, False),
        ("ablation_mixup", 0, False),  # not evaluated on PrivateTest
        ("se_cnn", 1, True),  # a member of an ensemble, and a teacher
        ("se_cnn", 2, False),
    ],
)
def test_records_that_keep_their_weights(make_run, runs, results, name, seed, kept):
    run = make_run(runs, name, seed)
    assert keeps_weights(run) == kept
    assert bool(record_run(run, results).weights) == kept


def test_members_of_ensembles_keep_their_weights(make_run, runs):
    for key in {key for members in ENSEMBLES.values() for key in members}:
        name, seed = key.split("/seed-")
        assert keeps_weights(make_run(runs, name, int(seed)))


def test_a_record_of_hog_needs_no_weights(make_run, runs):
    run = change_config(make_run(runs), experiment=HOG, configuration=HOG_CONFIGURATION)
    assert not keeps_weights(run)


def test_a_record_is_a_whole_copy_made_once(make_run, runs, results):
    run = make_run(runs)
    recorded = record_run(run, results)
    assert recorded.folder == results / "se_cnn" / "seed-0"
    names = {path.name for path in recorded.folder.iterdir()}
    assert names == {*RECORDED_FILES, WEIGHTS_FILE, CHECKSUMS_FILE}
    assert [path.name for path in recorded.folder.parent.iterdir()] == ["seed-0"]
    assert recorded.config == run.config and recorded.metrics == run.metrics
    assert sha256_of(recorded.weights) == sha256_of(run.weights)
    sums = ["sha256sum", "-c", "--strict", CHECKSUMS_FILE]
    assert subprocess.run(sums, cwd=recorded.folder, capture_output=True).returncode == 0
    with pytest.raises(RunError, match="recorded already"):
        record_run(run, results)
    assert [r.key for r in find_runs(results)] == [run.key]


def test_records_share_the_labels_and_hashes_of_one_file(make_run, runs, results):
    public_only = make_run(runs, "ablation_mixup")
    record_run(public_only, results)
    shared = results / SHARED_SPLITS_FILE
    assert set(np.load(shared)) == {"public_test_labels", "public_test_hashes"}
    both = make_run(runs, "se_cnn")
    recorded = record_run(both, results)
    assert set(np.load(shared)) == {
        f"{split}_{name}" for split in both.predictions for name in ("labels", "hashes")
    }
    assert set(np.load(recorded.folder / "predictions.npz")) == {
        "public_test_logits",
        "private_test_logits",
    }
    written = shared.stat().st_mtime_ns
    record_run(make_run(runs, "se_cnn", 1), results)
    assert shared.stat().st_mtime_ns == written
    for run in (public_only, both):
        again = find_run(results, run.name, run.seed).predictions
        assert again.keys() == run.predictions.keys()
        for split, predictions in run.predictions.items():
            for name in ("logits", "labels", "hashes"):
                expected, actual = (getattr(p, name) for p in (predictions, again[split]))
                assert actual.dtype == expected.dtype
                np.testing.assert_array_equal(actual, expected)


def test_a_record_with_other_images_keeps_its_own(make_run, runs, results):
    record_run(make_run(runs, "se_cnn"), results)
    shared = sha256_of(results / SHARED_SPLITS_FILE)
    run = make_run(runs, "se_cnn_distilled")
    path = run.folder / "predictions.npz"
    arrays = dict(np.load(path))
    arrays["private_test_hashes"] = arrays["private_test_hashes"] + np.uint64(1)
    np.savez_compressed(path, **arrays)
    recorded = record_run(Run(run.folder), results)
    assert sha256_of(results / SHARED_SPLITS_FILE) == shared
    np.testing.assert_array_equal(
        recorded.predictions["private_test"].hashes, arrays["private_test_hashes"]
    )


def test_runs_that_are_not_of_fer2013_are_not_recorded(make_run, runs, results, dataset):
    run = make_run(runs)
    with pytest.raises(RunError, match="quick profile; only runs on FER2013"):
        record_run(change_config(run, profile="quick"), results)
    with pytest.raises(RunError, match="PublicTest was drawn from Training"):
        record_run(change_config(run, profile="full", public_test_drawn=True), results)
    run = change_config(run, public_test_drawn=False)
    counts = json.loads(json.dumps(dataset.class_counts))
    counts["PrivateTest"]["sad"] += 1
    write_json(results / "analysis" / "dataset.json", {"class_counts": counts})
    with pytest.raises(RunError, match=r"its PrivateTest \(70 images\) has other class counts"):
        record_run(run, results)
    (run.folder / "metrics.json").unlink()
    with pytest.raises(RunError, match="unfinished"):
        record_run(run, results)
    assert [path.name for path in results.iterdir()] == ["analysis"]
