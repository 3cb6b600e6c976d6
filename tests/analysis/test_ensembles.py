import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fer_lib.analysis.ensembles import (
    best_ensemble,
    ensembles_against_single,
    gain_over_members,
    headline_ensemble,
    se_cnn_models,
    shift_tta_gains,
    shift_tta_side_by_side,
    tta_schemes,
)
from fer_lib.analysis.verdict import Verdict
from fer_lib.evaluation.ensembles import Ensemble
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.experiments import ENSEMBLE_TTA, EXPERIMENTS
from fer_lib.io import write_json
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import run_folder
from fer_lib.runs.store import write_run
from fer_lib.tta import SCHEMES

LABELS = np.repeat(np.arange(7, dtype=np.uint8), 10)


def record(root, name, seed):
    logits = np.random.default_rng(seed).normal(size=(70, 7)).astype(np.float32)
    splits = {
        split: SplitPredictions(logits, LABELS, np.arange(start, start + 70, dtype=np.uint64))
        for split, start in (("public_test", 0), ("private_test", 70))
    }
    config = {
        "experiment": name,
        "seed": seed,
        "profile": "full",
        "configuration": EXPERIMENTS[name].to_dict(),
    }
    return write_run(run_folder(root, name, seed), config, splits, metrics_by_split(splits))


def record_correct(root, seed, n_correct):
    """A run of the SE-CNN that is right on the first images, and wrong by one class on the rest."""
    predicted = np.where(np.arange(70) < n_correct, LABELS, (LABELS + 1) % 7)
    logits = 9 * np.eye(7, dtype=np.float32)[predicted]
    splits = {"public_test": SplitPredictions(logits, LABELS, np.arange(70, dtype=np.uint64))}
    config = {"experiment": "se_cnn", "seed": seed, "profile": "full", "configuration": {}}
    return write_run(run_folder(root, "se_cnn", seed), config, splits, metrics_by_split(splits))


def test_ensembles_are_compared_with_the_mean_over_single_seeds(tmp_path):
    runs = [record_correct(tmp_path / "single", seed, 34 + seed) for seed in range(3)]
    correct = {"better": 70, "same": 35, "worse": 0}
    ensembles = [
        Ensemble(title, (record_correct(tmp_path / title, 0, n),)) for title, n in correct.items()
    ]
    table = ensembles_against_single(ensembles, runs, "se_cnn", "public_test")
    assert table["ensemble"].tolist() == list(correct)
    np.testing.assert_allclose(table["accuracy_difference"], [0.5, 0, -0.5], atol=1e-12)
    assert (table["accuracy_difference_low"] < table["accuracy_difference"]).all()
    verdicts = [Verdict.CONFIRMED, Verdict.INCONCLUSIVE, Verdict.REFUTED]
    assert table["verdict"].tolist() == verdicts
    alone = ensembles_against_single(ensembles[:1], runs, "se_cnn", "public_test")
    assert table["holm_p_value"][0] > alone["holm_p_value"][0]
    missing = ensembles_against_single(ensembles[:1], runs, "se_cnn", "private_test")
    assert missing["verdict"].tolist() == [Verdict.NOT_RECORDED]
    assert ensembles_against_single([], [], "se_cnn").empty


def test_an_ensemble_is_compared_with_the_mean_of_its_own_members(tmp_path):
    """Members with 50, 50 and 40 of 70 right, of which at least two are right on 50."""
    members = tuple(record_correct(tmp_path, seed, n) for seed, n in enumerate((50, 50, 40)))
    gain = gain_over_members(Ensemble("three", members), "public_test")
    assert gain.value == pytest.approx((50 - 140 / 3) / 70)
    # It gains a third of an image on the ten of 70 where one member is wrong, and none elsewhere.
    sd = np.sqrt(1 / 7 * 6 / 7 / 70) / 3
    assert gain.high - gain.low == pytest.approx(2 * 1.96 * sd, rel=0.1)
    assert gain_over_members(Ensemble("one", members[:1]), "public_test") == (0, 0, 0)


def test_models_are_listed_alone_with_recorded_tta_and_as_ensembles(tmp_path):
    for name, seed in (("se_cnn", 0), ("se_cnn", 1), ("custom_cnn", 0)):
        record(tmp_path, name, seed)
    path = tmp_path / "analysis" / "tta_predictions.npz"
    path.parent.mkdir()
    np.savez(
        path,
        **{
            "scheme": np.array(ENSEMBLE_TTA),
            "se_cnn/seed-1/weights_sha256": np.array("0"),
            "se_cnn/seed-1/public_test_logits": np.eye(7, dtype=np.float32)[LABELS],
            "se_cnn/seed-1/private_test_logits": np.eye(7, dtype=np.float32)[LABELS],
        },
    )
    models = {model.title: model for model in se_cnn_models(tmp_path)}
    assert list(models) == [
        "SE-CNN, seed 0",
        "SE-CNN, seed 1",
        "SE-CNN, seed 1, shift TTA",
        "Two SE-CNNs",
    ]
    assert models["SE-CNN, seed 1, shift TTA"].metrics["public_test"]["accuracy"] == 1
    assert best_ensemble(list(models.values())) is models["Two SE-CNNs"]
    (gain,) = shift_tta_gains(models).to_dict("records")
    own = models["SE-CNN, seed 1"].metrics["private_test"]["accuracy"]
    assert gain["model"] == "SE-CNN, seed 1"
    assert gain["accuracy_difference"] == pytest.approx(1 - own)
    assert shift_tta_gains({}).empty
    assert se_cnn_models(tmp_path / "empty") == []


def test_shift_tta_stands_beside_a_models_own_tta():
    rows = [("A", 1, 10, 0.6, 0.5), ("A, shift TTA", 1, 90, 0.7, 0.8), ("B", 2, 20, 0.4, 0.3)]
    columns = ["model", "parameters", "multiply_adds"]
    columns += ["public_test_accuracy", "private_test_accuracy"]
    table = shift_tta_side_by_side(pd.DataFrame(rows, columns=columns)).set_index("model")
    assert table.loc["A"].tolist() == [1, 10, 0.6, 0.5, 0.7, 0.8]
    assert table.loc["B"].tolist()[:4] == [2, 20, 0.4, 0.3]
    assert table.loc["B", "private_test_accuracy_shift_tta":].isna().all()
    assert list(table)[-2:] == ["public_test_accuracy_shift_tta", "private_test_accuracy_shift_tta"]


def test_best_ensemble_is_the_most_accurate_on_public_test():
    def model(title, n_members, public, private):
        accuracies = {"public_test": {"accuracy": public}, "private_test": {"accuracy": private}}
        return SimpleNamespace(title=title, members=range(n_members), metrics=accuracies)

    models = [model("a", 2, 0.6, 0.9), model("b", 3, 0.7, 0.5), model("single", 1, 0.8, 0.8)]
    assert best_ensemble(models).title == "b"
    assert best_ensemble(models[2:]) is None


def test_headline_ensemble_is_the_cheapest_near_the_best_on_public_test():
    rows = [
        ("single", 1, 1, 0.79),
        ("near", 3, 30, 0.6985),
        ("too far", 2, 10, 0.6975),
        ("near, dearer", 4, 40, 0.699),
        ("best", 9, 900, 0.7),
    ]
    columns = ["model", "members", "multiply_adds", "public_test_accuracy"]
    sizes = pd.DataFrame(rows, columns=columns)
    models = sizes["model"].tolist()
    assert headline_ensemble(models, sizes) == "near"
    assert headline_ensemble(models[:1], sizes[:1]) is None
    assert headline_ensemble([], sizes[:0]) is None


def test_tta_schemes_are_read_from_the_record(tmp_path):
    path = tmp_path / "tta.json"
    intervals = {"accuracy": [0.58, 0.63], "macro_f1": [0.4, 0.6]}
    row = {"tta": "flip", "forward_passes": 2, "accuracy": 0.61, "macro_f1": 0.5}
    write_json(path, {"run": "se_cnn/seed-0", "rows": [row | {"intervals": intervals}]})
    (scheme,) = tta_schemes(path).to_dict("records")
    assert scheme == row | {
        "accuracy_low": 0.58,
        "accuracy_high": 0.63,
        "macro_f1_low": 0.4,
        "macro_f1_high": 0.6,
    }


def test_all_schemes_are_recorded():
    recorded = tta_schemes().set_index("tta")["forward_passes"]
    assert recorded.to_dict() == {name: len(views) for name, views in SCHEMES.items()}


def test_records_are_analyzed_without_keras():
    modules = [
        "fer_lib.analysis.ensembles",
        "fer_lib.analysis.model_size",
        "fer_lib.plotting.ablations",
        "fer_lib.report.comparisons",
    ]
    code = f"import sys, {', '.join(modules)}; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
