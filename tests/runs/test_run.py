import subprocess
import sys

import numpy as np
import pytest

from fer_lib.experiments import EXPERIMENTS
from fer_lib.io import write_json
from fer_lib.runs.run import Run, RunError, parse_run_key, run_folder


def test_properties_read_the_folder(make_run, tmp_path, dataset):
    run = make_run(tmp_path, "se_cnn_distilled", 2)
    assert run.folder == run_folder(tmp_path, "se_cnn_distilled", 2)
    assert (run.name, run.seed, run.key) == ("se_cnn_distilled", 2, "se_cnn_distilled/seed-2")
    assert run.root == tmp_path and run.finished and run.weights.read_bytes() == b"weights"
    assert run.experiment.to_dict() == EXPERIMENTS["se_cnn_distilled"].to_dict()
    assert run.history["learning_rate"].tolist() == [0.1]
    assert list(run.predictions) == ["public_test", "private_test"]
    for split, predictions in run.predictions.items():
        assert predictions.logits.shape == (70, 7) and predictions.logits.dtype == np.float32
        np.testing.assert_array_equal(predictions.hashes, getattr(dataset, split).hashes)
        np.testing.assert_array_equal(predictions.labels, getattr(dataset, split).labels)
        assert run.metrics[split]["accuracy"] == predictions.correct.mean()


def test_what_is_not_kept_is_none(make_run, tmp_path):
    run = make_run(tmp_path, "ablation_mixup", weights=None)
    assert run.weights is None and list(run.predictions) == ["public_test"]
    (run.folder / "history.csv").unlink()
    assert Run(run.folder).history is None
    (run.folder / "metrics.json").unlink()
    assert not run.finished


def test_truncated_predictions_are_named(make_run, tmp_path):
    run = make_run(tmp_path)
    path = run.folder / "predictions.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"predictions\.npz: not a complete \.npz file"):
        _ = run.predictions


def test_missing_hashes_are_named(make_run, tmp_path):
    run = make_run(tmp_path)
    path = run.folder / "predictions.npz"
    arrays = dict(np.load(path))
    del arrays["private_test_hashes"]
    np.savez(path, **arrays)
    with pytest.raises(RunError, match=r"predictions\.npz: there is no private_test_hashes"):
        _ = run.predictions


def test_configuration_that_identifies_no_run_is_named(tmp_path):
    write_json(tmp_path / "config.json", {"seed": 0, "profile": "full"})
    message = r"config\.json: has no experiment, configuration; expected at least experiment, seed"
    with pytest.raises(RunError, match=message):
        _ = Run(tmp_path).key


def test_run_keys():
    assert parse_run_key("se_cnn/seed-12") == ("se_cnn", 12)
    for key in ("se_cnn", "se_cnn/12", "se_cnn/seed-", "a/b/seed-1"):
        with pytest.raises(RunError, match="is no run, expected <experiment>/seed-<n>"):
            parse_run_key(key)


def test_reading_runs_imports_no_heavy_package():
    heavy = {"pandas", "keras", "tensorflow", "sklearn", "scipy", "matplotlib"}
    code = "import sys, fer_lib.runs.store; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "fer_lib.runs.run" in done.stdout and not heavy & set(done.stdout.split())
