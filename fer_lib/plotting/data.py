"""Figures of the data set and its augmentation."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from fer_lib.analysis.leakage import DETAIL_THRESHOLD, LEAKAGE_PATH
from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.io import read_json
from fer_lib.plotting.style import _finished


def class_distribution(counts: dict[str, dict[str, int]]) -> Figure:
    """Bars of the share of each emotion in Training and in the two test splits together, with the
    counts.

    Args:
        counts: by split (`Training`, `PublicTest`, `PrivateTest`), then by emotion.
    """
    test = {
        name: counts["PublicTest"][name] + counts["PrivateTest"][name] for name in EMOTION_NAMES
    }
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
    for axes, (title, values) in zip(
        panels,
        {"Training": counts["Training"], "PublicTest and PrivateTest": test}.items(),
        strict=True,
    ):
        numbers = np.array([values[name] for name in EMOTION_NAMES])
        bars = axes.bar(EMOTION_NAMES, 100 * numbers / numbers.sum(), color=COLORS)
        axes.bar_label(bars, [f"{n:,}" for n in numbers], fontsize=8, padding=2)
        axes.set(title=f"{title} ({numbers.sum():,} images)")
        axes.margins(y=0.1)  # room for the numbers
        axes.tick_params(axis="x", rotation=35)
        axes.grid(axis="x", visible=False)
    panels[0].set_ylabel("share of the split, %")
    return _finished(figure)


def focal_loss_curves(gammas=(0.0, 0.5, 1.0, 2.0, 5.0)) -> Figure:
    """The focal loss of one image against the probability of its true class, drawn with Keras's own
    loss, for each γ."""
    import keras

    p = np.linspace(0.01, 1, 200, dtype=np.float32)
    predicted = np.stack([p, 1 - p], axis=1)
    true = np.tile(np.float32([1, 0]), (len(p), 1))
    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for gamma, colour in zip(gammas, sns.color_palette("viridis", len(gammas)), strict=True):
        loss = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=gamma, reduction=None)(
            true, predicted
        )
        axes.plot(
            p,
            keras.ops.convert_to_numpy(loss),
            color=colour,
            label=f"γ = {gamma:g}" + (" (cross-entropy)" if gamma == 0 else ""),
        )
    axes.set(xlabel="probability given to the true class", ylabel="loss", xlim=(0, 1), ylim=(0, 5))
    axes.legend()
    return _finished(figure)


def faces_by_emotion(images: np.ndarray, labels: np.ndarray, columns: int = 8) -> Figure:
    """A row of faces for each emotion.

    Args:
        images: uint8 [n, 48, 48]. labels: integers [n].
    """
    figure, grid = plt.subplots(
        len(EMOTION_NAMES), columns, figsize=(columns, len(EMOTION_NAMES)), layout="constrained"
    )
    for label, (name, row) in enumerate(zip(EMOTION_NAMES, grid, strict=True)):
        chosen = np.flatnonzero(labels == label)[:columns]
        for axes in row:
            axes.axis("off")
        for axes, index in zip(row, chosen, strict=False):
            axes.imshow(images[index], cmap="gray", vmin=0, vmax=255)
        row[0].set_title(name, loc="left", fontsize=9, color=COLORS[label])
    return _finished(figure)


def augmentations(images: np.ndarray, augmented: np.ndarray) -> Figure:
    """Each face in the first column, what training makes of it in the others.

    Args:
        images: uint8 [n, 48, 48]. augmented: float [n, k, 48, 48], grey levels 0–255.
    """
    figure, grid = plt.subplots(
        len(images),
        augmented.shape[1] + 1,
        figsize=(augmented.shape[1] + 1, len(images)),
        layout="constrained",
    )
    for row, image, versions in zip(grid, images, augmented, strict=True):
        for axes, picture in zip(row, [image, *versions], strict=True):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
            axes.axis("off")
    grid[0, 0].set_title("face", fontsize=9)
    grid[0, 1].set_title("as trained on", fontsize=9, loc="left")
    return _finished(figure)


def near_duplicates() -> Figure:
    """The pairs of pictures that are alike when shrunk, by how far they agree in detail, and where
    the line is drawn."""
    bands = read_json(LEAKAGE_PATH)["bands"]
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    lows, highs, numbers = np.array(bands).T
    same = lows >= DETAIL_THRESHOLD - 1e-9
    bars = axes.bar(
        lows,
        numbers,
        width=highs - lows,
        align="edge",
        color=np.where(same, "#0072B2", "#BBBBBB"),
        edgecolor="white",
    )
    axes.bar_label(bars, [f"{number:,.0f}" for number in numbers], fontsize=8, padding=2)
    axes.axvline(DETAIL_THRESHOLD, color="#222222", linestyle="--", linewidth=1)
    axes.set(xlabel="correlation in detail", ylabel="pairs", xlim=(0, 1))
    axes.margins(y=0.1)  # room for the numbers
    return _finished(figure, recorded=True)
