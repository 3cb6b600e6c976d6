import shutil
import sys

import numpy as np
import pytest

from fer_lib.deploy import exported, inference
from fer_lib.deploy.exported import ensure_exported, export_path, is_export_of
from fer_lib.deploy.inference import ModelError
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import Run
from fer_lib.runs.store import write_run


@pytest.fixture
def recorded(run, tmp_path):
    """A folder of recorded runs with the small run."""
    shutil.copytree(run.folder, tmp_path / "results" / "tiny" / "seed-0")
    return tmp_path / "results"


@pytest.fixture
def exports(caplog):
    """Returns the messages on exports so far."""
    return lambda: [message for message in caplog.messages if message.startswith("exporting")]


def test_path_names_experiment_and_seed(run, tmp_path):
    path = export_path(run, build=tmp_path)
    assert path == tmp_path / "full" / "onnx" / "tiny-seed-0.onnx"
    assert export_path(run, int8=True).name == "tiny-seed-0-int8.onnx"


def test_changed_run_is_exported_again(recorded, tmp_path, monkeypatch, exports):
    run = Run(recorded / "tiny" / "seed-0")
    build = tmp_path / "build"
    path = export_path(run, build=build)
    assert not is_export_of(path, run)
    assert ensure_exported(run, build) == path
    assert is_export_of(path, run)
    predictions = {
        split: SplitPredictions(values.logits / np.float32(2), values.labels, values.hashes)
        for split, values in run.predictions.items()
    }
    changed = write_run(run.folder, run.config, predictions, run.metrics)
    assert not is_export_of(path, changed)
    ensure_exported(changed, build)
    assert len(exports()) == 2
    monkeypatch.setattr(inference, "FORMAT", 0)
    assert not is_export_of(path, changed)


def test_packaged_model_serves_its_run(recorded, tmp_path, monkeypatch, exports):
    run = Run(recorded / "tiny" / "seed-0")
    packaged = ensure_exported(run, tmp_path / "elsewhere")
    monkeypatch.setattr(exported, "DEFAULT_MODEL", packaged)
    assert ensure_exported(run, tmp_path / "build") == packaged
    assert len(exports()) == 1


def test_without_keras_the_message_names_the_extra(recorded, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "fer_lib.deploy.onnx_export", raising=False)
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ModelError, match=r"needs keras: install fer_lib\[train\]"):
        ensure_exported(Run(recorded / "tiny" / "seed-0"), tmp_path)
