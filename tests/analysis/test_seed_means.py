from types import SimpleNamespace

import numpy as np
import pytest

from fer_lib.analysis.headline import headline_table
from fer_lib.analysis.seed_means import SeedMean, parameters, seed_means
from fer_lib.experiments import EXPERIMENTS
from fer_lib.runs.store import find_runs


def test_means_are_those_of_the_headline_table(make_run, tmp_path):
    for name, seeds in (("se_cnn", 3), ("custom_cnn", 1)):
        for seed in range(seeds):
            make_run(tmp_path, name, seed)
    models = {
        EXPERIMENTS[name].title: find_runs(tmp_path, name)
        for name in ("se_cnn", "custom_cnn", "mobilenetv2_head_only")
    }
    means = seed_means(models)
    table = headline_table(models, "private_test").set_index("model")
    for title, mean in means.items():
        row = table.loc[title, [f"private_test_accuracy{e}" for e in ("", "_sd", "_low", "_high")]]
        assert mean[:4] == pytest.approx(tuple(row.astype(float)), nan_ok=True)
    accuracies = [run.metrics["private_test"]["accuracy"] for run in models["SE-CNN"]]
    assert means["SE-CNN"].seeds == pytest.approx(accuracies)
    assert means["SE-CNN"].mean == pytest.approx(sum(accuracies) / 3)
    assert np.isnan(means["Custom CNN"].sd) and means["Custom CNN"].low < means["Custom CNN"].mean
    assert means["MobileNetV2, head only"].seeds == SeedMean().seeds == ()


def test_parameters_of_an_ensemble_add_up():
    run = SimpleNamespace(config={"parameters": 5})
    assert parameters([run, run]) == 5
    assert parameters([SimpleNamespace(members=(run, run))]) == 10
    assert np.isnan(parameters([])) and np.isnan(parameters([SimpleNamespace(config={})]))
