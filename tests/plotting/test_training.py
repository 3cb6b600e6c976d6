import matplotlib

matplotlib.use("Agg")

import numpy as np

from fer_lib.plotting.training import confusion, confusion_heat_map, curves


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_curves_draw_the_history_and_mark_the_best_epoch(run):
    for axes, column, scale in zip(curves(run).axes, ("accuracy", "loss"), (100, 1), strict=True):
        train, validation, best = axes.get_lines()
        np.testing.assert_allclose(train.get_ydata(), scale * run.history[column])
        np.testing.assert_allclose(validation.get_ydata(), scale * run.history[f"val_{column}"])
        assert best.get_xdata()[0] == run.config["best_epoch"]


def test_curves_shade_the_epochs_that_swa_averages(averaged_run):
    axes = curves(averaged_run).axes[1]
    (span,) = axes.patches
    assert (span.get_x(), span.get_x() + span.get_width()) == (1.5, 3.5)  # the last 2 of 3 epochs
    assert len(axes.get_lines()) == 2


def test_confusion_matrix_has_counts_and_shares_of_the_true_class(run):
    axes = confusion(run).axes[0]
    counts = np.array(run.metrics["private_test"]["confusion"])
    expected = [f"{n / row.sum():.0%}\n{n}" for row in counts for n in row]
    assert texts(axes) == expected
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


def test_confusion_heat_map_may_have_an_empty_class():
    counts = np.diag([4, 0, 1, 1, 1, 1, 1])
    counts[0, 1] = 12  # 4 of 16 are right
    axes = confusion_heat_map(counts, "columns", "rows", "share").axes[0]
    assert texts(axes)[:2] == ["25%\n4", "75%\n12"]
    assert texts(axes)[8] == "0%\n0"
