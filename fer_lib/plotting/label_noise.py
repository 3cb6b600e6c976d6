"""Figures of label noise."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from fer_lib.plotting.style import finish, model_lines, placeholder_if_missing
from fer_lib.plotting.training import confusion_heat_map


def label_confusion(confusion: np.ndarray) -> Figure:
    """Draw the FER+ majority vote for the images of each FER2013 label.

    Args:
        confusion: counts int [7, 7], FER2013's label by row, majority vote by column.
    """
    figure = confusion_heat_map(
        confusion, "FER+ majority vote", "FER2013 label", "share of the label's images"
    )
    figure.axes[1].yaxis.set_major_formatter(PercentFormatter(1))
    return finish(figure, recorded=True)


@placeholder_if_missing
def accuracy_by_agreement(table: pd.DataFrame) -> Figure:
    """Draw accuracy by annotator agreement, against FER2013's label and the FER+ plurality vote.

    Args:
        table: as `analysis.label_noise.accuracy_by_agreement` returns it.
    """
    figure, panels = plt.subplots(1, 2, figsize=(7, 3.3), sharey=True, layout="constrained")
    titles = {
        "label_accuracy": "FER2013 label",
        "plurality_accuracy": "FER+ plurality vote",
    }
    for axes, (column, title) in zip(panels, titles.items(), strict=True):
        model_lines(axes, table.assign(percent=100 * table[column]), "votes", "percent")
        axes.set(title=f"against the {title}", xlabel="votes for the most frequent emotion")
        axes.set(xticks=sorted(table["votes"].unique()), ylim=(0, 100))
    panels[0].set_ylabel("accuracy, %")
    lines = panels[0].get_lines()
    figure.legend(handles=lines, fontsize=9, loc="outside lower center", ncols=min(3, len(lines)))
    return finish(figure, recorded=True)
