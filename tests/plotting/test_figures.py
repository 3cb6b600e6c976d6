import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest

from fer_lib.analysis.grad_cam import sample_maps
from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.data.synthetic import synthetic_faces
from fer_lib.plotting.comparison import accuracy_comparison, grad_cams, per_class_f1
from fer_lib.plotting.data import (
    augmentations,
    class_distribution,
    faces_by_emotion,
    focal_loss_curves,
)
from fer_lib.plotting.deployment import edge
from fer_lib.plotting.style import use
from fer_lib.plotting.training import confusion, curves, samples
from fer_lib.profiles import get_profile
from fer_lib.report.format import NOT_RECORDED
from fer_lib.runs.predictions import softmax


@pytest.fixture(autouse=True)
def full():
    use(get_profile("full"))


def texts(figure):
    figure.canvas.draw()
    return [t.get_text() for axes in figure.axes for t in axes.findobj(matplotlib.text.Text)] + [
        t.get_text() for t in figure.texts
    ]


def test_the_distribution_shows_the_counts_in_the_emotions_colours(dataset):
    figure = class_distribution(dataset.class_counts)
    bars = figure.axes[0].patches
    assert [matplotlib.colors.to_hex(b.get_facecolor()).upper() for b in bars] == list(COLORS)
    np.testing.assert_allclose(
        [b.get_height() for b in bars], 100 * dataset.training.class_counts / 320
    )


def test_curves_show_the_history_and_mark_the_chosen_epoch(run):
    figure = curves(run)
    train, validation, chosen = figure.axes[1].get_lines()
    np.testing.assert_allclose(train.get_ydata(), run.history["loss"])
    np.testing.assert_allclose(validation.get_ydata(), run.history["val_loss"])
    assert chosen.get_xdata()[0] == run.config["best_epoch"]


def test_curves_shade_the_epochs_whose_weights_are_averaged(averaged_run):
    axes = curves(averaged_run).axes[1]
    (span,), epochs = axes.patches, len(averaged_run.history)
    assert (span.get_x(), span.get_x() + span.get_width()) == (epochs - 1.5, epochs + 0.5) and len(
        axes.get_lines()
    ) == 2


def test_the_confusion_matrix_shows_the_counts(run):
    shown = texts(confusion(run))
    assert any(
        text.endswith(f"\n{run.metrics['private_test']['confusion'][3][3]}") for text in shown
    )


def test_samples_show_the_runs_probabilities_for_the_same_rows(run, dataset):
    from fer_lib.plotting.training import samples
    from fer_lib.report.format import NOT_RECORDED

    row = np.flatnonzero(dataset.private_test.labels == 1)[0]
    for data in (dataset, None):
        figure = samples({"One": run, "Two": run, "Later": None}, "disgust", data, n=2)
        expected = softmax(run.predictions["private_test_logits"][row])
        np.testing.assert_allclose([b.get_width() for b in figure.axes[1].patches], expected)
        np.testing.assert_allclose([b.get_width() for b in figure.axes[2].patches], expected)
        assert NOT_RECORDED in texts(figure)
        assert [axes.get_title() for axes in figure.axes[1:4]] == ["One", "Two", "Later"]


def test_without_the_data_only_the_picture_goes(run, dataset):
    with_data, without = (samples({"One": run}, "fear", data, n=1) for data in (dataset, None))
    row = np.flatnonzero(dataset.private_test.labels == 2)[0]
    np.testing.assert_array_equal(
        with_data.axes[0].images[0].get_array(), dataset.private_test.images[row]
    )
    assert without.axes[0].images[0].get_array().std() == 0
    assert any("FER2013" in text for text in texts(without)) and f"fear, row {row}" in texts(
        without
    )


def test_accuracies_and_f1_come_from_the_metrics(run):
    figure = accuracy_comparison({"One": run, "Later": None})
    points = figure.axes[0].containers[0].lines[0].get_xdata()
    np.testing.assert_allclose(points, [100 * run.metrics["private_test"]["accuracy"]])
    line = per_class_f1({"One": run}).axes[0].get_lines()[0]
    np.testing.assert_allclose(
        line.get_ydata(),
        [run.metrics["private_test"]["per_class"][name]["f1"] for name in EMOTION_NAMES],
    )


def test_a_model_looks_the_same_beside_any_others(run):
    def look(*titles):
        line = per_class_f1(dict.fromkeys(titles, run)).axes[0].get_lines()[-1]
        return line.get_color(), line.get_marker()

    assert (
        look("SE-CNN")
        == look("Custom CNN", "SE-CNN")
        == look("A new one", "SE-CNN")
        != look("Custom CNN")
    )


def test_focal_curves_agree_with_the_formula():
    line = focal_loss_curves(gammas=(2.0,)).axes[0].get_lines()[0]
    p = line.get_xdata()[:-1]  # at p = 1 Keras clips
    np.testing.assert_allclose(
        line.get_ydata()[:-1], -((1 - p) ** 2) * np.log(p), rtol=1e-3, atol=1e-6
    )


def test_quick_marks_every_figure(run, dataset):
    use(get_profile("quick"))
    labels = np.arange(7)
    faces = synthetic_faces(labels, 0)
    figures = [
        class_distribution(dataset.class_counts),
        focal_loss_curves(),
        faces_by_emotion(faces, labels),
        augmentations(faces[:2], np.repeat(faces[:2, None], 3, axis=1)),
        curves(run),
        confusion(run),
        samples({"One": run}, "fear", dataset, n=1),
        accuracy_comparison({"One": run}),
        per_class_f1({"One": run}),
        curves(None),
    ]
    for figure in figures:
        assert "quick profile: synthetic faces" in texts(figure)


@pytest.mark.parametrize("figure", [lambda: curves(None), lambda: confusion(None),
                                    lambda: samples({"A": None}, "fear", None),
                                    lambda: accuracy_comparison({"A": None})])  # fmt: skip
def test_a_run_that_is_not_recorded_is_said(figure):
    assert NOT_RECORDED in texts(figure())


def test_grad_cams_lie_over_the_picture_or_over_grey(run, dataset):
    from fer_lib.report.format import NOT_RECORDED

    maps = {"One": sample_maps(run, dataset), "Later": None}
    for data in (dataset, None):
        figure = grad_cams(maps, "fear", data)
        picture, heat = figure.axes[1].images
        np.testing.assert_allclose(heat.get_array(), maps["One"]["fear"][0]["map"])
        row = np.flatnonzero(dataset.private_test.labels == 2)[0]
        assert np.array_equal(picture.get_array(), dataset.private_test.images[row]) == (
            data is not None
        )
        assert figure.axes[1].get_title() == f"One\nanswer: {maps['One']['fear'][0]['answer']}"
        assert NOT_RECORDED in figure.axes[2].get_title()
    assert NOT_RECORDED in texts(grad_cams({"One": None}, "fear", None))


def test_the_forms_of_a_network_stand_at_their_median_time_and_accuracy():
    rows = [
        {
            "network": "Small",
            "form": form,
            "median_ms": 2.0 + i,
            "percentile_95_ms": 5.0,
            "accuracy": 0.6,
            "interval": [0.58, 0.62],
        }
        for i, form in enumerate(("Keras", "ONNX"))
    ]
    figure = edge(rows)
    times, accuracies = figure.axes
    assert [line.get_xdata()[0] for line in times.get_lines()] == [2, 3]
    np.testing.assert_allclose(accuracies.get_lines()[0].get_xdata(), [58, 62])
    assert "Small\nONNX" in texts(figure)
