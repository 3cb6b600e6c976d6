import numpy as np
import pytest
from sklearn.metrics import f1_score

from fer_lib.analysis.ablations import (
    ABLATION_GROUPS,
    paired_comparisons,
    seed_differences,
    seed_spread,
)
from fer_lib.analysis.headline import SeedSamples
from fer_lib.analysis.verdict import Verdict
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.evaluation.seed_variance import total_difference
from fer_lib.experiments import ABLATIONS
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import run_folder
from fer_lib.runs.store import write_run

LABELS = np.repeat(np.arange(7, dtype=np.uint8), 10)
HASHES = np.arange(70, dtype=np.uint64)
SEEDS = tuple((name, seed) for name in ("baseline", "focal") for seed in (0, 1))
PAIRS = (("focal", "baseline"), ("mixup", "baseline"), ("swa", "float32"), ("adam", "baseline"))


def predictions(n_correct, hashes=HASHES):
    """Correct on the first images, wrong by one class on the rest."""
    predicted = np.where(np.arange(70) < n_correct, LABELS, (LABELS + 1) % 7)
    return SplitPredictions(9 * np.eye(7, dtype=np.float32)[predicted], LABELS, hashes)


@pytest.fixture
def record(tmp_path):
    def write(name, seed, public, private=None, **keywords):
        splits = {"public_test": predictions(public, **keywords)}
        if private is not None:
            splits["private_test"] = predictions(private, **keywords)
        config = {"experiment": name, "seed": seed, "profile": "full", "configuration": {}}
        folder = run_folder(tmp_path, name, seed)
        return write_run(folder, config, splits, metrics_by_split(splits))

    return write


def test_comparisons_are_differences_of_means_over_seeds(record):
    runs = [
        record("baseline", 0, 35),
        record("baseline", 1, 42),
        record("focal", 1, 28),
        record("mixup", 0, 35),
        record("mixup", 1, 36),
    ]
    table = paired_comparisons(runs, PAIRS).set_index("experiment")
    assert list(table.index) == ["focal", "mixup", "swa", "adam"]
    assert table["seeds"].tolist() == [1, 2, 0, 0]
    assert table["baseline_seeds"].tolist() == [2, 2, 0, 2]
    assert table.loc["focal", "accuracy_difference"] == pytest.approx((28 - 38.5) / 70)
    assert table.loc["mixup", "accuracy_difference"] == pytest.approx((35.5 - 38.5) / 70)
    assert table.loc["adam"].filter(like="difference").isna().all()
    assert table.loc["adam", "verdict"] is Verdict.NOT_RECORDED


def test_macro_f1_difference_is_that_of_scikit_learn(record):
    runs = [record("baseline", 0, 35), record("focal", 0, 12)]
    macro_f1 = {
        run.name: f1_score(LABELS, run.predictions["public_test"].predicted, average="macro")
        for run in runs
    }
    difference = paired_comparisons(runs, PAIRS[:1]).loc[0, "macro_f1_difference"]
    assert difference == pytest.approx(macro_f1["focal"] - macro_f1["baseline"])


def test_intervals_are_those_of_the_total_difference(record):
    runs = [record(name, seed, 35 + 10 * (name == "focal") + 2 * seed) for name, seed in SEEDS]
    row = paired_comparisons(runs, PAIRS[:1]).iloc[0]
    for measure in ("accuracy", "macro_f1"):
        groups = {name: [r for r in runs if r.name == name] for name in ("focal", "baseline")}
        samples = SeedSamples(groups, "public_test", measure)
        expected = total_difference(
            *(tuple(of.values()) for of in (samples.values, samples.resampled, samples.seeds))
        )
        limits = [row[f"{measure}_difference_{limit}"] for limit in ("low", "high")]
        np.testing.assert_allclose(limits, expected.interval)


def test_the_verdict_is_corrected_for_the_family(record):
    correct = {"baseline": 35, "mixup": 35, "focal": 0, "float32": 28, "swa": 70}
    runs = [record(name, s, n + (n < 70) * s) for name, n in correct.items() for s in (0, 1)]
    table = paired_comparisons(runs, PAIRS).set_index("experiment")
    assert table["verdict"].to_dict() == {
        "focal": Verdict.REFUTED,
        "mixup": Verdict.INCONCLUSIVE,
        "swa": Verdict.CONFIRMED,
        "adam": Verdict.NOT_RECORDED,
    }
    (alone,) = paired_comparisons(runs, PAIRS[:1])["holm_p_value"]
    assert table.loc["focal", "holm_p_value"] > alone


def test_private_test_compares_only_runs_that_were_evaluated_on_it(record):
    runs = [
        record("baseline", 0, 70, private=14),
        record("focal", 0, 0, private=35),
        record("mixup", 0, 70),
    ]
    table = paired_comparisons(runs, PAIRS[:2], "private_test").set_index("experiment")
    assert table.loc["focal", "accuracy_difference"] == pytest.approx(21 / 70)
    assert table.loc["mixup", "seeds"] == 0
    assert seed_differences(runs, PAIRS[:2], "private_test")["experiment"].tolist() == ["focal"]


def test_runs_on_different_images_are_not_compared(record):
    runs = [record("baseline", 0, 35), record("focal", 0, 35, hashes=HASHES + np.uint64(1))]
    with pytest.raises(ValueError, match="not of the same images"):
        paired_comparisons(runs, PAIRS[:1])


def test_no_runs_give_no_comparison():
    assert (paired_comparisons([], PAIRS)["verdict"] == Verdict.NOT_RECORDED).all()
    assert seed_spread(seed_differences([], PAIRS)).empty


def test_seed_spread_is_the_range_of_the_differences(record):
    correct = {"baseline": (35, 35, 28), "focal": (0, 70, 28), "mixup": (42, 49), "adam": (7,)}
    runs = [
        record(name, seed, public)
        for name, by_seed in correct.items()
        for seed, public in enumerate(by_seed)
    ]
    differences = seed_differences(runs, PAIRS)
    focal = differences[differences["experiment"] == "focal"]
    assert focal["seed"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(focal["accuracy_difference"], [-0.5, 0.5, 0])
    spread = seed_spread(differences[::-1]).set_index("experiment")
    assert spread.index.tolist() == ["mixup", "focal"]  # in the order given
    spread = seed_spread(differences).set_index("experiment")
    assert spread.index.tolist() == ["focal", "mixup"]
    assert spread["n_seeds"].tolist() == [3, 2]
    np.testing.assert_allclose(spread["accuracy_range"], [1, 0.1])
    assert spread["signs_differ"].tolist() == [True, False]
    macro_f1 = focal["macro_f1_difference"]
    assert spread.loc["focal", "macro_f1_range"] == pytest.approx(macro_f1.max() - macro_f1.min())


def test_each_ablation_stands_in_one_group():
    grouped = [name for names in ABLATION_GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(name for name, _ in ABLATIONS)
