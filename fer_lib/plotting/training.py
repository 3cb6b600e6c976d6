"""Figures of one run: training curves, confusion matrix, sample predictions."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from fer_lib.data.dataset import Dataset
from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.data.readers import IMAGE_SIZE
from fer_lib.plotting.style import (
    TRAIN_COLOR,
    VALIDATION_COLOR,
    _finished,
    _placeholder,
    _placeholder_without_run,
)
from fer_lib.report.format import NOT_RECORDED
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import Run


@_placeholder_without_run
def curves(run: Run) -> Figure:
    """Accuracy and loss by epoch on Training and PublicTest, with the chosen epoch marked, or those
    whose weights are averaged."""
    history, best, averaged = run.history, run.config["best_epoch"], run.experiment.swa_epochs
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    for axes, (title, column, scale) in zip(
        panels, [("Accuracy, %", "accuracy", 100), ("Loss", "loss", 1)], strict=True
    ):
        axes.plot(
            history["epoch"],
            scale * history[column],
            color=TRAIN_COLOR,
            label="Training (augmented, with dropout)",
        )
        axes.plot(
            history["epoch"],
            scale * history[f"val_{column}"],
            color=VALIDATION_COLOR,
            label="PublicTest",
        )
        if averaged:
            axes.axvspan(
                len(history) - averaged + 0.5,
                len(history) + 0.5,
                color="#444444",
                alpha=0.12,
                label="weights averaged",
            )
        else:
            axes.axvline(
                best, color="#444444", linestyle="--", linewidth=1, label=f"chosen epoch ({best})"
            )
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[1].legend(fontsize=8)
    return _finished(figure)


@_placeholder_without_run
def confusion(run: Run) -> Figure:
    """The confusion matrix on PrivateTest: shares of each true class as colour, counts as
    numbers."""
    return _finished(
        _matrix(
            np.array(run.metrics["private_test"]["confusion"]),
            "predicted",
            "true",
            "share of the true class",
        )
    )


def _matrix(counts: np.ndarray, columns: str, rows: str, colour: str) -> Figure:
    """A heat map of the shares of each row's sum, with the counts."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(6.2, 5), layout="constrained")
    notes = [
        [f"{share:.0%}\n{n}" for share, n in zip(*row, strict=True)]
        for row in zip(shares, counts, strict=True)
    ]
    sns.heatmap(
        shares, vmin=0, vmax=1, cmap="cividis", annot=np.array(notes), fmt="", annot_kws={"fontsize": 8}, ax=axes,
        xticklabels=EMOTION_NAMES, yticklabels=EMOTION_NAMES, cbar_kws={"label": colour},
    )  # fmt: skip
    axes.set(xlabel=columns, ylabel=rows)
    axes.tick_params(axis="x", rotation=35)
    axes.tick_params(axis="y", rotation=0)
    return figure


def samples(
    runs: dict[str, Run | None], emotion: str, dataset: Dataset | None, n: int = 4
) -> Figure:
    """The first `n` PrivateTest images of an emotion, and the probabilities that each model gives
    them.

    The images are the same for all models. Where the data set is not on this machine a labelled
    grey square stands in
    for the picture; nothing else changes.

    Args:
        runs: by title; those that are None are left out, and their columns say so.
    """
    label = EMOTION_NAMES.index(emotion)
    known = [run for run in runs.values() if run is not None]
    if not known:
        return _placeholder(NOT_RECORDED)
    rows = known[0].predictions["private_test"].first_of_class(EMOTION_NAMES.index(emotion), n)
    hashes = known[0].predictions["private_test_hashes"][rows]
    pictures = _pictures(hashes, dataset)
    ratios = [1, *[1.6] * len(runs)]
    figure, grid = plt.subplots(
        len(rows), len(ratios), figsize=(2 + 2.6 * len(runs), 1.75 * len(rows)), layout="constrained",
        squeeze=False, width_ratios=ratios,
    )  # fmt: skip
    for line, row, value, picture in zip(grid, rows, hashes, pictures, strict=True):
        _thumbnail(line[0], picture, f"{emotion}, row {row}")
        for axes, run in zip(line[1:], runs.values(), strict=True):
            _probability_bars(axes, run, value, label)
    for axes, title in zip(grid[0, 1:], runs, strict=True):
        axes.set_title(title, fontsize=9)
    return _finished(figure)


def _pictures(hashes: np.ndarray, dataset: Dataset | None) -> list[np.ndarray | None]:
    if dataset is None:
        return [None] * len(hashes)
    rows = {value: row for row, value in enumerate(dataset.private_test.hashes.tolist())}
    return [
        dataset.private_test.images[rows[value]] if value in rows else None
        for value in hashes.tolist()
    ]


def _thumbnail(axes, picture: np.ndarray | None, text: str, explain_grey: bool = True) -> None:
    axes.imshow(
        np.full((IMAGE_SIZE, IMAGE_SIZE), 200) if picture is None else picture,
        cmap="gray",
        vmin=0,
        vmax=255,
    )
    if picture is None and explain_grey:
        axes.text(
            IMAGE_SIZE / 2,
            IMAGE_SIZE / 2,
            "this image of\nFER2013 is not\non this machine",
            ha="center",
            va="center",
            fontsize=7,
        )
    axes.set_title(text, fontsize=8)
    axes.axis("off")


def _probability_bars(axes, run: Run | None, image_hash: int, label: int) -> None:
    axes.set(xlim=(0, 1.2), xticks=np.linspace(0, 1, 6))  # room for the numbers behind the bars
    axes.set(
        ylim=(len(EMOTION_NAMES) - 0.5, -0.5),
        yticks=range(len(EMOTION_NAMES)),
        yticklabels=EMOTION_NAMES,
    )
    axes.tick_params(labelsize=7)
    axes.get_yticklabels()[label].set_fontweight("bold")
    axes.grid(axis="y", visible=False)
    if run is None:
        axes.text(0.5, 3, NOT_RECORDED, ha="center", va="center", fontsize=8)
        return
    (row,) = np.flatnonzero(run.predictions["private_test_hashes"] == image_hash)[:1]
    values = softmax(run.predictions["private_test_logits"][row])
    axes.barh(range(len(EMOTION_NAMES)), values, color=COLORS)
    for position, value in enumerate(values):
        axes.text(value + 0.02, position, f"{value:.2f}", va="center", fontsize=6)
