"""Figures of label noise."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.plotting.style import finish, model_lines, placeholder_if_missing
from fer_lib.plotting.training import confusion_heat_map


def label_confusion(confusion: np.ndarray) -> Figure:
    """The FER+ majority vote for the images of each FER2013 label.

    Args:
        confusion: counts int [7, 7], label by row, majority by column.
    """
    figure = confusion_heat_map(
        confusion, "FER+ majority vote", "FER2013's label", "share of the label"
    )
    return finish(figure, recorded=True)


@placeholder_if_missing
def accuracy_by_agreement(table: pd.DataFrame) -> Figure:
    """Accuracy by annotator agreement, against FER2013's label and against the FER+ vote.

    Args:
        table: as `analysis.label_noise.accuracy_by_agreement` returns it.
    """
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
    titles = {
        "label_accuracy": "against FER2013's label",
        "plurality_accuracy": "against the most frequent vote",
    }
    for axes, (column, title) in zip(panels, titles.items(), strict=True):
        model_lines(axes, table.assign(percent=100 * table[column]), "votes", "percent")
        axes.set(title=title, xlabel="votes for the most frequent emotion, of 10", ylim=(0, 100))
    panels[0].set_ylabel("accuracy, %")
    lines = panels[0].get_lines()
    figure.legend(handles=lines, fontsize=8, loc="outside lower center", ncols=len(lines))
    return finish(figure, recorded=True)
