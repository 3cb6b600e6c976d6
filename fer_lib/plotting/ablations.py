"""Figures of the ablation study and of accuracy against model size."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from fer_lib.analysis.beyond import MEASURES, paired_differences, published_sizes
from fer_lib.evaluation.ensembles import Ensemble
from fer_lib.experiments import ABLATIONS, EXPERIMENTS
from fer_lib.plotting.ablations import sizes
from fer_lib.plotting.style import _OURS, _finished, _placeholder
from fer_lib.report.format import NOT_RECORDED
from fer_lib.runs.run import Run


def ablations(runs: list[Run]) -> Figure:
    """What each ablation does to accuracy and macro-F1 on PublicTest: the mean with its 95 % paired
    interval, and each seed.

    Args:
        runs: every finished run.
    """
    found = paired_differences(runs, ABLATIONS)
    if not found:
        return _placeholder(NOT_RECORDED)
    figure, panels = plt.subplots(
        1, 2, figsize=(10, 1.2 + 0.38 * len(found)), sharey=True, layout="constrained"
    )
    for axes, (measure, title) in zip(panels, MEASURES.items(), strict=True):
        differences, lows, highs = 100 * np.array([mine[measure] for mine in found.values()]).T
        axes.errorbar(
            differences,
            range(len(found)),
            xerr=[differences - lows, highs - differences],
            fmt="o",
            color="#222222",
            capsize=3,
        )
        for row, mine in enumerate(found.values()):
            axes.plot(
                100 * np.array(mine["by_seed"][measure]),
                [row] * len(mine["seeds"]),
                "|",
                color=_OURS,
                markersize=12,
                markeredgewidth=2,
            )
        axes.axvline(0, color="#888888", linestyle="--", linewidth=1)
        axes.set(
            title=f"{title}, points",
            yticks=range(len(found)),
            yticklabels=[EXPERIMENTS[name].title for name in found],
        )
        axes.set_ylim(len(found) - 0.5, -0.5)
    return _finished(figure)


def sizes(networks: dict[str, Run | None], front: list[Ensemble]) -> Figure:
    """Accuracy on PrivateTest against parameters and multiply-adds: ours with intervals, published
    ones as they are claimed.

    Args:
        networks: the source's, by the experiments' names; those that are None are left out.
        front: those of our small networks that are joined by a line, as `beyond.pareto_front`
            orders them; its ends are named.
    """
    compared = [Ensemble(EXPERIMENTS[name].title, (run,)) for name, run in networks.items() if run]
    joined, others = sizes(front), sizes(compared) + published_sizes()
    figure, panels = plt.subplots(2, 1, figsize=(7.5, 8), layout="constrained")
    for axes, measure, title in zip(
        panels,
        ("parameters", "multiply_adds"),
        ("parameters", "multiply-adds of an answer"),
        strict=True,
    ):
        if joined:
            axes.plot(
                [row[measure] for row in joined],
                [100 * row["accuracy"] for row in joined],
                color=_OURS,
                linewidth=1,
            )
            first, last = joined[0], joined[-1]
            axes.annotate(
                first["name"],
                (first[measure], 100 * first["accuracy"]),
                xytext=(-8, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=9,
            )
            if last is not first:  # above its interval, and to the left, where nothing is as small
                name = textwrap.fill(last["name"], 30)
                axes.annotate(
                    name,
                    (last[measure], 100 * last["interval"][1]),
                    xytext=(0, 4),
                    textcoords="offset points",
                    ha="right",
                    va="bottom",
                    fontsize=9,
                )
        for row in joined + others:
            if row[measure] is None:
                continue
            ours, accuracy = row["interval"] is not None, 100 * row["accuracy"]
            error = (
                100 * np.abs(np.array(row["interval"])[:, None] - row["accuracy"]) if ours else None
            )
            colour = _OURS if ours else "#D55E00" if row["protocol_issue"] else "#222222"
            axes.errorbar(
                row[measure],
                accuracy,
                yerr=error,
                fmt="o" if ours else "D",
                fillstyle="full" if ours else "none",
                color=colour,
                capsize=3,
            )
            if row not in joined:
                name = row["name"] + ("" if ours or not row["protocol_issue"] else " *")
                axes.annotate(
                    name,
                    (row[measure], accuracy),
                    xytext=(8, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=9,
                )
        axes.set(xscale="log", xlabel=title, ylabel="accuracy, %")
        axes.margins(x=0.3, y=0.1)  # room for the names
    return _finished(figure)
