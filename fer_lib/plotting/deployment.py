"""Figures of latency and accuracy of exported models."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.plotting.style import MODEL_COLORS, finish


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
    labels = [f"{row.model}\n{row.form}" for row in table.itertuples()]
    times.set(xlabel="latency per image, ms", yticks=range(len(table)), yticklabels=labels)
    times.set_xlim(left=0)
    times.set_ylim(len(table) - 0.5, -0.5)
    accuracies.set(xlabel="accuracy on PublicTest, %")
    return finish(figure, recorded=True)
