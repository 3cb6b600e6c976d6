"""Figures of paired comparisons, and of accuracy against model size."""

import textwrap
from collections.abc import Collection, Mapping
from types import MappingProxyType

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fer_lib.analysis.verdict import Verdict
from fer_lib.experiments import EXPERIMENTS
from fer_lib.plotting.style import finish, interval_bars, placeholder

_COLOR, _PUBLISHED_COLOR = "#222222", "#777777"
_DIFFERENCES = {
    "accuracy_difference": (100, "difference in accuracy, points"),
    "macro_f1_difference": (1, "difference in macro-F1"),
}
_VERDICT_MARKERS = {
    "95 % interval above 0": "^",
    "interval contains 0": "o",
    "interval below 0": "v",
}
_DETECTED = "filled: p ≤ 0.05, corrected"
_SEED_OFFSET = 0.3  # of a row, so that the seeds do not hide in the interval
_SIZES = {"parameters": "parameters", "multiply_adds": "multiply-adds per prediction"}


def comparison_intervals(
    comparisons: pd.DataFrame,
    differences: pd.DataFrame,
    groups: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Figure:
    """Differences from a baseline in accuracy and macro-F1: mean, 95 % interval, and each seed.

    Rows are sorted by the difference in accuracy, within their group where there are groups. The
    shape of a marker says whether the interval lies above 0, contains 0 or lies below 0. It is
    filled where the corrected p-value, which is that of accuracy, detects a difference.

    Args:
        comparisons: as `analysis.ablations.paired_comparisons` returns them; what is not recorded
            is left out.
        differences: of the same pairs by seed, as `analysis.ablations.seed_differences`.
        groups: names of experiments by the title of their group; the rest have no group.
    """
    recorded = comparisons[comparisons["seeds"].astype(bool)]
    if recorded.empty:
        return placeholder()
    rows = _grouped(recorded, groups)
    figure, panels = plt.subplots(
        1, 2, figsize=(7.4, 1.2 + 0.3 * (rows["row"].max() + 1)), sharey=True, layout="constrained"
    )
    seeds = differences.merge(rows[["experiment", "baseline", "row"]])
    for axes, (name, (scale, title)) in zip(panels, _DIFFERENCES.items(), strict=True):
        axes.axvline(0, color="#888888", linestyle="--", linewidth=1)
        ticks = {"color": "#777777", "markersize": 7, "markeredgewidth": 1.6}
        offset = seeds["row"] + _SEED_OFFSET
        axes.plot(scale * seeds[name], offset, "|", label="one seed", **ticks)
        _draw_differences(axes, rows, name, scale)
        axes.set(xlabel=title, ylim=(rows["row"].max() + 0.6, -0.6))
        axes.locator_params(axis="x", nbins=4)
        axes.tick_params(labelsize=9)
        axes.xaxis.label.set_size(10)
        axes.grid(axis="y", visible=False)
    headings = rows.drop_duplicates("group").query("group != ''")
    names = [*_titles(rows), *headings["group"]]
    panels[0].set_yticks([*rows["row"], *(headings["row"] - 1)], names, fontsize=9)
    for label in panels[0].get_yticklabels()[len(rows) :]:
        label.set_fontweight("bold")
    handles = {h.get_label(): h for axes in panels for h in axes.get_legend_handles_labels()[0]}
    style = {"color": _COLOR, "marker": "s", "linestyle": "none", "markersize": 7}
    handles[_DETECTED] = Line2D([], [], **style)
    order = [o for o in (*_VERDICT_MARKERS, _DETECTED, "one seed") if o in handles]
    figure.legend(
        [handles[o] for o in order], order, loc="outside upper center", ncols=2, fontsize=9
    )
    return finish(figure)


def _grouped(comparisons: pd.DataFrame, groups: Mapping[str, Collection[str]]) -> pd.DataFrame:
    """Sort comparisons, and add their `group` and `row`; a row above each group is left free."""
    group_of = {name: group for group, names in groups.items() for name in names}
    table = comparisons.assign(group=[group_of.get(name, "") for name in comparisons["experiment"]])
    position = {group: number for number, group in enumerate(groups)}
    table["position"] = table["group"].map(position).fillna(-1)
    table = table.sort_values(["position", "accuracy_difference"], ascending=[True, False])
    starts = ~table["group"].duplicated() & (table["group"] != "")
    return table.assign(row=np.arange(len(table)) + starts.cumsum()).reset_index(drop=True)


def _draw_differences(axes: Axes, rows: pd.DataFrame, name: str, scale: float) -> None:
    low, high = rows[f"{name}_low"], rows[f"{name}_high"]
    sides = (low > 0, (low <= 0) & (high >= 0), high < 0)
    detected = rows["verdict"].isin([Verdict.CONFIRMED, Verdict.REFUTED])
    detected &= name == "accuracy_difference"
    for (label, marker), side in zip(_VERDICT_MARKERS.items(), sides, strict=True):
        for fill, selected in (("white", side & ~detected), (_COLOR, side & detected)):
            estimates = scale * rows.loc[selected, [name, f"{name}_low", f"{name}_high"]].to_numpy()
            if len(estimates):
                style = {"fmt": marker, "color": _COLOR, "label": label, "markersize": 7}
                style |= {"markerfacecolor": fill}
                interval_bars(axes, rows.loc[selected, "row"], estimates, **style)


def _titles(rows: pd.DataFrame) -> list[str]:
    """The experiments by title, with the baseline's where one of the two is in both columns.

    The commonest baseline goes without saying.
    """
    pairs = rows[["experiment", "baseline"]]
    both = set(pairs["experiment"]) & set(pairs["baseline"])
    commonest = pairs["baseline"].mode()[0]
    return [
        EXPERIMENTS[experiment].title
        + (
            f"\n(against: {EXPERIMENTS[baseline].title})"
            if experiment in both or baseline in both - {commonest}
            else ""
        )
        for experiment, baseline in pairs.to_numpy()
    ]


def accuracy_against_size(
    recorded: pd.DataFrame, front: pd.DataFrame, published: pd.DataFrame, best: str | None = None
) -> Figure:
    """Accuracy on PrivateTest against parameters, and against multiply-adds.

    Args:
        recorded: models as `analysis.model_size.model_sizes` returns them.
        front: others, as `analysis.model_size.pareto_front`: a line joins them by multiply-adds,
            and the first and the last one are labeled.
        published: as `analysis.model_size.published_networks`; a network whose protocol differs is
            marked with an asterisk.
        best: a model of the front to be labeled, too, by its title.
    """
    figure, panels = plt.subplots(2, 1, figsize=(7.4, 6.8), layout="constrained")
    differs = published["differs_in"].notna()
    inner = front.iloc[1:-1]
    for axes, (size, title) in zip(panels, _SIZES.items(), strict=True):
        _draw_recorded(axes, pd.concat([recorded, front]), size)
        if size == "multiply_adds":  # what the front weighs accuracy against
            accuracy = 100 * front["private_test_accuracy"]
            axes.plot(front[size], accuracy, color=_COLOR, linewidth=1)
        _label_points(axes, recorded, size, "private_test_accuracy")
        _label_points(axes, front.iloc[:1], size, "private_test_accuracy", "left")
        free = "left" if size == "parameters" else "below"
        limit = "" if size == "parameters" else "_low"
        labeled = inner[inner["model"] == best]
        _label_points(axes, labeled, size, f"private_test_accuracy{limit}", free)
        _label_points(axes, front.iloc[1:].tail(1), size, "private_test_accuracy_high", "above")
        _draw_published(axes, published[~differs], size, "published", "full")
        marked = published[differs].assign(model=published["model"] + " *")
        _draw_published(axes, marked, size, "published, under another protocol (*)", "none")
        axes.set(xscale="log", xlabel=title, ylabel="accuracy, %")
        axes.margins(x=0.3, y=0.2)  # room for the labels
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper center", ncols=3, fontsize=9)
    return finish(figure)


def _draw_recorded(axes: Axes, models: pd.DataFrame, size: str) -> None:
    columns = [f"private_test_accuracy{limit}" for limit in ("", "_low", "_high")]
    style = {"fmt": "o", "color": _COLOR, "label": "this study, 95 % interval"}
    interval_bars(axes, models[size], 100 * models[columns].to_numpy(), "y", **style)


def _draw_published(axes: Axes, networks: pd.DataFrame, size: str, label: str, fill: str) -> None:
    networks = networks.dropna(subset=size)
    if networks.empty:
        return
    style = {"marker": "D", "linestyle": "none", "color": _PUBLISHED_COLOR}
    axes.plot(networks[size], 100 * networks["accuracy"], fillstyle=fill, label=label, **style)
    _label_points(axes, networks, size, "accuracy")


def _label_points(
    axes: Axes, models: pd.DataFrame, size: str, accuracy: str, side: str = "right"
) -> None:
    """Write each model's name at its point: `right`, `left`, `above` left or `below` right."""
    offset = {"right": (8, 0), "left": (-8, 0), "above": (0, 6), "below": (0, -4)}[side]
    for model in models.to_dict("records"):
        axes.annotate(
            textwrap.fill(model["model"], 30),
            (model[size], 100 * model[accuracy]),
            xytext=offset,
            textcoords="offset points",
            ha="left" if side in ("right", "below") else "right",
            va={"above": "bottom", "below": "top"}.get(side, "center"),
            fontsize=9,
        )
