"""Figures of latency."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.plotting.style import finish, model_styles, placeholder_if_missing


@placeholder_if_missing
def latency_and_accuracy(table: pd.DataFrame) -> Figure:
    """Draw latency per image and accuracy on PublicTest, a row of panels per model.

    Latency is drawn from the median to the 95th percentile, accuracy with its interval.

    Args:
        table: as `analysis.benchmarks.latency` returns it.
    """
    models = table["model"].unique()
    styles = model_styles(models)
    forms = table["form"].value_counts().max()
    size = {"figsize": (7, 0.9 + len(models) * (0.45 + 0.28 * forms)), "layout": "constrained"}
    figure, grid = plt.subplots(len(models), 2, sharex="col", squeeze=False, **size)
    for (times, accuracies), model in zip(grid, models, strict=True):
        rows = table[table["model"] == model]
        style = {"color": styles[model].color}
        for y, row in enumerate(rows.itertuples()):
            times.plot(
                [row.latency_ms, row.latency_95_ms], [y, y], marker="o", markevery=[0], **style
            )
            limits = [100 * row.accuracy_low, 100 * row.accuracy_high]
            accuracies.plot(limits, [y, y], **style)
            accuracies.plot(100 * row.accuracy, y, marker="o", **style)
        times.set(yticks=range(len(rows)), yticklabels=rows["form"])
        times.set_title(model, loc="left", fontsize=10)
        accuracies.set(yticks=range(len(rows)), yticklabels=[])
        for axes in (times, accuracies):
            axes.set_ylim(len(rows) - 0.5, -0.5)
            axes.tick_params(labelsize=9)
    grid[-1, 0].set(xlabel="latency per image, ms", xlim=(0, None))
    grid[-1, 1].set(xlabel="accuracy on PublicTest, %")
    return finish(figure, recorded=True)
