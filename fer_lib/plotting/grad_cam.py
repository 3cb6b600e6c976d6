"""Figures of Grad-CAM and its deletion test."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.data.dataset import Dataset
from fer_lib.data.labels import COLORS, EMOTION_NAMES, IMAGE_SIZE
from fer_lib.plotting.style import finish, model_styles, placeholder, placeholder_if_missing
from fer_lib.plotting.training import images_by_hash, thumbnail
from fer_lib.report.format import NOT_RECORDED

_EXTENT = (-0.5, IMAGE_SIZE - 0.5, IMAGE_SIZE - 0.5, -0.5)


def grad_cams(maps: dict[str, dict | None], emotion: str, dataset: Dataset | None) -> Figure:
    """Grad-CAM of each model's predicted class, a row per image and a column per model.

    Args:
        maps: by title, then by emotion, as `analysis.grad_cam.sample_maps` returns them; None for
            a model that is not recorded.
        emotion: the label of the images.
        dataset: where the images come from; without it, gray squares stand in for them.
    """
    samples = {
        title: {sample["hash"]: sample for sample in by_emotion[emotion]} if by_emotion else {}
        for title, by_emotion in maps.items()
    }
    hashes = next((list(by_hash) for by_hash in samples.values() if by_hash), [])
    if not hashes:
        return placeholder()
    figure, grid = plt.subplots(
        len(hashes),
        1 + len(maps),
        figsize=(1.9 * (1 + len(maps)), 1.9 * len(hashes)),
        layout="constrained",
        squeeze=False,
    )
    images = images_by_hash(np.array(hashes, np.uint64), dataset)
    for row, image_hash, image in zip(grid, hashes, images, strict=True):
        thumbnail(row[0], image, f"label: {emotion}")
        for axes, by_hash in zip(row[1:], samples.values(), strict=True):
            sample = by_hash.get(image_hash)
            text = f"predicted: {sample['prediction']}" if sample else NOT_RECORDED
            thumbnail(axes, image, text, explain_gray=False)
            if sample:
                style = {"cmap": "inferno", "alpha": 0.5, "vmin": 0, "vmax": 1}
                axes.imshow(sample["map"], extent=_EXTENT, interpolation="bilinear", **style)
    for axes, title in zip(grid[0], ["", *maps], strict=True):
        axes.set_title(f"{title}\n{axes.get_title()}".strip(), fontsize=8)
    return finish(figure)


@placeholder_if_missing
def mean_grad_cams(maps: dict[str, dict[str, list]]) -> Figure:
    """Mean Grad-CAM of each true class, a row per model and a column per emotion.

    Args:
        maps: as `analysis.grad_cam.recorded_mean_maps` returns them.
    """
    columns = len(EMOTION_NAMES)
    size = {"figsize": (columns, 0.3 + 0.95 * len(maps)), "layout": "constrained"}
    figure, grid = plt.subplots(len(maps), columns, squeeze=False, **size)
    for row, (title, by_emotion) in zip(grid, maps.items(), strict=True):
        for axes, name in zip(row, EMOTION_NAMES, strict=True):
            drawn = axes.imshow(by_emotion[name], cmap="inferno", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(title.replace(", ", ",\n"), fontsize=9)
    for axes, name, color in zip(grid[0], EMOTION_NAMES, COLORS, strict=True):
        axes.set_title(name, fontsize=9, color=color)
    figure.colorbar(drawn, ax=grid, label="mean Grad-CAM", shrink=0.6)
    return finish(figure, recorded=True)


@placeholder_if_missing
def deletion_curves(curves: pd.DataFrame) -> Figure:
    """Mean probability of the predicted class against the fraction of pixels deleted.

    Args:
        curves: as `analysis.grad_cam.deletion_curves` returns them.
    """
    styles = model_styles(curves["model"])
    by_model = curves.groupby("model", sort=False)
    columns = min(3, len(by_model))
    rows = -(-len(by_model) // columns)
    size = {"figsize": (2.33 * columns, 2.5 * rows), "layout": "constrained"}
    figure, grid = plt.subplots(rows, columns, sharey=True, squeeze=False, **size)
    figure.get_layout_engine().set(h_pad=0.1)  # inches, from an axis to the title below
    for axes in grid.flat[len(by_model) :]:
        figure.delaxes(axes)
    for axes, (model, curve) in zip(grid.flat, by_model, strict=False):
        fractions = 100 * curve["fraction_removed"]
        line = {"color": styles[model].color, "marker": styles[model].marker, "markersize": 5}
        axes.plot(fractions, curve["grad_cam"], label="Grad-CAM", **line)
        line |= {"linestyle": ":", "fillstyle": "none"}
        axes.plot(fractions, curve["random"], label="random", **line)
        axes.set(xlabel="pixels deleted, %")
        axes.set_title(model, fontsize=9, fontweight="normal")
        axes.legend(fontsize=9)
    grid[0, 0].set_ylim(0)  # of all panels, once all lines are drawn
    for axes in grid[:, 0]:
        axes.set_ylabel("mean probability of\nthe predicted class")
    return finish(figure, recorded=True)
