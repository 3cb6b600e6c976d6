from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import numpy as np

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.plotting.comparison import (
    confusion_matrices,
    per_class_f1,
    training_curves,
)


def test_f1_of_each_emotion_has_a_marker_per_model(run):
    other = SimpleNamespace(
        metrics={"private_test": {"per_class": {name: {"f1": 1.0} for name in EMOTION_NAMES}}}
    )
    axes = per_class_f1({"One": [run], "Two": [run, other], "Missing": []}).axes[0]
    f1 = [run.metrics["private_test"]["per_class"][name]["f1"] for name in EMOTION_NAMES]
    one, two = axes.get_lines()
    np.testing.assert_allclose(one.get_ydata(), f1)
    np.testing.assert_allclose(two.get_ydata(), (np.array(f1) + 1) / 2)
    assert (one.get_color(), one.get_marker()) != (two.get_color(), two.get_marker())
    assert (one.get_xdata() != two.get_xdata()).all()


def test_curves_have_a_column_per_model_and_shared_axes(run):
    figure = training_curves({"One": run, "Missing": None, "Two": run})
    assert [axes.get_title() for axes in figure.axes] == ["One", "Two", "", ""]
    for axes, column, scale in zip(
        figure.axes, ["accuracy"] * 2 + ["loss"] * 2, [100] * 2 + [1] * 2, strict=True
    ):
        train, validation, best = axes.get_lines()
        np.testing.assert_allclose(train.get_ydata(), scale * run.history[column])
        np.testing.assert_allclose(validation.get_ydata(), scale * run.history[f"val_{column}"])
        assert best.get_xdata()[0] == run.config["best_epoch"]
    for left, right in (figure.axes[:2], figure.axes[2:]):
        assert left.get_ylim() == right.get_ylim()


def test_confusion_matrices_are_in_percent_of_the_true_class(run):
    counts = np.array(run.metrics["private_test"]["confusion"])
    right = SimpleNamespace(
        metrics={"private_test": {"confusion": np.diag(counts.sum(axis=1)).tolist()}}
    )
    seeds = {"One": [run], "Missing": [], "Two": [run, right]}
    one, two, bar = confusion_matrices(seeds).axes
    share = 100 * counts / counts.sum(axis=1, keepdims=True)
    for axes, title, expected in (
        (one, "One", share),
        (two, "Two", (share + 100 * np.eye(len(share))) / 2),
    ):
        assert axes.get_title() == title
        assert [text.get_text() for text in axes.texts] == [f"{n:.0f}" for n in expected.flat]
        assert (axes.images[0].norm.vmin, axes.images[0].norm.vmax) == (0, 100)
    assert (one.get_xlabel(), one.get_ylabel()) == ("predicted", "true")
    assert bar.get_xlabel() == "images of the true class, %"
