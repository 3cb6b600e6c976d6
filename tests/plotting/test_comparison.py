import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.plotting import style
from fer_lib.plotting.comparison import (
    accuracy_comparison,
    confusion_matrices,
    latency_and_accuracy,
    per_class_f1,
    training_curves,
)
from fer_lib.profiles import get_profile

TABLE = pd.DataFrame(
    {
        "model": ["SE-CNN", "SE-CNN", "MobileNetV2"],
        "form": ["Keras", "ONNX", "ONNX"],
        "latency_ms": [4.0, 2.0, 1.0],
        "latency_95_ms": [5.0, 3.0, 1.5],
        "accuracy": [0.60, 0.61, 0.5],
        "accuracy_low": [0.58, 0.59, 0.48],
        "accuracy_high": [0.62, 0.63, 0.52],
    }
)


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
    one, two, bar = confusion_matrices({"One": run, "Missing": None, "Two": run}).axes
    counts = np.array(run.metrics["private_test"]["confusion"])
    expected = [f"{100 * n / row.sum():.0f}" for row in counts for n in row]
    for axes, title in ((one, "One"), (two, "Two")):
        assert axes.get_title() == title
        assert [text.get_text() for text in axes.texts] == expected
        assert (axes.images[0].norm.vmin, axes.images[0].norm.vmax) == (0, 100)
    assert (one.get_xlabel(), one.get_ylabel()) == ("predicted", "true")
    assert bar.get_xlabel() == "images of the true class, %"


def test_lines_reach_from_the_median_and_over_the_interval():
    times, accuracies = latency_and_accuracy(TABLE).axes
    lines = times.get_lines()
    assert [list(line.get_xdata()) for line in lines] == [[4.0, 5.0], [2.0, 3.0], [1.0, 1.5]]
    assert all(line.get_markevery() == [0] for line in lines)  # the point is the median
    intervals, points = accuracies.get_lines()[::2], accuracies.get_lines()[1::2]
    np.testing.assert_allclose([p.get_xdata()[0] for p in points], [60, 61, 50])
    limits = [line.get_xdata() for line in intervals]
    np.testing.assert_allclose(limits, [[58, 62], [59, 63], [48, 52]])


def test_rows_are_labeled_from_top_to_bottom_and_forms_have_a_color():
    times, accuracies = latency_and_accuracy(TABLE).axes
    labels = [label.get_text() for label in times.get_yticklabels()]
    assert labels == ["SE-CNN\nKeras", "SE-CNN\nONNX", "MobileNetV2\nONNX"]
    assert times.get_ylim() == (2.5, -0.5)
    keras, *onnx = [line.get_color() for line in times.get_lines()]
    assert onnx[0] == onnx[1] != keras
    assert [line.get_color() for line in accuracies.get_lines()[::2]] == [keras, *onnx]


def test_recorded_benchmark_has_no_mark_of_the_quick_profile():
    style.use(get_profile("quick"))
    try:
        assert not latency_and_accuracy(TABLE).texts
    finally:
        style.use(get_profile("full"))
