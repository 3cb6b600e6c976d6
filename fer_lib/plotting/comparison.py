"""Figures that compare models."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.plotting.style import SPLIT_COLORS, finish, model_styles, placeholder_if_missing
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
    for (split, color), offset, marker in zip(
        SPLIT_COLORS.items(), (-0.12, 0.12), "os", strict=True
    ):
        metrics = [predictor.metrics[split] for predictor in predictors.values()]
        accuracies = np.array([each["accuracy"] for each in metrics])
        limits = np.array([each["intervals"]["accuracy"] for each in metrics])
        axes.errorbar(
            100 * accuracies,
            rows + offset,
            xerr=100 * np.abs(limits - accuracies[:, None]).T,
            fmt=marker,
            color=color,
            capsize=3,
            label=SPLIT_TITLES[split],
        )
    titles = [textwrap.fill(title, 24) for title in predictors]
    axes.set(yticks=rows, yticklabels=titles, xlabel="accuracy, %, with 95 % interval")
    axes.set_ylim(len(predictors) - 0.5, -0.5)
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
