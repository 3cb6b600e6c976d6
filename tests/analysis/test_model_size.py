from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fer_lib.analysis.headline import headline_table
from fer_lib.analysis.model_size import (
    mean_model_sizes,
    model_sizes,
    network_size,
    parameters,
    pareto_front,
    published_networks,
)
from fer_lib.evaluation.ensembles import Ensemble
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.experiments import EXPERIMENTS
from fer_lib.io import write_json
from fer_lib.models.complexity import multiply_adds
from fer_lib.models.registry import build_model
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import run_folder
from fer_lib.runs.store import write_run

LABELS = np.repeat(np.arange(7, dtype=np.uint8), 10)
SPLITS = ("public_test", "private_test")


@pytest.fixture
def record(tmp_path):
    def write(name, seed, splits=SPLITS):
        random, hashes = np.random.default_rng(seed), np.arange(70, dtype=np.uint64)
        predictions = {
            split: SplitPredictions(
                random.normal(size=(70, 7)).astype(np.float32), LABELS, hashes + 1_000 * number
            )
            for number, split in enumerate(splits)
        }
        config = {
            "experiment": name,
            "seed": seed,
            "profile": "full",
            "configuration": EXPERIMENTS[name].to_dict(),
        }
        folder = run_folder(tmp_path, name, seed)
        return write_run(folder, config, predictions, metrics_by_split(predictions))

    return write


def test_multiply_adds_count_members_and_forward_passes(record):
    se_cnn = tuple(record("se_cnn", seed) for seed in (0, 1))
    custom_cnn = record("custom_cnn", 3, splits=SPLITS[:1])
    models = [
        Ensemble("Custom CNN", (custom_cnn,)),
        Ensemble("SE-CNN", se_cnn[:1]),
        Ensemble("Two seeds", se_cnn),
    ]
    table = model_sizes([*models, Ensemble("Mixed", (custom_cnn, se_cnn[0]))]).set_index("model")
    # One forward pass of the SE-CNN costs 96,259,840 multiply-adds; its own TTA is the flip.
    assert table["multiply_adds"].tolist() == [
        96_216_832,
        2 * 96_259_840,
        4 * 96_259_840,
        96_216_832 + 2 * 96_259_840,
    ]
    assert table["forward_passes"].tolist() == [1, 2, 4, 3]
    assert table.loc["Two seeds", "parameters"] == 2 * 1_764_311
    assert table["members"].tolist() == [1, 1, 2, 2]
    assert table["seed"].fillna(-1).tolist() == [3, 0, -1, -1]
    assert np.isnan(table.loc["Custom CNN", "private_test_accuracy"])
    metrics = se_cnn[0].metrics["private_test"]
    assert table.loc["SE-CNN", "private_test_accuracy"] == metrics["accuracy"]
    assert table.loc["SE-CNN", "private_test_macro_f1_high"] == metrics["intervals"]["macro_f1"][1]


def test_parameters_of_an_ensemble_add_up():
    run = SimpleNamespace(config={"parameters": 5})
    assert parameters([run, run]) == 5
    assert parameters([SimpleNamespace(members=(run, run))]) == 10
    assert np.isnan(parameters([])) and np.isnan(parameters([SimpleNamespace(config={})]))


@pytest.mark.parametrize("name", ["se_cnn", "se_cnn_hires_ferplus", "mobilenetv2_fine_tuned"])
def test_the_size_is_that_of_the_built_network(name):
    network = build_model(EXPERIMENTS[name], pretrained=False)
    assert network_size(EXPERIMENTS[name]) == (network.count_params(), multiply_adds(network))


def test_no_models_give_an_empty_table_and_front():
    assert model_sizes([]).empty
    assert pareto_front(model_sizes([])).empty


def test_seeds_of_a_network_share_a_row_of_means(record):
    runs = [record("se_cnn", seed) for seed in (0, 1)]
    models = [Ensemble(f"SE-CNN, seed {run.seed}", (run,)) for run in runs]
    table = mean_model_sizes([*models, Ensemble("Two seeds", tuple(runs))], runs)
    assert table["model"].tolist() == ["SE-CNN", "Two seeds"]
    assert table["seeds"].tolist() == [2, 1]
    assert table["members"].tolist() == [1, 2]
    assert table["multiply_adds"].tolist() == [2 * 96_259_840, 4 * 96_259_840]
    public = [run.metrics["public_test"]["accuracy"] for run in runs]
    assert table["public_test_accuracy"][0] == pytest.approx(np.mean(public))
    expected = headline_table({"SE-CNN": runs}, "private_test").iloc[0]
    for column in ("private_test_accuracy", "private_test_accuracy_low"):
        assert table[column][0] == pytest.approx(expected[column])


def test_no_models_have_no_means():
    assert pareto_front(mean_model_sizes([])).empty


def test_pareto_front_leaves_out_what_a_cheaper_model_beats():
    rows = [
        ("expensive", 9, 0.8),
        ("cheap", 1, 0.6),
        ("beaten", 5, 0.55),
        ("equal", 6, 0.7),
        ("same cost", 1, 0.5),
        ("middle", 5, 0.7),
    ]
    table = pd.DataFrame(rows, columns=["model", "multiply_adds", "public_test_accuracy"])
    assert pareto_front(table)["model"].tolist() == ["cheap", "middle", "expensive"]


def test_published_networks_are_shares_with_what_they_differ_in(tmp_path):
    row = {
        "name": "VGG",
        "cite": "someone2021",
        "parameters": 30_000_000,
        "multiply_adds": None,
        "accuracy_percent": 73.28,
        "measured_on": "PublicTest",
        "differs_in": None,
    }
    write_json(tmp_path / "published.json", {"networks": {"rows": [row]}})
    (network,) = published_networks(tmp_path / "published.json").to_dict("records")
    assert network.pop("multiply_adds") is None
    assert network == {
        "model": "VGG",
        "parameters": 30_000_000,
        "accuracy": pytest.approx(0.7328),
        "measured_on": "PublicTest",
        "differs_in": None,
    }


def test_recorded_published_accuracies_are_plausible():
    networks = published_networks().set_index("model")
    assert networks["accuracy"].between(0.5, 1).all()
    assert networks["differs_in"].notna().to_dict() == {
        "mini-Xception": True,
        "VGG": True,
        "ResidualMaskingNet": True,
        "EmoNeXt-XL": True,
    }
