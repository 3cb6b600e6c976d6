"""The figure of the front page and of the README."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from fer_lib.analysis.seed_means import SeedMean
from fer_lib.plotting.style import PRIVATE_TEST_COLOR, finish


def headline_accuracies(means: dict[str, SeedMean]) -> Figure:
    """Accuracy on PrivateTest, one row per model: the mean, its interval, and each seed.

    It is narrow, so that its text can be read on a phone.

    Args:
        means: by title; a model without a seed keeps its row, empty.
    """
    figure, axes = plt.subplots(figsize=(5, 0.9 + 0.5 * len(means)), layout="constrained")
    color = PRIVATE_TEST_COLOR
    for row, mean in enumerate(means.values()):
        seeds = 100 * np.array(mean.seeds)
        axes.plot([100 * mean.low, 100 * mean.high], [row, row], color=color, linewidth=1.5)
        axes.plot(100 * mean.mean, row, "o", color=color, markersize=6)
        label = f"{100 * mean.mean:.1f}" if mean.seeds else ""
        axes.text(100 * mean.mean, row - 0.15, label, ha="center", va="bottom", fontsize=9)
        if len(seeds) > 1:
            axes.plot(seeds, np.full(len(seeds), row + 0.28), ".", color=color, markersize=4)
    axes.set(
        yticks=range(len(means)),
        yticklabels=[textwrap.fill(title, 22, break_on_hyphens=False) for title in means],
        ylim=(len(means) - 0.4, -0.8),
        xlabel="accuracy on PrivateTest, %",
    )
    axes.tick_params(labelsize=10)
    axes.xaxis.label.set_size(10)
    return finish(figure)
