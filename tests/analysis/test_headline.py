from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from fer_lib.analysis.headline import (
    SeedSamples,
    compare_experiments,
    headline_table,
    same_budget,
)
from fer_lib.analysis.leakage import LEAKAGE_PATH
from fer_lib.analysis.verdict import Verdict
from fer_lib.evaluation.seed_variance import shared_seed_variance
from fer_lib.experiments import HOG
from fer_lib.io import read_json
from fer_lib.runs.predictions import SplitPredictions

N = 2_000
BOTH = ("public_test", "private_test")
LABELS = np.random.default_rng(0).integers(0, 7, N)


def run(name, seed, accuracy, splits=BOTH):
    """A run that classifies about a share `accuracy` of PublicTest, easy images first.

    It classifies 20 points less of PrivateTest.
    """
    random, predictions = np.random.default_rng([seed, round(1000 * accuracy)]), {}
    for number, split in enumerate(splits):
        difficulty = np.linspace(0, 1, N) + 0.05 * random.normal(size=N)
        predicted = np.where(difficulty < accuracy - 0.2 * number, LABELS, (LABELS + 1) % 7)
        hashes = np.arange(N, dtype=np.uint64) + 10_000 * number
        logits = np.eye(7, dtype=np.float32)[predicted]
        predictions[split] = SplitPredictions(logits, LABELS.astype(np.uint8), hashes)
    return SimpleNamespace(
        name=name,
        seed=seed,
        predictions=predictions,
        config={"configuration": {"epochs": 21}},
    )


@pytest.fixture(scope="module")
def runs():
    better = [run("better", seed, 0.700 + 0.010 * seed) for seed in range(3)]
    worse = [run("worse", seed, 0.600 + 0.010 * seed) for seed in range(2)]
    level = [run("level", seed, 0.605, ("public_test",)) for seed in range(2)]
    return [*better, *worse, *level]


def grouped(runs):
    return {
        name: [r for r in runs if r.name == name] for name in dict.fromkeys(r.name for r in runs)
    }


def test_headline_is_the_mean_over_seeds_with_its_seed_deviation(runs):
    table = headline_table(grouped(runs), "public_test", "macro_f1").set_index("model")
    f1, f1_of_two = (
        [
            sk.f1_score(LABELS, r.predictions["public_test"].predicted, average="macro")
            for r in group
        ]
        for group in (runs[:3], runs[3:5])
    )
    row = table.loc["better"]
    assert row["seeds"] == 3
    assert row["public_test_macro_f1"] == pytest.approx(np.mean(f1))
    assert row["public_test_macro_f1_sd"] == pytest.approx(np.std(f1, ddof=1))
    assert table.loc["worse", "public_test_macro_f1_sd"] == pytest.approx(np.std(f1_of_two, ddof=1))
    assert row["public_test_macro_f1_low"] < np.mean(f1) < row["public_test_macro_f1_high"]


def test_an_experiment_that_was_not_evaluated_on_the_split_is_nan(runs):
    table = headline_table(grouped(runs), "private_test").set_index("model")
    assert table.loc["level", "seeds"] == 0
    assert np.isnan(table.loc["level", "private_test_accuracy"])
    assert table.loc["worse", "seeds"] == 2
    assert table.loc["worse", "private_test_accuracy"] == pytest.approx(0.405, abs=0.02)


def test_both_splits_together_are_those_of_runs_that_have_both(runs):
    table = headline_table(grouped(runs), "both").set_index("model")
    splits = [headline_table(grouped(runs), s).set_index("model") for s in BOTH]
    means = [
        table.loc["better", f"{split}_accuracy"] for split, table in zip(BOTH, splits, strict=True)
    ]
    assert table.loc["better", "both_accuracy"] == pytest.approx(np.mean(means))
    assert table["seeds"].tolist() == [3, 2, 0]


@pytest.mark.filterwarnings("error")  # of a deviation of one value
def test_what_is_not_recorded_has_columns_of_nan(runs):
    table = headline_table({"one": runs[:1], "none": []}, "public_test")
    assert table["seeds"].tolist() == [1, 0]
    assert np.isnan(table.loc[0, "public_test_accuracy_sd"])
    nothing = headline_table({"none": []}, "public_test")
    assert list(nothing.columns) == list(table.columns)
    assert nothing.filter(like="accuracy").isna().all(axis=None)


def test_the_interval_holds_more_than_that_of_the_images(runs):
    samples = SeedSamples(grouped(runs), "public_test")
    low, high = headline_table(grouped(runs), "public_test").loc[
        0, ["public_test_accuracy_low", "public_test_accuracy_high"]
    ]
    image_only = np.diff(np.quantile(samples.resampled["better"].mean(axis=0), [0.025, 0.975]))[0]
    assert high - low > image_only


def test_the_seed_variance_is_pooled_over_runs_of_the_same_budget(runs):
    alone = {"level": [r for r in runs if r.name == "level"]}
    short = [run("short", seed, 0.5 + 0.02 * seed) for seed in range(2)]
    for each in short:
        each.config = {"configuration": {"epochs": 20}}  # at most 20 are the short budget

    def width(pool):
        row = headline_table(alone, "public_test", pool=pool).iloc[0]
        return row["public_test_accuracy_high"] - row["public_test_accuracy_low"]

    assert width(runs) > width([])  # the other experiments vary more
    everything = SeedSamples(grouped(runs), "public_test").seeds["level"]
    assert SeedSamples(alone, "public_test", pool=runs).seeds["level"] == everything
    assert width([*runs, *short]) == pytest.approx(width(runs))


def test_the_short_budget_is_of_at_most_20_epochs():
    configurations = ({"epochs": 20}, {"epochs": 21}, {})  # the last is of no network
    short, *longer = runs = [SimpleNamespace(config={"configuration": c}) for c in configurations]
    assert same_budget(runs, {"short": [short]}) == [short]
    assert same_budget(runs, {"longer": longer[:1]}) == longer
    assert same_budget(runs, {"both": runs}) == runs


def test_an_ensemble_has_the_seed_variance_of_all_runs_of_its_members_budget(runs):
    """Alone in a table or beside its members, it has the same interval."""
    ensemble = SimpleNamespace(members=tuple(runs[:2]), predictions=runs[0].predictions)
    short = run("short", 0, 0.5), run("short", 1, 0.9)
    for each in short:
        each.config = {"configuration": {"epochs": 20}}
    alone, beside = (
        headline_table(models, "public_test", pool=[*runs, *short]).set_index("model").loc["both"]
        for models in ({"both": [ensemble]}, {"both": [ensemble]} | grouped(runs))
    )
    pd.testing.assert_series_equal(alone, beside)


def test_differences_are_decided_as_one_family(runs):
    pairs = [("better", "worse"), ("level", "worse"), ("better", "absent")]
    table = compare_experiments(runs, pairs, "public_test")
    assert list(table["verdict"]) == [
        Verdict.CONFIRMED,
        Verdict.INCONCLUSIVE,
        Verdict.NOT_RECORDED,
    ]
    assert table.loc[0, "accuracy_difference"] == pytest.approx(0.105, abs=0.01)
    (alone,) = compare_experiments(runs, pairs[:1], "public_test")["holm_p_value"]
    assert table.loc[0, "holm_p_value"] == pytest.approx(2 * alone, rel=0.2)
    assert table[["experiment", "baseline"]].values.tolist() == [list(pair) for pair in pairs]
    assert table[["seeds", "baseline_seeds"]].values.tolist() == [[3, 2], [2, 2], [3, 0]]
    assert "macro_f1_difference" in compare_experiments(runs, pairs, "public_test", "macro_f1")
    reverse = compare_experiments(runs, [("worse", "better")], "public_test")
    assert reverse.loc[0, "verdict"] is Verdict.REFUTED


def test_a_variance_shared_with_an_unstable_experiment_can_hide_a_difference(runs):
    unstable = [run("unstable", seed, accuracy) for seed, accuracy in enumerate((0.4, 0.8, 0.9))]
    own, shared = (
        compare_experiments([*runs, *unstable], [("better", "worse")], "public_test", **options)
        for options in ({}, {"variances": shared_seed_variance})
    )
    assert own.loc[0, "accuracy_difference"] == shared.loc[0, "accuracy_difference"]
    verdicts = [table.loc[0, "verdict"] for table in (own, shared)]
    assert verdicts == [Verdict.CONFIRMED, Verdict.INCONCLUSIVE]


def test_one_seed_is_not_tested_and_does_not_count_in_the_family(runs):
    pairs = [("better", "worse"), ("single", "worse")]
    alone, both = (
        compare_experiments([*runs, run("single", 0, 0.9)], pairs[:n], "public_test")
        for n in (1, 2)
    )
    assert list(both["verdict"]) == [Verdict.CONFIRMED, Verdict.ONE_SEED]
    assert both.loc[1, "accuracy_difference"] == pytest.approx(0.295, abs=0.02)
    assert np.isnan(both.loc[1, "holm_p_value"])
    assert both.loc[0, "holm_p_value"] == pytest.approx(alone.loc[0, "holm_p_value"], rel=0.5)


def test_the_classical_baseline_has_no_seeds_and_is_tested(runs):
    pairs = [("better", HOG)]
    (verdict,) = compare_experiments([*runs, run(HOG, 0, 0.5)], pairs, "public_test")["verdict"]
    assert verdict is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("split", "left_out"),
    [
        ("public_test", 0),
        ("deduplicated_public_test", 50),
        ("strictly_deduplicated_public_test", 70),
    ],
)
def test_deduplicated_splits_leave_out_what_training_holds(runs, split, left_out):
    leaked = read_json(LEAKAGE_PATH)["in_training"]["public_test"]
    clean = run("clean", 0, 0.6).predictions["public_test"]
    hashes, correct = clean.hashes.copy(), clean.correct.nonzero()[0]
    hashes[correct[:50]], hashes[correct[50:70]] = leaked["exact"][:50], leaked["near"][:20]
    predictions = {"public_test": SplitPredictions(clean.logits, clean.labels, hashes)}
    found = SimpleNamespace(name="leaky", seed=0, predictions=predictions)
    samples = SeedSamples({"leaky": [found]}, split)
    expected = (clean.correct.sum() - left_out) / (N - left_out)
    assert samples.values["leaky"] == pytest.approx([expected])
