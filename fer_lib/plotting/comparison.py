"""Figures that compare models, and the forms in which they are exported."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.analysis.comparison import estimate
from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.plotting.style import (
    MODEL_COLORS,
    SPLIT_COLORS,
    finish,
    interval_bars,
    model_styles,
    placeholder_if_missing,
)
from fer_lib.report.format import SPLIT_TITLES
from fer_lib.runs.predictions import Predictor


@placeholder_if_missing
def accuracy_comparison(predictors: dict[str, Predictor | None]) -> Figure:
    """Accuracy with its 95 % interval on PrivateTest and on both test splits, one row per model.

    Args:
        predictors: by title; None leaves a model out.
    """
    figure, axes = plt.subplots(figsize=(7, 1.1 + 0.55 * len(predictors)), layout="constrained")
    rows = np.arange(len(predictors))
    for (split, color), offset, fmt in zip(SPLIT_COLORS.items(), (-0.12, 0.12), "os", strict=True):
        percent = 100 * np.array([estimate(each, split) for each in predictors.values()])
        label = SPLIT_TITLES[split]
        interval_bars(axes, rows + offset, percent, fmt=fmt, color=color, label=label)
    axes.set(
        yticks=rows,
        yticklabels=[textwrap.fill(title, 24) for title in predictors],
        ylim=(len(predictors) - 0.5, -0.5),
        xlabel="accuracy, %, with 95 % interval",
    )
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return finish(figure)


@placeholder_if_missing
def per_class_f1(predictors: dict[str, Predictor | None]) -> Figure:
    """F1 of each emotion on PrivateTest, one marker per model.

    Args:
        predictors: by title; None leaves a model out.
    """
    figure, axes = plt.subplots(figsize=(8, 3.8), layout="constrained")
    styles, classes = model_styles(predictors), np.arange(len(EMOTION_NAMES))
    for index, (title, predictor) in enumerate(predictors.items()):
        per_class = predictor.metrics["private_test"]["per_class"]
        axes.plot(
            classes + 0.12 * (index - (len(predictors) - 1) / 2),
            [per_class[name]["f1"] for name in EMOTION_NAMES],
            styles[title].marker,
            color=styles[title].color,
            label=title,
        )
    axes.set(xticks=classes, xticklabels=EMOTION_NAMES, ylabel="F1", ylim=(0, 1))
    for tick, color in zip(axes.get_xticklabels(), COLORS, strict=True):
        tick.set_color(color)
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return finish(figure)


def latency_and_accuracy(table: pd.DataFrame) -> Figure:
    """Latency per image, from the median to the 95th percentile, and accuracy with its interval.

    Args:
        table: `analysis.benchmarks.latency`, one line per row.
    """
    height = 0.9 + 0.5 * len(table)
    figure, (times, accuracies) = plt.subplots(
        1, 2, figsize=(10, height), sharey=True, layout="constrained"
    )
    colors = dict(zip(table["form"].unique(), MODEL_COLORS, strict=False))
    for y, row in enumerate(table.itertuples()):
        style = {"color": colors[row.form], "marker": "o"}
        times.plot([row.latency_ms, row.latency_95_ms], [y, y], markevery=[0], **style)
        limits = [100 * row.accuracy_low, 100 * row.accuracy_high]
        accuracies.plot(limits, [y, y], color=style["color"])
        accuracies.plot(100 * row.accuracy, y, **style)
    times.set(
        xlabel="latency per image, ms",
        xlim=(0, None),
        yticks=range(len(table)),
        yticklabels=table["model"] + "\n" + table["form"],
        ylim=(len(table) - 0.5, -0.5),
    )
    accuracies.set(xlabel="accuracy on PublicTest, %")
    return finish(figure, recorded=True)
