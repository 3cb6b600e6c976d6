import shutil

import numpy as np
import pytest

from fer_lib.evaluation import flip_tta as module
from fer_lib.evaluation.flip_tta import record_flip_tta, with_scheme
from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.io import read_json, write_json
from fer_lib.runs.run import WEIGHTS_FILE


@pytest.fixture
def path(copy, dataset):
    """The logits of `copy`, which predicts without TTA, with flip TTA."""
    path = copy.root / "analysis" / "flip_tta.npz"
    path.parent.mkdir()
    record_flip_tta([copy], dataset, path)
    return path


def test_the_other_scheme_is_recorded_and_found(copy, path, dataset):
    (own,), (flipped,) = with_scheme([copy], "none"), with_scheme([copy], "flip")
    assert own is copy
    assert (flipped.name, flipped.seed, flipped.config) == (copy.name, copy.seed, copy.config)
    assert list(flipped.predictions) == ["public_test"]
    images = dataset.public_test.images
    expected = predict_logits(load_model(copy), images, "flip")
    np.testing.assert_allclose(flipped.predictions["public_test"].logits, expected, atol=1e-5)
    mirrored = predict_logits(load_model(copy), images[:, :, ::-1], "flip")
    np.testing.assert_allclose(mirrored, expected, atol=1e-5)  # the mean of an image and its mirror


def test_a_run_that_flips_is_recorded_without(copy, dataset, tmp_path):
    config = read_json(copy.folder / "config.json")
    config["configuration"]["tta"] = "flip"
    write_json(copy.folder / "config.json", config)
    record_flip_tta([copy], dataset, tmp_path / "flip_tta.npz")
    recorded = np.load(tmp_path / "flip_tta.npz")[copy.key]
    expected = predict_logits(load_model(copy), dataset.public_test.images)
    np.testing.assert_allclose(recorded, expected, atol=1e-5)


def test_runs_without_such_predictions_are_left_out(copy):
    assert with_scheme([copy], "none") == [copy] and with_scheme([copy], "flip") == []


def test_weights_that_a_record_lacks_are_those_of_the_run(copy, path, dataset, monkeypatch):
    runs = copy.root.parent / "elsewhere"
    source = shutil.copytree(copy.folder, runs / "full" / "tiny" / "seed-0")
    monkeypatch.setattr(module, "RUNS", runs)
    (copy.folder / WEIGHTS_FILE).unlink()
    before = dict(np.load(path))
    again = path.with_name("again.npz")
    record_flip_tta([copy], dataset, again)
    np.testing.assert_array_equal(np.load(again)[copy.key], before[copy.key])
    # Another run of the same name is no source: what is recorded stays.
    predictions = dict(np.load(source / "predictions.npz"))
    predictions["public_test_logits"] = -predictions["public_test_logits"]
    np.savez(source / "predictions.npz", **predictions)
    np.savez(path, **{copy.key: np.full_like(before[copy.key], 3)})
    record_flip_tta([copy], dataset, again)
    assert (np.load(again)[copy.key] == 3).all()
