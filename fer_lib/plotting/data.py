"""Figures of the data set, the loss and the augmentation."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.plotting.style import finish


def class_distribution(counts: dict[str, dict[str, int]]) -> Figure:
    """Shares of the emotions in Training and in the two test splits together, with the counts.

    Args:
        counts: by split (`Training`, `PublicTest`, `PrivateTest`), then by emotion.
    """
    table = pd.DataFrame(counts, index=EMOTION_NAMES)
    test = table["PublicTest"] + table["PrivateTest"]
    bars = {"Training": table["Training"], "PublicTest and PrivateTest": test}
    figure, panels = plt.subplots(1, 2, figsize=(6, 3.1), sharey=True, layout="constrained")
    for axes, (title, numbers) in zip(panels, bars.items(), strict=True):
        drawn = axes.barh(EMOTION_NAMES, 100 * numbers / numbers.sum(), color=COLORS)
        axes.bar_label(drawn, [f"{n:,}" for n in numbers], fontsize=9, padding=2)
        axes.set(title=f"{title}\n({numbers.sum():,} images)", xlabel="share of the split, %")
        axes.margins(x=0.3)  # room for the counts
        axes.grid(axis="y", visible=False)
    panels[0].invert_yaxis()
    return finish(figure)


def near_duplicates(bands: pd.DataFrame, threshold: float) -> Figure:
    """Candidate pairs of images by their detail correlation; near-duplicates are dark.

    Args:
        bands: `low`, `high` and `pairs`, as `analysis.leakage.correlation_bands` returns them.
        threshold: the correlation above which a pair is a near-duplicate.
    """
    figure, axes = plt.subplots(figsize=(6, 3.1), layout="constrained")
    duplicate = bands["low"] >= threshold - 1e-9
    drawn = axes.bar(
        bands["low"],
        bands["pairs"],
        width=bands["high"] - bands["low"],
        align="edge",
        color=np.where(duplicate, "#555555", "#BBBBBB"),
        edgecolor="white",
    )
    axes.bar_label(drawn, [f"{pairs:,}" for pairs in bands["pairs"]], fontsize=9, padding=2)
    axes.axvline(threshold, color="#222222", linestyle="--", linewidth=1)
    axes.set(xlabel="detail correlation", ylabel="pairs of images", xlim=(0, 1))
    axes.margins(y=0.1)  # room for the counts
    return finish(figure, recorded=True)


def focal_loss_curves() -> Figure:
    """Focal loss of one image against the probability p of its true class, a curve per γ.

    Each curve is −(1 − p)^γ · log p (Lin et al. 2017), with α = 1.
    """
    gammas, p = (0.0, 0.5, 1.0, 2.0, 5.0), np.linspace(0.01, 1, 200)
    figure, axes = plt.subplots(figsize=(6, 2.5), layout="constrained")
    colors = plt.get_cmap("viridis")(np.linspace(0, 1, len(gammas) + 2)[1:-1])
    for gamma, color in zip(gammas, colors, strict=True):
        label = f"γ = {gamma:g}" + ("" if gamma else " (cross-entropy)")
        axes.plot(p, -((1 - p) ** gamma) * np.log(p), color=color, label=label)
    axes.set(xlabel="probability of the true class", ylabel="loss", xlim=(0, 1), ylim=(0, 5))
    axes.legend()
    return finish(figure)


def faces_by_emotion(images: np.ndarray, labels: np.ndarray, title: str) -> Figure:
    """The first seven faces of each emotion, a row per emotion.

    Args:
        images: uint8 [n, 48, 48].
        labels: integers [n].
        title: where the faces come from.
    """
    rows, columns, size = len(EMOTION_NAMES), 7, 0.75
    figure, grid = plt.subplots(
        rows, columns, figsize=(1 + size * columns, size * rows), layout="constrained"
    )
    for label, (name, row) in enumerate(zip(EMOTION_NAMES, grid, strict=True)):
        for axes in row:
            axes.axis("off")
        for axes, image in zip(row, images[labels == label][:columns], strict=False):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        text = {"ha": "right", "va": "center", "fontsize": 11, "color": COLORS[label]}
        row[0].text(-0.1, 0.5, name, transform=row[0].transAxes, **text)
    figure.suptitle(title, fontsize=10)
    return finish(figure)


def augmentations(images: np.ndarray, augmented: np.ndarray) -> Figure:
    """Images and random augmentations of them, a row per image.

    Args:
        images: uint8 [n, 48, 48].
        augmented: float [n, k, 48, 48], gray levels 0–255.
    """
    rows, columns = len(images), augmented.shape[1] + 1
    size = 0.85
    figure, grid = plt.subplots(
        rows, columns, figsize=(size * columns, size * rows + 0.3), layout="constrained"
    )
    for row, image, versions in zip(grid, images, augmented, strict=True):
        for axes, version in zip(row, [image, *versions], strict=True):
            axes.imshow(version, cmap="gray", vmin=0, vmax=255)
            axes.axis("off")
    grid[0, 0].set_title("original", fontsize=10)
    grid[0, 1].set_title("augmented", fontsize=10, loc="left")
    return finish(figure)
