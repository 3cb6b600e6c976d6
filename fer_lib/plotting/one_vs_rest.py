"""Precision–recall curves of the emotions."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.plotting.style import finish, placeholder_if_missing


@placeholder_if_missing
def precision_recall(curves: pd.DataFrame) -> Figure:
    """Precision against recall, one line per emotion, named at its end.

    Args:
        curves: as `analysis.one_vs_rest.precision_recall_curves` returns them.
    """
    figure, axes = plt.subplots(figsize=(6.5, 4.6), layout="constrained")
    lines = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)))
    for emotion, color, line in zip(EMOTION_NAMES, COLORS, lines, strict=True):
        curve = curves[curves["emotion"] == emotion]
        axes.plot(
            100 * curve["recall"],
            100 * curve["precision"],
            color=color,
            linestyle=line,
            label=emotion,
        )
    axes.set(xlabel="recall, %", ylabel="precision, %", xlim=(0, 100), ylim=(0, 101))
    axes.legend(loc="lower left", fontsize=10)
    return finish(figure)
