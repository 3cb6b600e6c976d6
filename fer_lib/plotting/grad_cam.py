"""Figures of Grad-CAM and its deletion test."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_lib.analysis.example_faces import ExamplePredictions
from fer_lib.analysis.grad_cam import GRAD_CAM_EMOTIONS
from fer_lib.data.dataset import Dataset
from fer_lib.data.example_faces import example_faces
from fer_lib.data.labels import COLORS, EMOTION_NAMES, IMAGE_SIZE
from fer_lib.plotting.predictions import RIGHT, WRONG, images_by_hash
from fer_lib.plotting.style import finish, model_styles, placeholder, placeholder_if_missing
from fer_lib.report.format import NOT_RECORDED

_EXTENT = (-0.5, IMAGE_SIZE - 0.5, IMAGE_SIZE - 0.5, -0.5)


def grad_cams(
    examples: dict[str, ExamplePredictions | None],
    maps: dict[str, dict | None],
    dataset: Dataset | None,
) -> Figure:
    """Grad-CAM of each model's predicted class, a row per image and a column per model.

    The first image is the astronaut's face. The first two PrivateTest images of each emotion follow
    where the data set is at hand, with a check mark or a cross at the predicted class.

    Args:
        examples: predictions and maps for the example faces by title; None for a model that is not
            recorded.
        maps: by title, then by emotion, as `analysis.grad_cam.sample_maps` returns them, or None.
        dataset: where the images come from; without it, they are left out.
    """
    if not any(examples.values()):
        return placeholder()
    astronaut = example_faces()[0]
    rows = [("astronaut", astronaut.image, None, [_example(each) for each in examples.values()])]
    if dataset is not None:
        rows += [row for emotion in GRAD_CAM_EMOTIONS for row in _samples(maps, emotion, dataset)]
    size = {"figsize": (7, 0.4 + 1.75 * len(rows)), "layout": "constrained", "squeeze": False}
    figure, grid = plt.subplots(len(rows), 1 + len(examples), **size)
    for line, (title, image, label, explained) in zip(grid, rows, strict=True):
        _show(line[0], image, title)
        for axes, each in zip(line[1:], explained, strict=True):
            if each is None:
                _show(axes, image, NOT_RECORDED)
                continue
            prediction, values = each
            symbol = "" if label is None else f"{RIGHT if prediction == label else WRONG} "
            _show(axes, image, symbol + prediction)
            style = {"cmap": "inferno", "alpha": 0.5, "vmin": 0, "vmax": 1}
            axes.imshow(values, extent=_EXTENT, interpolation="bilinear", **style)
    for axes, title in zip(grid[0, 1:], examples, strict=True):
        axes.set_title(textwrap.fill(title, 16), fontsize=10)
    return finish(figure)


def _example(predictions: ExamplePredictions | None) -> tuple[str, np.ndarray] | None:
    """The predicted class of the first example face, and its map."""
    if predictions is None:
        return None
    return EMOTION_NAMES[predictions.probabilities[0].argmax()], predictions.maps[0]


def _samples(maps: dict[str, dict | None], emotion: str, dataset: Dataset) -> list[tuple]:
    """The rows of the first two images of an emotion."""
    by_model = [
        {each["hash"]: (each["prediction"], each["map"]) for each in by_emotion[emotion]}
        if by_emotion
        else {}
        for by_emotion in maps.values()
    ]
    hashes = next((list(by_hash)[:2] for by_hash in by_model if by_hash), [])
    images = images_by_hash(np.array(hashes, np.uint64), dataset)
    return [
        (f"label: {emotion}", image, emotion, [by_hash.get(image_hash) for by_hash in by_model])
        for image_hash, image in zip(hashes, images, strict=True)
        if image is not None
    ]


def _show(axes: Axes, image: np.ndarray, text: str) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(text, fontsize=10)


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
