import shutil

import numpy as np
import pytest

from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.io import read_json, write_json
from fer_lib.runs import run as runs
from fer_lib.runs.store import CHECKSUMS_FILE, RECORDED_FILES
from fer_lib.runs.run import HISTORY_COLUMNS, WEIGHTS_FILE, Run, RunError
from fer_lib.runs.store import find_run, find_runs, record_run


@pytest.fixture
def copy(run, tmp_path):
    return Run(shutil.copytree(run.folder, tmp_path / "runs" / "tiny" / "seed-0"))


def test_a_finished_run_holds_what_it_must(run, dataset, tiny):
    assert run.finished and run.weights
    assert list(run.history.columns) == list(HISTORY_COLUMNS)
    assert run.config["configuration"] == tiny.to_dict()
    assert run.config["data_sha256"] == dataset.sha256
    for split in ("public_test", "private_test"):
        ours = getattr(dataset, split)
        assert run.predictions[f"{split}_logits"].shape == (len(ours), 7)
        assert run.predictions[f"{split}_logits"].dtype == np.float32
        np.testing.assert_array_equal(run.predictions[f"{split}_hashes"], ours.hashes)
        np.testing.assert_array_equal(run.predictions[f"{split}_labels"], ours.labels)
    assert run.metrics == metrics_by_split(run.predictions)


def test_record_copies_whole_and_once(copy, results, dataset):
    recorded = record_run(copy, results)
    assert recorded.folder == results / "tiny" / "seed-0"
    names = {path.name for path in recorded.folder.iterdir()}
    assert names == {*RECORDED_FILES, WEIGHTS_FILE, CHECKSUMS_FILE}
    assert [path.name for path in recorded.folder.parent.iterdir()] == ["seed-0"]
    with pytest.raises(RunError, match="recorded already"):
        record_run(copy, results)
    assert [r.folder for r in find_runs(results)] == [recorded.folder]


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"configuration": {"evaluate_private_test": False}}]
)
def test_other_seeds_and_experiments_keep_no_weights(copy, results, change):
    write_json(copy.folder / "config.json", {**read_json(copy.folder / "config.json"), **change})
    assert record_run(Run(copy.folder), results).weights is None


def test_a_member_of_an_ensemble_keeps_its_weights_whatever_its_seed(copy, results, monkeypatch):
    monkeypatch.setattr(runs, "ENSEMBLES", {"Two": ("tiny/seed-0", "tiny/seed-1")})
    write_json(copy.folder / "config.json", {**read_json(copy.folder / "config.json"), "seed": 1})
    assert record_run(Run(copy.folder), results).weights


def test_what_is_not_recorded(copy, results, dataset):
    write_json(copy.folder / "config.json", {**copy.config, "profile": "quick"})
    with pytest.raises(RunError, match="quick profile"):
        record_run(Run(copy.folder), results)
    counts = {
        split: {**mine, "sad": mine["sad"] + 1} for split, mine in dataset.class_counts.items()
    }
    write_json(copy.folder / "config.json", copy.config)
    write_json(results / "analysis" / "dataset.json", {"class_counts": counts})
    with pytest.raises(RunError, match="its PublicTest does not hold FER2013's images"):
        record_run(Run(copy.folder), results)
    write_json(copy.folder / "config.json", {**copy.config, "public_test_drawn": True})
    with pytest.raises(RunError, match="PublicTest was drawn from Training"):
        record_run(Run(copy.folder), results)
    (copy.folder / "metrics.json").unlink()
    with pytest.raises(RunError, match="not a finished run"):
        record_run(Run(copy.folder), results)
    assert [path.name for path in results.iterdir()] == ["analysis"]


def test_find_answers_none_for_what_is_not_there(tmp_path):
    assert find_run(tmp_path, "custom_cnn", 0) is None
    assert find_runs(tmp_path) == []


def test_predictions_that_are_cut_off_are_named(copy):
    path = copy.folder / "predictions.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"predictions\.npz: no whole \.npz file"):
        copy.predictions


def test_a_configuration_of_no_run_is_named(copy):
    write_json(copy.folder / "config.json", {"seed": 0, "profile": "full"})
    with pytest.raises(
        RunError,
        match=r"config\.json: has no experiment, configuration; expected at least experiment, seed",
    ):
        Run(copy.folder).key
