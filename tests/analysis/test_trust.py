import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from fer_lib.analysis import leakage as duplicates
from fer_lib.analysis.grad_cam import DELETION_PATH
from fer_lib.analysis.grad_cam import grad_cam as explain
from fer_lib.analysis.label_noise import LABEL_NOISE_PATH
from fer_lib.analysis.leakage import LEAKAGE_PATH, duplicate_analysis
from fer_lib.analysis.robustness import CORRUPTIONS, ROBUSTNESS_PATH
from fer_lib.analysis.trust import (
    against_votes,
    confidence,
    copies,
    phrases,
    successors_against_votes,
    successors_reading,
    without_copies,
)
from fer_lib.data import ferplus
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.io import write_json
from fer_lib.plotting import figures as plotting
from fer_lib.plotting.data import near_duplicates
from fer_lib.plotting.trust import (
    accuracy_by_votes,
    coverage,
    deletion,
    labels_against_votes,
    mean_grad_cams,
    reliability,
    robustness,
)
from fer_lib.plotting.trust import robustness as corruptions
from fer_lib.report.format import NOT_RECORDED


@pytest.fixture
def records(run, dataset, tmp_path, monkeypatch):
    """Records of the tiny run, made up where the test can say what must come of them."""
    for module, name in (
        (corruptions, "RECORD"),
        (duplicates, "RECORD"),
        (ferplus, "RECORD"),
        (explain, "DELETION_RECORD"),
    ):
        monkeypatch.setattr(module, name, tmp_path / f"{module.__name__}.json")
    private = dataset.private_test
    write_json(LEAKAGE_PATH, {
        **duplicate_analysis(dataset),
        "seen_in_training": {
            "private_test": {"exact": private.hashes[:10].tolist(), "near": private.hashes[10:30].tolist()},
            "public_test": {"exact": [], "near": []},
        },
    })  # fmt: skip
    five = {name: [0.5, 0.4, 0.3, 0.2, 0.1] for name in CORRUPTIONS}
    write_json(
        ROBUSTNESS_PATH,
        {"runs": {run.key: {"clean": 0.6, **five, "blur": [0.6] * 5, "noise": [0.1] * 5}}},
    )
    maps = {name: [[0.0, 1.0], [0.5, 0.25]] for name in EMOTION_NAMES}
    curves = {"deleted": [0.0, 0.3], "grad_cam": [0.8, 0.2], "random": [0.8, 0.6]}
    write_json(DELETION_PATH, {run.key: {"mean_maps": maps, "deletion": curves}})
    confusion = (np.eye(7, dtype=int) * 6 + 1).tolist()
    confusion[2] = [3, 0, 1, 0, 0, 0, 0]
    labels = {
        "images": 200,
        "with_majority": 150,
        "no_face": 3,
        "agreement": 0.7,
        "confusion": confusion,
    }
    scored = {
        "accuracy_label": 0.5,
        "accuracy_majority": 0.6,
        "nll": 1.25,
        "brier": 0.3,
        "by_votes": [[1, 9, 0, 0], [2, 50, 0.2, 0.1], [10, 90, 0.9, 1.0]],
    }
    write_json(LABEL_NOISE_PATH, {"labels": labels | {"ceilings": {"plurality": 0.64, "fitted": 0.68}}, "runs": {run.key: scored}, "successors": {
        "se_cnn_distilled/seed-3": {"compared_with": "se_cnn/seed-3", "accuracy_label": [-0.01, -0.02, 0.0], "accuracy_majority": [0.012, 0.003, 0.02]},
    }})  # fmt: skip


def test_copies_leave_the_accuracy_of_the_rest(records, run):
    table = without_copies({"Tiny": run, "Later": None})
    labels, answers = (
        run.predictions["private_test_labels"],
        run.predictions["private_test_logits"].argmax(axis=1),
    )
    for column, first in (
        ("all of PrivateTest", 0),
        ("without exact copies", 10),
        ("without any copy", 30),
    ):
        assert table.iloc[0][column].startswith(
            f"{100 * accuracy_score(labels[first:], answers[first:]):.1f}"
        )
    assert set(table.iloc[1][1:]) == {NOT_RECORDED}


def test_copies_are_counted(records):
    numbers = dict(copies().to_numpy().tolist())
    assert (
        numbers["images"] == 460 and numbers["PrivateTest in Training, not pixel for pixel"] == 20
    )


def test_confidence_is_measured_with_the_temperature_of_public_test(records, run):
    from scipy.special import log_softmax

    row = confidence({"Tiny": run}).iloc[0]
    temperature = float(row["temperature"])
    p = run.predictions
    scaled = log_softmax(p["private_test_logits"] / temperature, axis=1)
    nll = -scaled[np.arange(70), p["private_test_labels"]].mean()
    assert float(row["NLL, scaled"]) == pytest.approx(nll, abs=0.005)


def test_what_the_phrases_say_follows_from_the_records(records, run):
    texts = phrases(run)
    assert texts["no_majority"] == "25.0\u00a0%" and texts["no_face"] == "3"
    assert texts["least_agreed"] == "fear (25.0\u00a0%)"
    assert texts["votes_reading"].startswith("where 2 of the ten annotators agree, 20.0\u00a0%")
    assert texts["robustness_reading"].startswith("it loses most under “noise” (−50.0 points")
    assert "least under “blur” (+0.0)" in texts["robustness_reading"]
    assert "is 0.200 where Grad-CAM chose them and 0.600" in texts["deletion_reading"]
    missing = phrases(None)
    assert {missing[key] for key in missing if key.endswith("_reading")} == {NOT_RECORDED}


def test_tables_have_a_row_for_every_run_recorded_or_not(records, run):
    for table in (against_votes, confidence):
        shown = table({"Tiny": run, "Later": None})
        assert (
            shown["model"].tolist() == ["Tiny", "Later"] and NOT_RECORDED in shown.iloc[1].tolist()
        )
    robustness = robustness({"Tiny": run, "Later": None}).set_index("images")
    assert (
        robustness.loc["all corruptions", "Tiny"]
        == f"{100 * (9 * 0.3 + 0.6 + 0.1) / 11:.1f}\u00a0%"
    )
    assert robustness.loc["clean"].tolist() == ["60.0\u00a0%", NOT_RECORDED]


def test_what_followed_the_long_run_has_both_differences(records):
    assert successors_against_votes().values.tolist() == [[
        "SE-CNN, distilled, seed\N{NO-BREAK SPACE}3", "\N{MINUS SIGN}1.0 (\N{MINUS SIGN}2.0 to +0.0)", "+1.2 (+0.3 to +2.0)",
    ]]  # fmt: skip
    assert successors_reading() == (
        "of 1 that were taught so, the difference by the majority lies above 0 with its whole interval for 1, that by the label for 0"
    )


def test_figures_draw_what_is_recorded(records, run):
    runs = {"Tiny": run, "Later": None}
    heat = robustness(runs).axes[0].collections[0].get_array()
    np.testing.assert_allclose(np.asarray(heat)[1], [60] * 6)  # blur
    lines = deletion(runs).axes[0].get_lines()
    np.testing.assert_allclose([line.get_ydata() for line in lines], [[0.8, 0.2], [0.8, 0.6]])
    assert len(mean_grad_cams(runs).axes) == 7
    votes = accuracy_by_votes(runs).axes
    np.testing.assert_allclose(
        [axes.get_lines()[0].get_ydata() for axes in votes], [[0, 20, 90], [0, 10, 100]]
    )
    assert near_duplicates().axes[0].patches[0].get_height() >= 0
    shares = np.asarray(labels_against_votes().axes[0].collections[0].get_array())
    np.testing.assert_allclose(shares[2, 0], 0.75)
    share, accuracy = coverage(runs).axes[0].get_lines()[0].get_data()
    right = (
        run.predictions["private_test_logits"].argmax(axis=1)
        == run.predictions["private_test_labels"]
    )
    assert (share[-1], accuracy[-1]) == (100, pytest.approx(100 * right.mean()))
    assert len(reliability(runs).axes) == 2


@pytest.mark.parametrize(
    "draw",
    ["robustness", "deletion", "mean_grad_cams", "accuracy_by_votes", "reliability", "coverage"],
)
def test_figures_say_what_is_not_recorded(records, draw):
    figure = getattr(plotting, draw)({"Later": None})
    assert NOT_RECORDED in [text.get_text() for text in figure.axes[0].texts]
