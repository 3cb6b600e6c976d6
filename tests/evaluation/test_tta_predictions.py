import shutil
from dataclasses import replace

import numpy as np
import pytest

from fer_lib.data.dataset import Split
from fer_lib.data.readers import DataError
from fer_lib.evaluation import tta_predictions as module
from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.evaluation.tta_predictions import (
    TTA_PATH,
    record_tta_predictions,
    record_tta_schemes,
    tta_predictions,
)
from fer_lib.experiments import ENSEMBLE_TTA
from fer_lib.io import read_json, sha256_of, write_json
from fer_lib.runs.run import RunError
from fer_lib.tta import SCHEMES


@pytest.fixture
def path(copy, recorded_tta):
    """The recorded TTA predictions of `copy`."""
    shutil.copytree(recorded_tta, copy.root / "analysis")
    return copy.root / "analysis" / "tta_predictions.npz"


def change(path, **arrays):
    np.savez(path, **{**np.load(path), **arrays})


def test_schemes_are_compared_on_public_test(model_run, dataset, tmp_path):
    path = tmp_path / "tta.json"
    write_json(path, {"predictions_sha256": "kept", "rows": []})
    record_tta_schemes(model_run, dataset, path)
    record = read_json(path)
    assert record["run"] == "tiny/seed-0" and record["predictions_sha256"] == "kept"
    rows = {row["tta"]: row for row in record["rows"]}
    assert {name: row["forward_passes"] for name, row in rows.items()} == {
        name: len(scheme) for name, scheme in SCHEMES.items()
    }
    without, public = rows["none"], model_run.metrics["public_test"]
    for name in ("accuracy", "macro_f1", "intervals"):
        assert without[name] == public[name]
    split = dataset.public_test
    logits = predict_logits(load_model(model_run), split.images, ENSEMBLE_TTA)
    assert rows[ENSEMBLE_TTA]["accuracy"] == (logits.argmax(axis=1) == split.labels).mean()


def test_predictions_are_recorded_once(copy, path, dataset, monkeypatch):
    assert read_json(path.with_name("tta.json")) == {
        "run": "before",
        "rows": [],
        "predictions_sha256": sha256_of(path),
    }
    model = load_model(copy)
    predictions = tta_predictions(copy)
    assert list(predictions) == ["public_test", "private_test"]
    for name, recorded in predictions.items():
        split = getattr(dataset, name)
        np.testing.assert_array_equal(recorded.hashes, split.hashes)
        np.testing.assert_array_equal(recorded.labels, split.labels)
        expected = predict_logits(model, split.images[:20], ENSEMBLE_TTA)
        np.testing.assert_allclose(recorded.logits[:20], expected, atol=1e-4)
    monkeypatch.setattr(module, "predict_logits", lambda *_: pytest.fail("predicted again"))
    record_tta_predictions([copy], dataset, path)


def test_predictions_that_are_not_recorded_are_none(copy):
    assert tta_predictions(copy) is None


def test_predictions_of_other_weights_are_refused_and_recorded_anew(
    copy, path, dataset, monkeypatch
):
    change(path, **{f"{copy.key}/weights_sha256": np.array("0" * 64)})
    with pytest.raises(RunError, match="its predictions of tiny/seed-0 are of other weights"):
        tta_predictions(copy)
    monkeypatch.setattr(module, "predict_logits", lambda *_: np.full((70, 7), 3.0))
    record_tta_predictions([copy], dataset, path)
    assert (tta_predictions(copy)["private_test"].logits == 3).all()


def test_predictions_of_another_scheme_are_none(copy, path):
    change(path, scheme=np.array("flip"))
    assert tta_predictions(copy) is None


def test_a_copy_of_the_data_with_other_images_is_refused(copy, dataset, tmp_path):
    other = replace(dataset, public_test=dataset.private_test)
    with pytest.raises(DataError, match=r"70 of the 70 images of .*seed-0, public_test"):
        record_tta_predictions([copy], other, tmp_path / "tta_predictions.npz")
    assert not (tmp_path / "tta_predictions.npz").exists()


def test_a_copy_of_the_data_in_another_order_gives_the_same_predictions(copy, path, dataset):
    expected = tta_predictions(copy)
    path.unlink()
    splits = {
        name: Split(split.images[::-1], split.labels[::-1])
        for name, split in (
            ("public_test", dataset.public_test),
            ("private_test", dataset.private_test),
        )
    }
    record_tta_predictions([copy], replace(dataset, **splits), path)
    for name, predictions in tta_predictions(copy).items():
        np.testing.assert_allclose(
            predictions.probabilities, expected[name].probabilities, atol=1e-5
        )


def test_the_scheme_of_ensembles_is_the_most_accurate_one_on_public_test():
    record = read_json(TTA_PATH)
    assert record["run"] == "se_cnn/seed-0"
    assert max(record["rows"], key=lambda row: row["accuracy"])["tta"] == ENSEMBLE_TTA
    assert {row["tta"]: row["forward_passes"] for row in record["rows"]} == {
        name: len(scheme) for name, scheme in SCHEMES.items()
    }
