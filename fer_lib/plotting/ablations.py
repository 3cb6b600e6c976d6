"""Figures of paired comparisons, and of accuracy against model size."""

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_lib.experiments import EXPERIMENTS
from fer_lib.plotting.style import OWN_COLOR, finish, interval_bars, placeholder

_NEUTRAL_COLOR, _ISSUE_COLOR = "#222222", "#CC6677"
_DIFFERENCES = {
    "accuracy_difference": (100, "difference in accuracy, points"),
    "macro_f1_difference": (1, "difference in macro-F1"),
}
_SIZES = {"parameters": "parameters", "multiply_adds": "multiply-adds per prediction"}


def comparison_intervals(comparisons: pd.DataFrame, differences: pd.DataFrame) -> Figure:
    """Differences from a baseline in accuracy and macro-F1: mean, 95 % interval, and each seed.

    Args:
        comparisons: as `analysis.ablations.paired_comparisons` returns them; what is not recorded
            is left out.
        differences: of the same pairs by seed, as `analysis.ablations.seed_differences`.
    """
    recorded = comparisons[comparisons["n_seeds"] > 0].reset_index(drop=True)
    if recorded.empty:
        return placeholder()
    pair = ["experiment", "baseline"]
    seed_rows = differences[pair].merge(recorded[pair].reset_index(), how="left")["index"]
    figure, panels = plt.subplots(
        1, 2, figsize=(10, 1.4 + 0.36 * len(recorded)), sharey=True, layout="constrained"
    )
    for axes, (name, (scale, title)) in zip(panels, _DIFFERENCES.items(), strict=True):
        axes.axvline(0, color="#888888", linestyle="--", linewidth=1)
        seeds = {"color": _ISSUE_COLOR, "markersize": 13, "markeredgewidth": 2}
        axes.plot(scale * differences[name], seed_rows, "|", label="one seed", **seeds)
        estimates = scale * recorded[[name, f"{name}_low", f"{name}_high"]].to_numpy()
        means = {"color": _NEUTRAL_COLOR, "label": "mean over seeds, 95 % interval of the images"}
        interval_bars(axes, recorded.index, estimates, fmt="o", **means)
        axes.set(
            xlabel=title,
            yticks=recorded.index,
            yticklabels=_titles(recorded["experiment"]),
            ylim=(len(recorded) - 0.5, -0.5),
        )
        axes.locator_params(axis="x", nbins=5)
    style = {"va": "center", "fontsize": 9, "color": "#555555"}
    for row, baseline in enumerate(_titles(recorded["baseline"])):
        beside = panels[1].get_yaxis_transform()
        panels[1].text(1.02, row, f"vs. {baseline}", transform=beside, **style)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper center", ncols=2, fontsize=9)
    return finish(figure)


def _titles(names: pd.Series) -> list[str]:
    return [EXPERIMENTS[name].title for name in names]


def accuracy_against_size(
    recorded: pd.DataFrame, front: pd.DataFrame, published: pd.DataFrame
) -> Figure:
    """Accuracy on PrivateTest against parameters, and against multiply-adds.

    Args:
        recorded: models as `analysis.model_size.model_sizes` returns them.
        front: others, as `analysis.model_size.pareto_front`: a line joins them by multiply-adds,
            and the first and the last one are labeled.
        published: as `analysis.model_size.published_networks`; a network with a protocol issue is
            marked with an asterisk.
    """
    figure, panels = plt.subplots(2, 1, figsize=(7.5, 8), layout="constrained")
    issue = published["protocol_issue"].notna()
    for axes, (size, title) in zip(panels, _SIZES.items(), strict=True):
        _draw_recorded(axes, pd.concat([recorded, front]), size)
        if size == "multiply_adds":  # what the front weighs accuracy against
            accuracy = 100 * front["private_test_accuracy"]
            axes.plot(front[size], accuracy, color=OWN_COLOR, linewidth=1)
        _label_points(axes, recorded, size, "private_test_accuracy")
        _label_points(axes, front.iloc[:1], size, "private_test_accuracy", "left")
        _label_points(axes, front.iloc[1:].tail(1), size, "private_test_accuracy_high", "above")
        _draw_published(axes, published[~issue], size, "published", _NEUTRAL_COLOR)
        marked = published[issue].assign(model=published["model"] + " *")
        _draw_published(axes, marked, size, "published, with a protocol issue (*)", _ISSUE_COLOR)
        axes.set(xscale="log", xlabel=title, ylabel="accuracy, %")
        axes.margins(x=0.3, y=0.12)  # room for the labels
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper center", ncols=3, fontsize=9)
    return finish(figure)


def _draw_recorded(axes: Axes, models: pd.DataFrame, size: str) -> None:
    columns = [f"private_test_accuracy{limit}" for limit in ("", "_low", "_high")]
    style = {"fmt": "o", "color": OWN_COLOR, "label": "this study, 95 % interval"}
    interval_bars(axes, models[size], 100 * models[columns].to_numpy(), "y", **style)


def _draw_published(axes: Axes, networks: pd.DataFrame, size: str, label: str, color: str) -> None:
    networks = networks.dropna(subset=size)
    style = {"marker": "D", "linestyle": "none", "fillstyle": "none"}
    axes.plot(networks[size], 100 * networks["accuracy"], color=color, label=label, **style)
    _label_points(axes, networks, size, "accuracy")


def _label_points(
    axes: Axes, models: pd.DataFrame, size: str, accuracy: str, side: str = "right"
) -> None:
    """Write each model's name beside its point: `right`, `left`, or `above` and to the left."""
    offset = {"right": (8, 0), "left": (-8, 0), "above": (0, 4)}[side]
    for model in models.to_dict("records"):
        axes.annotate(
            textwrap.fill(model["model"], 30),
            (model[size], 100 * model[accuracy]),
            xytext=offset,
            textcoords="offset points",
            ha="left" if side == "right" else "right",
            va="bottom" if side == "above" else "center",
            fontsize=9,
        )
