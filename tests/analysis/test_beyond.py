import shutil
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import f1_score

from fer_lib.analysis import beyond
from fer_lib.analysis.beyond import (
    ADJUSTMENTS,
    adjustment,
    best_ensemble,
    changes,
    changes_reading,
    logit_adjusted,
    paired_differences,
    pareto_front,
    published_sizes,
    seeds_reading,
    shift_schemes,
    shifts_reading,
    small_networks,
    small_networks_table,
    transfers,
    transfers_reading,
)
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.ensembles import Ensemble
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.evaluation.tta_predictions import TTA_PATH, TTA_PREDICTIONS_PATH
from fer_lib.evaluation.tta_predictions import tta_predictions as shifted_answers
from fer_lib.experiments import ABLATIONS, ENSEMBLE_TTA, EXPERIMENTS, FOLLOW_UPS
from fer_lib.io import sha256_of, write_json
from fer_lib.plotting.ablations import ablations, sizes
from fer_lib.report.format import NOT_RECORDED
from fer_lib.runs.run import Run, RunError


def as_experiment(run, name, seed, change=0):
    """The tiny run under another name, its first `change` answers on PublicTest turned to
    neutral."""
    predictions = {key: values.copy() for key, values in run.predictions.items()}
    predictions["public_test_logits"][:change] = np.eye(7, dtype=np.float32)[6] * 9
    return SimpleNamespace(
        config={"experiment": name, "seed": seed},
        predictions=predictions,
        metrics=metrics_by_split(predictions),
    )


def right_on(run, name, seed, right):
    """The tiny run under another name, right on the first `right` of PublicTest's 70 images and
    wrong on the others."""
    changed = as_experiment(run, name, seed)
    labels = run.predictions["public_test_labels"]
    answers = np.where(np.arange(70) < right, labels, (labels + 1) % 7)
    changed.predictions["public_test_logits"] = 9 * np.eye(7, dtype=np.float32)[answers]
    changed.metrics = metrics_by_split(changed.predictions)
    return changed


def test_ablations_are_paired_by_seed(run):
    runs = [
        as_experiment(run, "ablation_baseline", 0),
        as_experiment(run, "ablation_baseline", 1),
        as_experiment(run, "ablation_focal_loss", 1, change=30),
    ]
    runs += [as_experiment(run, "ablation_adam", 2), as_experiment(run, "ablation_mixup", 0)]
    found = paired_differences(runs, ABLATIONS)
    assert found.keys() == {
        "ablation_focal_loss",
        "ablation_mixup",
    }  # Adam's seed has nothing to be compared with
    assert found["ablation_mixup"]["accuracy"] == [0, 0, 0]
    labels, plain = (
        run.predictions["public_test_labels"],
        run.predictions["public_test_logits"].argmax(axis=1),
    )
    turned = np.where(np.arange(70) < 30, 6, plain)
    difference, low, high = found["ablation_focal_loss"]["accuracy"]
    assert found["ablation_focal_loss"]["seeds"] == [1] and low <= difference <= high
    assert difference == pytest.approx((turned == labels).mean() - (plain == labels).mean())
    macro = [
        f1_score(labels, answers, average="macro", labels=range(7), zero_division=0)
        for answers in (turned, plain)
    ]
    assert found["ablation_focal_loss"]["macro_f1"][0] == pytest.approx(macro[0] - macro[1])

    table = changes(runs, ABLATIONS).set_index("changed")
    assert table["seeds"].to_dict() == {"mixup": "0", "focal loss": "1"}
    assert changes([], ABLATIONS)["changed"].tolist() == [NOT_RECORDED]
    points = ablations(runs).axes[0].containers[0].lines[0].get_xdata()
    np.testing.assert_allclose(
        points, [100 * found[name]["accuracy"][0] for name in ABLATIONS if name in found]
    )


def test_what_helps_and_what_hurts_is_said(run):
    rights = {
        "ablation_baseline": 35,
        "ablation_mixup": 35,
        "ablation_focal_loss": 0,
        "ablation_baseline_float32": 28,
        "ablation_swa": 70,
    }
    runs = [right_on(run, name, 0, right) for name, right in rights.items()]
    helps, hurts, undecided, helps_f1, hurts_f1, missing = changes_reading(runs, ABLATIONS).split(
        ". "
    )
    assert helps == "Raises accuracy: weights of five epochs averaged"
    assert hurts.startswith("Lowers accuracy: focal loss")
    assert undecided == "Not decided, the interval holds 0: mixup"
    assert helps_f1 == "Raises macro-F1: weights of five epochs averaged"
    assert hurts_f1.startswith("Lowers macro-F1: focal loss")
    by_row = changes(runs, ABLATIONS).set_index("changed")
    gained = (
        runs[-1].metrics["public_test"]["macro_f1"] - runs[-2].metrics["public_test"]["macro_f1"]
    )
    assert by_row.loc["weights of five epochs averaged", "accuracy, points"].startswith("+60.0 (+")
    assert by_row.loc["weights of five epochs averaged", "macro-F1"].startswith(f"+{gained:.3f} (+")
    assert by_row.loc["focal loss", "accuracy, points"].startswith(
        "\N{MINUS SIGN}50.0 (\N{MINUS SIGN}"
    )
    assert missing.startswith("Not recorded yet: ") and "Adam" in missing and "mixup" not in missing


def test_what_followed_the_long_run_is_read_against_it(run):
    runs = [
        as_experiment(run, "se_cnn", 1),
        as_experiment(run, "se_cnn_distilled_swa", 1),
        as_experiment(run, "ablation_mixup", 1, change=9),
    ]
    assert changes(runs, FOLLOW_UPS)[["changed", "compared with", "seeds"]].values.tolist() == [
        ["SE-CNN, distilled, SWA", "SE-CNN", "1"]
    ]
    assert changes_reading(runs, FOLLOW_UPS) == (
        "Not decided, the interval holds 0: SE-CNN, distilled, SWA against SE-CNN. "
        "Not recorded yet: SE-CNN, distilled."
    )


def test_over_two_seeds_the_mean_of_the_differences_counts(run):
    runs = [as_experiment(run, "ablation_baseline", seed) for seed in (0, 1)]
    runs += [
        as_experiment(run, "ablation_focal_loss", 0, change=40),
        as_experiment(run, "ablation_focal_loss", 1),
    ]
    one = paired_differences([runs[0], runs[2]], ABLATIONS)["ablation_focal_loss"]["accuracy"]
    two = paired_differences(runs, ABLATIONS)["ablation_focal_loss"]["accuracy"]
    np.testing.assert_allclose(two, np.array(one) / 2, atol=1e-9)


def test_how_far_seeds_lie_apart_is_said(run):
    runs = [as_experiment(run, "ablation_baseline", seed) for seed in (0, 1)]
    runs += [
        as_experiment(run, "ablation_focal_loss", 0, change=40),
        as_experiment(run, "ablation_focal_loss", 1),
        as_experiment(run, "ablation_mixup", 1, change=9),
    ]
    assert (
        seeds_reading(runs[1:2] + runs[3:], ABLATIONS)
        == "No change is recorded with more than one seed."
    )
    accuracy, macro_f1 = (
        abs(runs[2].metrics["public_test"][name] - runs[3].metrics["public_test"][name])
        for name in ("accuracy", "macro_f1")
    )
    assert accuracy > 0 and macro_f1 > 0
    moved = seeds_reading(runs, ABLATIONS)
    assert moved.endswith(
        f"(1 of {len(ABLATIONS)}) the seeds lie apart by {100 * accuracy:.1f} points of accuracy in the median and {100 * accuracy:.1f} at most, "
        f"and by {macro_f1:.3f} and {macro_f1:.3f} of macro-F1."
    )  # no second sentence: one seed loses, the other stays
    ticks = (
        ablations(runs).axes[0].lines[-2].get_xdata()
    )  # of the last row; the last line is that at 0
    np.testing.assert_allclose(
        ticks,
        100
        * np.array(
            paired_differences(runs, ABLATIONS)["ablation_focal_loss"]["by_seed"]["accuracy"]
        ),
    )


def test_seeds_that_contradict_each_other_are_named(run):
    rights = {
        "ablation_baseline": (35, 35),
        "ablation_focal_loss": (0, 70),
        "ablation_mixup": (40, 70),
    }
    runs = [
        right_on(run, name, seed, right)
        for name, by_seed in rights.items()
        for seed, right in enumerate(by_seed)
    ]
    numbers, contrary = seeds_reading(runs, ABLATIONS).split(" They ")
    assert contrary == "contradict each other on whether accuracy rises: focal loss."
    assert "by 71.4 points of accuracy in the median and 100.0 at most" in numbers


def test_a_start_from_other_faces_is_compared_share_by_share(run):
    runs = [
        as_experiment(run, "scratch_1pct", 0),
        as_experiment(run, "pretrained_1pct", 0, change=30),
        as_experiment(run, "pretrained_100pct", 0),
    ]
    assert (
        transfers_reading([])
        == "Not recorded yet: at 1\N{NO-BREAK SPACE}%, 10\N{NO-BREAK SPACE}%, 100\N{NO-BREAK SPACE}%."
    )
    runs[1].config["pretraining"] = {
        "name": "drawn faces",
        "images": 1200,
        "classes": ["calm", "tense"],
        "sha256": "",
    }
    faces, change, missing = transfers_reading(runs).split(". ")
    assert faces == "The other faces: drawn faces, 1,200 of calm, tense"
    assert change.startswith(
        "Starting from them changes accuracy at 1\N{NO-BREAK SPACE}% of Training by \N{MINUS SIGN}"
    ) and change.endswith(" points")
    assert missing == "Not recorded yet: at 10\N{NO-BREAK SPACE}%, 100\N{NO-BREAK SPACE}%."
    table = transfers(runs).set_index("share of Training")
    assert (
        table["accuracy with"].iloc[0]
        == f"{100 * runs[1].metrics['public_test']['accuracy']:.1f}\N{NO-BREAK SPACE}%"
    )
    assert table["epochs"].tolist() == [60, 60, 15]
    row = table.loc["1\N{NO-BREAK SPACE}%"]
    gained = runs[1].metrics["public_test"]["accuracy"] - runs[0].metrics["public_test"]["accuracy"]
    assert gained < 0 and row["accuracy, points"].startswith(f"\N{MINUS SIGN}{-100 * gained:.1f} (")
    assert (
        table.loc["100\N{NO-BREAK SPACE}%", "seeds"] == NOT_RECORDED
    )  # nothing to be compared with


def named(run, name):
    """The run's answers as those of an experiment of the table."""
    config = {**run.config, "experiment": name, "configuration": EXPERIMENTS[name].to_dict()}
    return SimpleNamespace(
        config=config,
        predictions=run.predictions,
        metrics=run.metrics,
        experiment=EXPERIMENTS[name],
    )


def record_members(root, run, monkeypatch):
    """Two members under `root`: a run as the small CNN's, and one that answers neutral on part of
    both splits."""
    for seed, change in ((0, 0), (1, 40)):
        folder = root / "se_cnn" / f"seed-{seed}"
        shutil.copytree(run.folder, folder)
        predictions = {key: values.copy() for key, values in run.predictions.items()}
        for split in ("public_test", "private_test"):
            predictions[f"{split}_logits"][:change] = np.eye(7, dtype=np.float32)[6] * 9
        np.savez(folder / "predictions.npz", **predictions)
        write_json(folder / "config.json", {**named(run, "se_cnn").config, "seed": seed})
    monkeypatch.setattr(beyond, "ENSEMBLES", {"Both": ("se_cnn/seed-0", "se_cnn/seed-1")})
    return [Run(root / "se_cnn" / f"seed-{seed}") for seed in (0, 1)]


def test_an_ensemble_averages_probabilities(run, tmp_path, monkeypatch):
    members = record_members(tmp_path, run, monkeypatch)
    monkeypatch.setattr(shifted_answers, "PREDICTIONS", tmp_path / "shifts.npz")
    turned = run.predictions["private_test_logits"][
        :, ::-1
    ]  # stands in for the answers over shifted pictures of one of them
    key, plain = members[0].key, run.predictions["public_test_logits"]
    arrays = {
        f"{key}/private_test_logits": turned,
        f"{key}/public_test_logits": plain,
        f"{key}/weights_sha256": np.array(sha256_of(run.weights)),
    }
    np.savez(TTA_PREDICTIONS_PATH, scheme=np.array(ENSEMBLE_TTA), **arrays)
    networks = {network.title: network for network in small_networks(tmp_path)}
    assert list(networks) == [
        "SE-CNN, seed\N{NO-BREAK SPACE}0",
        "SE-CNN, seed\N{NO-BREAK SPACE}0, over shifted pictures",
        "SE-CNN, seed\N{NO-BREAK SPACE}1",
        "Both",
    ]
    both = networks["Both"]
    for split in ("public_test", "private_test"):
        mean = sum(softmax(member.predictions[f"{split}_logits"], axis=1) for member in members) / 2
        np.testing.assert_allclose(
            softmax(both.predictions[f"{split}_logits"], axis=1), mean, atol=1e-6
        )
        expected = (mean.argmax(axis=1) == run.predictions[f"{split}_labels"]).mean()
        assert both.metrics[split]["accuracy"] == expected
    table = small_networks_table(list(networks.values()))
    assert table["parameters"].tolist() == ["1.76 million"] * 3 + ["3.53 million"]
    assert table["multiply-adds an answer"].tolist() == [
        "193 million",
        "1,733 million",
        "193 million",
        "385 million",
    ]
    assert sizes([both])[0]["interval"] == both.metrics["private_test"]["intervals"]["accuracy"]
    expected = (turned.argmax(axis=1) == run.predictions["private_test_labels"]).mean()
    assert (
        networks["SE-CNN, seed\N{NO-BREAK SPACE}0, over shifted pictures"].metrics["private_test"][
            "accuracy"
        ]
        == expected
    )
    assert best_ensemble(list(networks.values())) is both and best_ensemble([]) is None
    assert small_networks(tmp_path / "empty") == []
    assert small_networks_table([])["network"].tolist() == [NOT_RECORDED]


def test_the_pareto_front_is_what_nothing_cheaper_beats():
    first, second = (SimpleNamespace(config={"seed": seed}) for seed in (0, 1))
    networks = [
        SimpleNamespace(
            name=name,
            size=(0, cost),
            metrics={"public_test": {"accuracy": accuracy}},
            members=members,
        )
        for name, cost, accuracy, members in (
            ("dear", 9, 0.8, (first, second)),
            ("cheap", 1, 0.6, (first,)),
            ("another seed", 1, 0.65, (second,)),
            ("beaten", 5, 0.55, (first, second)),
            ("twin", 1, 0.5, (first,)),
            ("middle", 5, 0.7, (second, first)),
        )
    ]
    assert [network.name for network in pareto_front(networks)] == [
        "cheap",
        "middle",
        "dear",
    ]


def test_members_that_were_scored_on_other_images_are_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr(shifted_answers, "PREDICTIONS", tmp_path / "shifts.npz")
    np.savez(TTA_PREDICTIONS_PATH, scheme=np.array(ENSEMBLE_TTA))
    _, second = record_members(tmp_path, run, monkeypatch)
    np.savez(
        second.folder / "predictions.npz",
        **{key: values[::-1] for key, values in second.predictions.items()},
    )
    with pytest.raises(
        RunError, match="seed-1: not scored on the images of .*seed-0, in their order"
    ):
        small_networks(tmp_path)[-1].metrics


def test_adjusted_logits_are_those_of_equally_frequent_classes():
    counts = np.array([1, 2, 3, 4, 5, 6, 79])
    likelihood = np.random.default_rng(0).normal(size=(50, 7))
    posterior = likelihood + np.log(counts / 100)  # Bayes, up to a constant of each image
    np.testing.assert_allclose(logit_adjusted(posterior, counts, 1.0), likelihood, atol=1e-12)
    np.testing.assert_array_equal(logit_adjusted(posterior, counts, 0.0), posterior)


def test_the_adjustment_is_chosen_on_public_test(run, dataset):
    counts = dict(zip(EMOTION_NAMES, dataset.training.class_counts.tolist(), strict=True))
    table = adjustment(run, counts)
    p, numbers = run.predictions, dataset.training.class_counts
    best = max(
        f1_score(
            p["public_test_labels"],
            logit_adjusted(p["public_test_logits"], numbers, s).argmax(axis=1),
            average="macro",
            labels=range(7),
            zero_division=0,
        )
        for s in ADJUSTMENTS
    )
    assert table.iloc[1]["macro-F1, PublicTest"].startswith(f"{best:.3f}")
    assert table.iloc[0]["accuracy, PrivateTest"].startswith(
        f"{100 * run.metrics['private_test']['accuracy']:.1f}"
    )


def test_the_schemes_are_read_as_they_were_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(shifted_answers, "RECORD", tmp_path / "shifts.json")
    rows = [
        {
            "places": places,
            "mirrored": mirrored,
            "passes": passes,
            "accuracy": accuracy,
            "macro_f1": 0.5,
            "intervals": dict.fromkeys(("accuracy", "macro_f1"), [0.4, 0.6]),
        }
        for places, mirrored, passes, accuracy in (
            ("one place", False, 1, 0.60),
            ("one place", True, 2, 0.61),
            (ENSEMBLE_TTA, True, 18, 0.605),
        )
    ]
    write_json(TTA_PATH, {"run": "se_cnn/seed-0", "rows": rows})
    assert (
        "by +1.0 points for twice the passes" in shifts_reading()
        and "another \N{MINUS SIGN}0.5 for 9 times" in shifts_reading()
    )
    assert (
        shift_schemes()["accuracy, PublicTest"].tolist()[1] == "61.0\N{NO-BREAK SPACE}% (40.0–60.0)"
    )


def test_ours_stand_beside_the_published(run):
    custom, small = sizes(
        [Ensemble(name, (named(run, name),)) for name in ("custom_cnn", "se_cnn")]
    )
    assert 1.9 < small["multiply_adds"] / custom["multiply_adds"] < 2.1  # the mirror image counts
    assert (
        custom["name"] == "custom_cnn"
        and custom["interval"] == run.metrics["private_test"]["intervals"]["accuracy"]
    )
    published = published_sizes()
    assert {row["name"] for row in published} == set(published()["name"])
    assert all(0.5 < row["accuracy"] < 1 and row["interval"] is None for row in published)
    shown = [
        text.get_text()
        for text in sizes({"custom_cnn": named(run, "custom_cnn"), "se_cnn": None}, [])
        .axes[0]
        .texts
    ]
    assert (
        "Custom CNN" in shown
        and "SE-CNN" not in shown
        and "VGG *" in shown
        and "ResidualMaskingNet" in shown
    )


def test_the_ends_of_the_front_are_named(run):
    front = [
        SimpleNamespace(title=title, size=(cost, cost), metrics=run.metrics, members=(run,))
        for title, cost in (
            ("cheap", 1e6),
            ("between", 1e7),
            ("dear and with a name that takes two lines", 1e8),
        )
    ]
    for axes in sizes({}, front).axes:
        ours = [
            text.get_text()
            for text in axes.texts
            if text.get_text()[0].islower() and "Xception" not in text.get_text()
        ]
        assert ours == ["cheap", "dear and with a name that\ntakes two lines"]
        np.testing.assert_array_equal(axes.lines[0].get_xdata(), [1e6, 1e7, 1e8])
    alone = [text.get_text() for text in sizes({}, front[:1]).axes[0].texts]
    assert alone.count("cheap") == 1
