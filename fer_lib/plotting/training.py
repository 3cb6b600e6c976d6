"""Figures of one model: training curves, confusion matrix, sample predictions."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.metrics import class_shares
from fer_lib.plotting.style import (
    TRAIN_COLOR,
    VALIDATION_COLOR,
    finish,
    placeholder_if_missing,
)
from fer_lib.runs.predictions import Predictor
from fer_lib.runs.run import Run


@placeholder_if_missing
def curves(run: Run | None) -> Figure:
    """Accuracy and loss by epoch on Training and PublicTest.

    The epoch whose weights are kept is marked, or those whose weights SWA averages.
    """
    history, swa_epochs = run.history, run.experiment.swa_epochs
    figure, panels = plt.subplots(1, 2, figsize=(6, 3.1), layout="constrained")
    lines = (
        ("", TRAIN_COLOR, "Training (augmented, with dropout)"),
        ("val_", VALIDATION_COLOR, "PublicTest"),
    )
    for axes, column, title, scale in zip(
        panels, ("accuracy", "loss"), ("Accuracy, %", "Loss"), (100, 1), strict=True
    ):
        for prefix, color, label in lines:
            values = scale * history[prefix + column]
            axes.plot(history["epoch"], values, color=color, label=label)
        if swa_epochs:
            last = len(history) + 0.5
            span = {"color": "#444444", "alpha": 0.12, "label": "weights averaged (SWA)"}
            axes.axvspan(last - swa_epochs, last, **span)
        else:
            best = run.config["best_epoch"]
            line = {"color": "#444444", "linestyle": "--", "linewidth": 1}
            axes.axvline(best, label=f"best epoch ({best})", **line)
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    handles, labels = panels[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=9)
    return finish(figure)


@placeholder_if_missing
def confusion(predictor: Predictor | None) -> Figure:
    """The confusion matrix on PrivateTest: counts, and shares of the true class as color."""
    counts = np.array(predictor.metrics["private_test"]["confusion"])
    return finish(confusion_heat_map(counts, "predicted", "true", "share of the true class"))


def confusion_heat_map(counts: np.ndarray, columns: str, rows: str, share: str) -> Figure:
    """A heat map of the shares of each row, with the counts.

    Args:
        counts: integers [7, 7].
        columns, rows, share: labels of the axes and of the color bar.
    """
    import seaborn as sns  # takes a second to import

    shares = class_shares(counts)
    figure, axes = plt.subplots(figsize=(6, 4.9), layout="constrained")
    notes = [f"{part:.0%}\n{n}" for part, n in zip(shares.flat, counts.flat, strict=True)]
    sns.heatmap(
        shares,
        vmin=0,
        vmax=1,
        cmap="cividis",
        annot=np.array(notes).reshape(shares.shape),
        fmt="",
        annot_kws={"fontsize": 9},
        ax=axes,
        xticklabels=EMOTION_NAMES,
        yticklabels=EMOTION_NAMES,
        cbar_kws={"label": share},
    )
    axes.set(xlabel=columns, ylabel=rows)
    axes.tick_params(axis="x", rotation=35)
    axes.tick_params(axis="y", rotation=0)
    return figure
