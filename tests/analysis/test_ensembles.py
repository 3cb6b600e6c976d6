import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd

from fer_lib.analysis.ensembles import (
    best_ensemble,
    headline_ensemble,
    se_cnn_models,
    tta_schemes,
)
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
    splits = {"public_test": SplitPredictions(logits, LABELS, np.arange(70, dtype=np.uint64))}
    config = {
        "experiment": name,
        "seed": seed,
        "profile": "full",
        "configuration": EXPERIMENTS[name].to_dict(),
    }
    return write_run(run_folder(root, name, seed), config, splits, metrics_by_split(splits))


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
    assert se_cnn_models(tmp_path / "empty") == []


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
