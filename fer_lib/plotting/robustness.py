"""Figures of robustness."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from fer_lib.analysis.robustness import CLEAN, CORRUPTIONS, SEVERITIES
from fer_lib.plotting.style import finish, placeholder_if_missing


@placeholder_if_missing
def corruption_heat_maps(accuracies: pd.DataFrame) -> Figure:
    """Accuracy under each corruption and severity, one heat map per model.

    Args:
        accuracies: as `analysis.robustness.corruption_accuracies` returns them.
    """
    models = accuracies["model"].unique()
    columns = min(2, len(models))
    rows = -(-len(models) // columns)
    size = {"figsize": (5 * columns, 4.2 * rows), "layout": "constrained"}
    figure, grid = plt.subplots(rows, columns, squeeze=False, sharey=True, **size)
    figure.get_layout_engine().set(h_pad=0.1)  # inches, from an axis to the title below
    for axes in grid.flat[len(models) :]:
        axes.axis("off")
    for axes, model in zip(grid.flat, models, strict=False):
        table = accuracies[accuracies["model"] == model]
        table = table.pivot(index="corruption", columns="severity", values="accuracy")
        table = table.reindex(list(CORRUPTIONS)).assign(**{"0": table.loc[CLEAN, 0]})
        sns.heatmap(
            100 * table[["0", *SEVERITIES]],
            vmin=15,
            vmax=75,
            cmap="cividis",
            annot=True,
            fmt=".0f",
            annot_kws={"fontsize": 8},
            ax=axes,
            cbar=False,
            xticklabels=[CLEAN, *SEVERITIES],
            yticklabels=[corruption.title for corruption in CORRUPTIONS.values()],
        )
        axes.set(title=model, xlabel="severity", ylabel="")
        axes.tick_params(axis="y", rotation=0)
    return finish(figure, recorded=True)
