import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest

from fer_lib.analysis.model_size import model_sizes
from fer_lib.analysis.verdict import Verdict
from fer_lib.plotting.ablations import accuracy_against_size, comparison_intervals
from fer_lib.plotting.style import use
from fer_lib.profiles import get_profile
from fer_lib.report.format import NOT_RECORDED


@pytest.fixture(autouse=True)
def full_profile():
    use(get_profile("full"))


@pytest.fixture
def comparisons():
    """Mixup is not recorded, focal loss has two seeds."""
    nan = float("nan")
    return pd.DataFrame(
        {
            "experiment": ["ablation_mixup", "ablation_focal_loss", "ablation_swa"],
            "baseline": ["ablation_baseline", "ablation_baseline", "ablation_baseline_float32"],
            "seeds": [0, 2, 1],
            "accuracy_difference": [nan, -0.01, 0.02],
            "accuracy_difference_low": [nan, -0.03, 0.01],
            "accuracy_difference_high": [nan, 0.01, 0.03],
            "macro_f1_difference": [nan, 0.04, 0.05],
            "macro_f1_difference_low": [nan, 0.02, 0.03],
            "macro_f1_difference_high": [nan, 0.06, 0.07],
            "verdict": [Verdict.NOT_RECORDED, Verdict.INCONCLUSIVE, Verdict.CONFIRMED],
        }
    )


@pytest.fixture
def differences():
    return pd.DataFrame(
        {
            "experiment": ["ablation_focal_loss"] * 2 + ["ablation_swa"],
            "baseline": ["ablation_baseline"] * 2 + ["ablation_baseline_float32"],
            "seed": [0, 1, 0],
            "accuracy_difference": [-0.03, 0.01, 0.02],
            "macro_f1_difference": [0.03, 0.05, 0.05],
        }
    )


def texts(figure):
    figure.canvas.draw()
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def values(line, axis):
    """The data of an error bar's line, which Matplotlib keeps as objects."""
    return np.asarray(getattr(line, f"get_{axis}data")(), float)


def test_comparison_intervals_show_means_limits_and_seeds(comparisons, differences):
    figure = comparison_intervals(comparisons, differences)
    swa_first = comparisons.loc[[2, 1]]  # the larger difference in accuracy stands above
    for axes, scale, column in zip(
        figure.axes, (100, 1), ("accuracy_difference", "macro_f1_difference"), strict=True
    ):
        drawn = np.concatenate([drawn_bars(container) for container in axes.containers])
        expected = scale * swa_first[[column, f"{column}_low", f"{column}_high"]].to_numpy()
        np.testing.assert_allclose(drawn, np.column_stack([[0, 1], expected]))
        seeds = next(line for line in axes.get_lines() if line.get_label() == "one seed")
        np.testing.assert_allclose(seeds.get_xdata(), scale * differences[column])
        assert list(seeds.get_ydata()) == [1.3, 1.3, 0.3]  # off the line of the interval
        low, high = axes.get_xlim()
        assert low < expected.min() and expected.max() < high
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["SWA over the last five epochs", "Focal loss, no label smoothing"]


def drawn_bars(container):
    """Each error bar's row, value and limits."""
    mean, caps, _ = container.lines
    columns = [values(mean, "y"), values(mean, "x"), *(values(cap, "x") for cap in caps)]
    return np.column_stack(columns)


def test_the_marker_tells_on_which_side_of_zero_an_interval_lies(comparisons, differences):
    comparisons.loc[2, ["accuracy_difference_low", "accuracy_difference_high"]] = [-0.03, -0.01]
    accuracy, macro_f1 = comparison_intervals(comparisons, differences).axes

    def markers(axes):
        return {
            int(values(bar.lines[0], "y")[0]): bar.lines[0].get_marker() for bar in axes.containers
        }

    assert markers(accuracy) == {0: "v", 1: "o"}
    assert set(drawn_bars(macro_f1.containers[0])[:, 0]) == {0, 1}
    assert macro_f1.containers[0].lines[0].get_marker() == "^"


def test_the_marker_is_filled_where_a_difference_in_accuracy_is_detected(comparisons, differences):
    accuracy, macro_f1 = comparison_intervals(comparisons, differences).axes

    def fills(axes):
        return {
            int(values(bar.lines[0], "y")[0]): bar.lines[0].get_markerfacecolor()
            for bar in axes.containers
        }

    assert fills(accuracy) == {0: "#222222", 1: "white"}
    assert set(fills(macro_f1).values()) == {"white"}


def test_groups_have_a_heading_and_are_sorted_within(comparisons, differences):
    groups = {"Loss": ("ablation_focal_loss",), "Training": ("ablation_swa",)}
    axes = comparison_intervals(comparisons, differences, groups).axes[0]
    rows = dict(zip(axes.get_yticks(), (t.get_text() for t in axes.get_yticklabels()), strict=True))
    assert rows == {
        0: "Loss",
        1: "Focal loss, no label smoothing",
        2: "Training",
        3: "SWA over the last five epochs",
    }
    seeds = next(line for line in axes.get_lines() if line.get_label() == "one seed")
    assert list(seeds.get_ydata()) == [1.3, 1.3, 3.3]


def test_a_baseline_that_is_a_row_itself_is_named(comparisons, differences):
    comparisons["experiment"] = ["ablation_mixup", "ablation_no_crop", "ablation_flip_rotate_zoom"]
    comparisons["baseline"] = [
        "ablation_baseline",
        "ablation_baseline_float32",
        "ablation_no_crop",
    ]
    comparisons["seeds"] = 1
    labels = [
        label.get_text()
        for label in comparison_intervals(comparisons, differences).axes[0].get_yticklabels()
    ]
    assert labels == [
        "Flip, rotation and zoom only\n(against: No 40-pixel crop)",
        "No 40-pixel crop\n(against: SE-CNN, 15 epochs, float32)",
        "Mixup",
    ]


def test_comparisons_without_runs_give_a_placeholder(comparisons, differences):
    assert NOT_RECORDED in texts(comparison_intervals(comparisons[:1], differences[:0]))


def sizes(*rows):
    columns = ["model", "parameters", "multiply_adds", "private_test_accuracy"]
    table = pd.DataFrame(rows, columns=columns)
    for limit, width in (("low", -0.02), ("high", 0.02)):
        table[f"private_test_accuracy_{limit}"] = table["private_test_accuracy"] + width
    return table


PUBLISHED = pd.DataFrame(
    {
        "model": ["Large", "Unclear"],
        "parameters": [10**8, 10**5],
        "multiply_adds": [10**10, float("nan")],
        "accuracy": [0.74, 0.66],
        "differs_in": [None, "split not reported"],
    }
)


def test_accuracy_against_size_shows_each_model_at_its_size_and_accuracy():
    recorded = sizes(("Custom CNN", 10**6, 10**8, 0.65))
    front = sizes(
        ("Cheap", 2e6, 2e8, 0.70), ("Middle", 3e6, 4e8, 0.71), ("Expensive", 4e6, 9e8, 0.72)
    )
    figure = accuracy_against_size(recorded, front, PUBLISHED)
    for axes, column in zip(figure.axes, ("parameters", "multiply_adds"), strict=True):
        points, caps, _ = axes.containers[0].lines
        np.testing.assert_allclose(values(points, "x"), [*recorded[column], *front[column]])
        np.testing.assert_allclose(values(points, "y"), [65, 70, 71, 72])
        np.testing.assert_allclose(values(caps[0], "y"), [63, 68, 69, 70])
        lines = [line.get_xdata() for line in axes.get_lines() if line.get_linestyle() == "-"]
        assert len(lines) == (column == "multiply_adds")
        np.testing.assert_allclose(lines, [front[column]] * len(lines))
        labels = {text.get_text(): text.xy for text in axes.texts}
        published = {"Large", "Unclear *"} if column == "parameters" else {"Large"}
        assert labels.keys() == {"Custom CNN", "Cheap", "Expensive"} | published
        np.testing.assert_allclose(labels["Large"], (PUBLISHED[column][0], 74))
        np.testing.assert_allclose(labels["Expensive"], (front[column][2], 74))  # above its bar


def test_one_model_on_the_front_is_labeled_once():
    empty = model_sizes([])
    alone = accuracy_against_size(empty, sizes(("Cheap", 2e6, 2e8, 0.7)), PUBLISHED)
    assert texts(alone).count("Cheap") == 2  # once in each panel
    assert "Large" in texts(accuracy_against_size(empty, empty, PUBLISHED))


def test_quick_profile_marks_the_figures(comparisons, differences):
    use(get_profile("quick"))
    empty = model_sizes([])
    for figure in (
        comparison_intervals(comparisons, differences),
        accuracy_against_size(empty, empty, PUBLISHED),
    ):
        assert "quick profile: synthetic faces" in texts(figure)
