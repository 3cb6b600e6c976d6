"""Figures of one model: training curves, confusion matrix, sample predictions."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_lib.data.dataset import Dataset
from fer_lib.data.labels import COLORS, EMOTION_NAMES, IMAGE_SIZE
from fer_lib.plotting.style import (
    TRAIN_COLOR,
    VALIDATION_COLOR,
    finish,
    placeholder,
    placeholder_if_missing,
)
from fer_lib.report.format import NOT_RECORDED
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
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
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


def samples(
    predictors: dict[str, Predictor | None], emotion: str, dataset: Dataset | None, n: int = 4
) -> Figure:
    """The first `n` PrivateTest images of an emotion, and each model's predicted probabilities.

    The images are the same for all models. A gray square stands for the image where the data set is
    not on this machine.

    Args:
        predictors: by title; the column of a model that is None says so.
    """
    label = EMOTION_NAMES.index(emotion)
    by_title = {
        title: predictor and predictor.predictions["private_test"]
        for title, predictor in predictors.items()
    }
    first = next((each for each in by_title.values() if each is not None), None)
    if first is None:
        return placeholder()
    rows = first.first_of_class(label, n)
    hashes = first.hashes[rows]
    figure, grid = plt.subplots(
        len(rows),
        1 + len(by_title),
        figsize=(2 + 2.6 * len(by_title), 1.75 * len(rows)),
        layout="constrained",
        squeeze=False,
        width_ratios=[1, *[1.6] * len(by_title)],
    )
    for line, row, image_hash, image in zip(
        grid, rows, hashes, images_by_hash(hashes, dataset), strict=True
    ):
        thumbnail(line[0], image, f"{emotion}, row {row}")
        for axes, predictions in zip(line[1:], by_title.values(), strict=True):
            same = predictions and predictions[predictions.hashes == image_hash]
            _probability_bars(axes, same and same.probabilities[0], label)
    for axes, title in zip(grid[0, 1:], by_title, strict=True):
        axes.set_title(title, fontsize=9)
    return finish(figure)


def images_by_hash(hashes: np.ndarray, dataset: Dataset | None) -> list[np.ndarray | None]:
    """The PrivateTest images of some hashes, each uint8 [48, 48], or None where it is missing."""
    if dataset is None:
        return [None] * len(hashes)
    split = dataset.private_test
    images = dict(zip(split.hashes.tolist(), split.images, strict=True))
    return [images.get(value) for value in hashes.tolist()]


def thumbnail(axes: Axes, image: np.ndarray | None, title: str, explain_gray: bool = True) -> None:
    """Draw an image, or a gray square that says why there is none."""
    gray = np.full((IMAGE_SIZE, IMAGE_SIZE), 200)
    axes.imshow(gray if image is None else image, cmap="gray", vmin=0, vmax=255)
    if image is None and explain_gray:
        text = "this image of\nFER2013 is not\non this machine"
        center = IMAGE_SIZE / 2
        axes.text(center, center, text, ha="center", va="center", fontsize=7)
    axes.set_title(title, fontsize=8)
    axes.axis("off")


def _probability_bars(axes: Axes, probabilities: np.ndarray | None, label: int) -> None:
    """Bars of the predicted probabilities float [7], with the true class in bold."""
    classes = range(len(EMOTION_NAMES))
    axes.set(xlim=(0, 1.2), xticks=np.linspace(0, 1, 6))  # room for the numbers behind the bars
    axes.set(ylim=(len(classes) - 0.5, -0.5), yticks=classes, yticklabels=EMOTION_NAMES)
    axes.tick_params(labelsize=7)
    axes.get_yticklabels()[label].set_fontweight("bold")
    axes.grid(axis="y", visible=False)
    if probabilities is None:
        axes.text(0.5, 3, NOT_RECORDED, ha="center", va="center", fontsize=8)
        return
    axes.barh(classes, probabilities, color=COLORS)
    for row, value in enumerate(probabilities):
        axes.text(value + 0.02, row, f"{value:.2f}", va="center", fontsize=6)
