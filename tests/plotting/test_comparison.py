import matplotlib

matplotlib.use("Agg")

import numpy as np

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.plotting.comparison import accuracy_comparison, per_class_f1


def test_accuracies_have_their_intervals_on_both_splits(run):
    axes = accuracy_comparison({"One": run, "Missing": None}).axes[0]
    for split, container in zip(("private_test", "both"), axes.containers, strict=True):
        metrics = run.metrics[split]
        line, _, (bar,) = container.lines
        np.testing.assert_allclose(line.get_xdata(), [100 * metrics["accuracy"]])
        limits = bar.get_segments()[0][:, 0]
        np.testing.assert_allclose(limits, 100 * np.array(metrics["intervals"]["accuracy"]))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["One"]


def test_f1_of_each_emotion_has_a_marker_per_model(run):
    axes = per_class_f1({"One": run, "Two": run, "Missing": None}).axes[0]
    f1 = [run.metrics["private_test"]["per_class"][name]["f1"] for name in EMOTION_NAMES]
    one, two = axes.get_lines()
    for line in (one, two):
        np.testing.assert_allclose(line.get_ydata(), f1)
    assert (one.get_color(), one.get_marker()) != (two.get_color(), two.get_marker())
    assert (one.get_xdata() != two.get_xdata()).all()
