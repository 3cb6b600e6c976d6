"""Figures that compare models, and the forms in which they are exported."""

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.evaluation.metrics import class_shares
from fer_lib.plotting.style import (
    TRAIN_COLOR,
    VALIDATION_COLOR,
    finish,
    model_styles,
    placeholder_if_missing,
)
from fer_lib.runs.predictions import Predictor
from fer_lib.runs.run import Run


@placeholder_if_missing
def per_class_f1(predictors: dict[str, Sequence[Predictor]]) -> Figure:
    """F1 of each emotion on PrivateTest, one marker per model: the mean over its seeds.

    Args:
        predictors: the seeds of each model by title; a model without any is left out.
    """
    figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
    styles, classes = model_styles(predictors), np.arange(len(EMOTION_NAMES))
    for index, (title, seeds) in enumerate(predictors.items()):
        scores = [each.metrics["private_test"]["per_class"] for each in seeds]
        axes.plot(
            classes + 0.12 * (index - (len(predictors) - 1) / 2),
            [np.mean([score[name]["f1"] for score in scores]) for name in EMOTION_NAMES],
            styles[title].marker,
            color=styles[title].color,
            label=title,
        )
    axes.set(xticks=classes, xticklabels=EMOTION_NAMES, ylabel="F1", ylim=(0, 1))
    for tick, color in zip(axes.get_xticklabels(), COLORS, strict=True):
        tick.set_color(color)
    axes.legend(fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return finish(figure)


@placeholder_if_missing
def training_curves(runs: dict[str, Run | None]) -> Figure:
    """Accuracy and loss by epoch of several models, a column per model, on shared axes.

    The epoch whose weights are kept is marked.

    Args:
        runs: by title, trained with early stopping; None leaves a model out.
    """
    size = {"figsize": (7.5, 4.6), "layout": "constrained"}
    grid = {"sharex": True, "sharey": "row", "squeeze": False}
    figure, panels = plt.subplots(2, len(runs), **size, **grid)
    lines = (("", TRAIN_COLOR, "Training"), ("val_", VALIDATION_COLOR, "PublicTest"))
    for column, (title, run) in zip(panels.T, runs.items(), strict=True):
        for axes, name, scale in zip(column, ("accuracy", "loss"), (100, 1), strict=True):
            for prefix, color, label in lines:
                values = scale * run.history[prefix + name]
                axes.plot(run.history["epoch"], values, color=color, label=label)
            line = {"color": "#444444", "linestyle": "--", "linewidth": 1}
            axes.axvline(run.config["best_epoch"], label="best epoch", **line)
            axes.xaxis.get_major_locator().set_params(integer=True)
        column[0].set_title(textwrap.fill(title, 16), fontsize=10)
        column[1].set_xlabel("epoch")
    first_losses = [run.history[["loss", "val_loss"]].iloc[0].max() for run in runs.values()]
    panels[1, 0].set_ylim(0, 1.1 * max(first_losses))  # a single later peak may leave the axes
    panels[0, 0].set_ylabel("accuracy, %")
    panels[1, 0].set_ylabel("loss")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=9, loc="outside lower center", ncols=3)
    return finish(figure)


@placeholder_if_missing
def confusion_matrices(predictors: dict[str, Sequence[Predictor]]) -> Figure:
    """Confusion matrices on PrivateTest side by side: percent of the true class, means over seeds.

    Args:
        predictors: the seeds of each model by title; a model without any is left out.
    """
    size = {"figsize": (0.6 + 2.75 * len(predictors), 4.2), "layout": "constrained"}
    figure, panels = plt.subplots(1, len(predictors), sharey=True, squeeze=False, **size)
    classes = range(len(EMOTION_NAMES))
    for axes, (title, seeds) in zip(panels[0], predictors.items(), strict=True):
        # Each seed is evaluated on the same images, so the sum weights seeds equally.
        counts = sum(np.array(each.metrics["private_test"]["confusion"]) for each in seeds)
        percent = 100 * class_shares(counts)
        drawn = axes.imshow(percent, cmap="cividis", vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(percent):
            color = "white" if value < 50 else "black"
            style = {"ha": "center", "va": "center", "fontsize": 9.5, "color": color}
            axes.text(column, row, f"{value:.0f}", **style)
        axes.set_xticks(classes, EMOTION_NAMES, rotation=90)
        axes.set_yticks(classes, EMOTION_NAMES)
        axes.set_title(textwrap.fill(title, 24), fontsize=10)
        axes.set_xlabel("predicted")
        axes.grid(visible=False)
    panels[0, 0].set_ylabel("true")
    bar = {"orientation": "horizontal", "shrink": 0.5, "aspect": 40}
    figure.colorbar(drawn, ax=panels, label="images of the true class, %", **bar)
    return finish(figure)
