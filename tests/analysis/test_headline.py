from types import SimpleNamespace

import numpy as np
import pytest

from fer_lib.analysis.headline import SeedMean, parameters, pooled_seed_variance, seed_mean
from fer_lib.io import write_json
from fer_lib.runs.predictions import SplitPredictions


def predictor(correct, hashes=(1, 2, 3, 4)):
    """One that predicts the class 0 of each image where it is correct, and 1 elsewhere."""
    logits = np.eye(7, dtype=np.float32)[[0 if each else 1 for each in correct]]
    labels = np.zeros(len(correct), np.uint8)
    split = SplitPredictions(logits, labels, np.array(hashes, np.uint64))
    return SimpleNamespace(predictions={"private_test": split})


def test_mean_and_interval_hold_the_variance_of_images_and_seeds():
    # Correct by image, over both seeds: 1, 1, ½, 0. The second has the images in another order.
    seeds = [predictor([1, 1, 0, 0]), predictor([0, 1, 1, 1], hashes=(4, 3, 2, 1))]
    mean = seed_mean(seeds, seed_variance=0.03125)
    assert mean.seeds == (0.5, 0.75) and mean.mean == 0.625
    assert mean.sd == pytest.approx(0.25 / 2**0.5)
    of_images, of_seeds = (2 * 0.375**2 + 0.125**2 + 0.625**2) / 3 / 4, 0.03125 / 2
    half_width = 1.959964 * (of_images + of_seeds) ** 0.5
    assert (mean.low, mean.high) == pytest.approx((0.625 - half_width, 0.625 + half_width))


def test_one_seed_has_no_deviation_and_none_has_nothing():
    assert np.isnan(seed_mean([predictor([1, 1, 0, 0])]).sd)
    for missing in (seed_mean([]), seed_mean([SimpleNamespace(predictions={})])):
        assert np.isnan(missing.mean) and missing.seeds == SeedMean().seeds == ()


def test_deduplicated_accuracy_leaves_out_images_of_training(monkeypatch, tmp_path):
    record = tmp_path / "leakage.json"
    write_json(record, {"in_training": {"private_test": {"exact": [1], "near": [2]}}})
    from fer_lib.analysis import headline, leakage

    monkeypatch.setattr(
        headline, "without_leakage", lambda p, s: leakage.without_leakage(p, s, path=record)
    )
    mean = seed_mean([predictor([1, 1, 0, 0])], deduplicated=True)
    assert mean.mean == pytest.approx(1 / 3)


def test_seed_variance_is_pooled_over_models_with_several_seeds(make_run, tmp_path):
    runs = [make_run(tmp_path, "se_cnn", seed) for seed in (0, 1)]
    assert pooled_seed_variance(tmp_path / "empty") == 0
    a, b = (run.metrics["private_test"]["accuracy"] for run in runs)
    assert pooled_seed_variance(tmp_path) == pytest.approx((a - b) ** 2 / 2)
    make_run(tmp_path, "custom_cnn", 0)  # one seed has no degree of freedom
    assert pooled_seed_variance(tmp_path) == pytest.approx((a - b) ** 2 / 2)
    runs = [make_run(tmp_path, "se_cnn_ferplus", seed) for seed in (3, 4)]
    c, d = (run.metrics["private_test"]["accuracy"] for run in runs)
    assert pooled_seed_variance(tmp_path) == pytest.approx(((a - b) ** 2 + (c - d) ** 2) / 4)


def test_parameters_of_an_ensemble_add_up():
    run = SimpleNamespace(config={"parameters": 5})
    assert parameters([run, run]) == 5
    assert parameters([SimpleNamespace(members=(run, run))]) == 10
    assert np.isnan(parameters([])) and np.isnan(parameters([SimpleNamespace(config={})]))
