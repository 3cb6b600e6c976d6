"""The figures of the front page; the README shows the first of them too."""

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.plotting.style import PRIVATE_TEST_COLOR, finish
from fer_lib.runs.predictions import Predictor


def headline_accuracies(accuracies: pd.DataFrame, models: dict[str, list[Predictor]]) -> Figure:
    """Accuracy on PrivateTest, one row per model: the mean, its interval, and each seed.

    It is narrow, so that its text can be read on a phone.

    Args:
        accuracies: `private_test_accuracy` and its limits by title, as
            `analysis.headline.headline_table`; a model without a seed keeps its row, empty.
        models: the seeds of each.
    """
    figure, axes = plt.subplots(figsize=(5, 0.9 + 0.5 * len(models)), layout="constrained")
    color = PRIVATE_TEST_COLOR
    for row, (title, runs) in enumerate(models.items()):
        mean, low, high = (
            100 * accuracies.loc[title, "private_test_accuracy" + end]
            for end in ("", "_low", "_high")
        )
        seeds = [100 * run.metrics["private_test"]["accuracy"] for run in runs]
        axes.plot([low, high], [row, row], color=color, linewidth=1.5)
        axes.plot(mean, row, "o", color=color, markersize=6)
        label = f"{mean:.1f}" if seeds else ""
        axes.text(mean, row - 0.15, label, ha="center", va="bottom", fontsize=9)
        if len(seeds) > 1:
            axes.plot(seeds, np.full(len(seeds), row + 0.28), ".", color=color, markersize=4)
    axes.set(
        yticks=range(len(models)),
        yticklabels=[textwrap.fill(title, 22, break_on_hyphens=False) for title in models],
        ylim=(len(models) - 0.4, -0.8),
        xlabel="accuracy on PrivateTest, %",
    )
    axes.tick_params(labelsize=10)
    axes.xaxis.label.set_size(10)
    return finish(figure)


def predicted_face(
    photo: np.ndarray, box: tuple[int, int, int], percents: Sequence[float]
) -> Figure:
    """A photo with the box of its face, beside the probabilities of the emotions.

    Args:
        photo: RGB, uint8 [height, width, 3].
        box: left, top and side of the face in pixels, as `Face.box`.
        percents: the probabilities in the order of the labels, in percent.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(5, 2.6), width_ratios=(1, 1), layout="constrained"
    )
    predicted = int(np.argmax(percents))
    x, y, side = box
    left.imshow(photo)
    for width, color in ((4, "white"), (2, COLORS[predicted])):
        frame = Rectangle((x, y), side, side, fill=False, linewidth=width, edgecolor=color)
        left.add_patch(frame)
    left.axis("off")
    bars = right.barh(EMOTION_NAMES, percents, color=COLORS)
    right.bar_label(bars, [f"{percent:.1f}" for percent in percents], padding=3)
    right.set(xlim=(0, 118), xticks=range(0, 101, 25), xlabel="probability, %")
    right.invert_yaxis()
    right.grid(False, axis="y")
    right.get_yticklabels()[predicted].set_fontweight("bold")
    return finish(figure)
