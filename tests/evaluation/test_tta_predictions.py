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
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import RunError
from fer_lib.tta import SCHEMES


@pytest.fixture
def path(copy):
    """Where the TTA predictions of `copy` are recorded."""
    path = copy.root / "analysis" / "tta_predictions.npz"
    write_json(path.with_name("tta.json"), {"run": "before", "rows": []})
    return path


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
    assert tta_predictions(copy) is None
    record_tta_predictions([copy], dataset, path)
    assert read_json(path.with_name("tta.json")) == {
        "run": "before",
        "rows": [],
        "predictions_sha256": sha256_of(path),
    }
    model = load_model(copy)
    for name, predictions in tta_predictions(copy).items():
        split = getattr(dataset, name)
        expected = predict_logits(model, split.images, ENSEMBLE_TTA)
        np.testing.assert_array_equal(predictions.logits, expected)
        np.testing.assert_array_equal(predictions.hashes, split.hashes)
        np.testing.assert_array_equal(predictions.labels, split.labels)
    monkeypatch.setattr(module, "predict_logits", lambda *_: pytest.fail("predicted again"))
    record_tta_predictions([copy], dataset, path)


def test_predictions_of_other_weights_are_refused_and_recorded_anew(copy, path, dataset):
    record_tta_predictions([copy], dataset, path)
    expected = tta_predictions(copy)["public_test"].logits
    key = f"{copy.key}/public_test_logits"
    change(path, **{f"{copy.key}/weights_sha256": np.array("0" * 64), key: 0 * expected})
    with pytest.raises(RunError, match="its predictions of tiny/seed-0 are of other weights"):
        tta_predictions(copy)
    record_tta_predictions([copy], dataset, path)
    np.testing.assert_array_equal(tta_predictions(copy)["public_test"].logits, expected)


def test_predictions_of_another_scheme_are_none(copy, path, dataset):
    record_tta_predictions([copy], dataset, path)
    change(path, scheme=np.array("flip"))
    assert tta_predictions(copy) is None


def test_a_copy_of_the_data_with_other_images_is_refused(copy, path, dataset):
    other = replace(dataset, public_test=dataset.private_test)
    with pytest.raises(DataError, match=r"70 of the 70 images of .*seed-0, public_test"):
        record_tta_predictions([copy], other, path)
    assert not path.exists()


def test_a_copy_of_the_data_in_another_order_gives_the_same_predictions(copy, path, dataset):
    split = dataset.public_test
    reverse = replace(dataset, public_test=Split(split.images[::-1], split.labels[::-1]))
    record_tta_predictions([copy], reverse, path)
    expected = softmax(predict_logits(load_model(copy), split.images, ENSEMBLE_TTA))
    predictions = tta_predictions(copy)["public_test"]
    np.testing.assert_allclose(predictions.probabilities, expected, atol=1e-5)


def test_the_scheme_of_ensembles_is_the_most_accurate_one_on_public_test():
    record = read_json(TTA_PATH)
    assert record["run"] == "se_cnn/seed-0"
    assert max(record["rows"], key=lambda row: row["accuracy"])["tta"] == ENSEMBLE_TTA
    assert {row["tta"]: row["forward_passes"] for row in record["rows"]} == {
        name: len(scheme) for name, scheme in SCHEMES.items()
    }
