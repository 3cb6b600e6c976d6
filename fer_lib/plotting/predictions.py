"""Figures of the probabilities that several models predict for single images."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fer_lib.analysis.example_faces import ExamplePredictions
from fer_lib.data.dataset import Dataset
from fer_lib.data.example_faces import example_faces
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.plotting.style import finish, placeholder
from fer_lib.report.format import NOT_RECORDED
from fer_lib.runs.predictions import Predictor

RIGHT, WRONG = "\N{CHECK MARK}", "\N{BALLOT X}"
_WRONG_COLOR = "#B00020"


def sample_predictions(
    predictors: dict[str, Predictor | None], emotion: str, dataset: Dataset | None
) -> Figure:
    """The first four PrivateTest images of an emotion, and what each model predicts for them.

    The images are the same for all models. Without the data set the figure has no images.

    Args:
        predictors: by title; the row of a model that is None says so.
    """
    by_title = {
        title: predictor and predictor.predictions["private_test"]
        for title, predictor in predictors.items()
    }
    first = next((each for each in by_title.values() if each is not None), None)
    if first is None:
        return placeholder()
    rows = first.first_of_class(EMOTION_NAMES.index(emotion), 4)
    hashes, probabilities = first.hashes[rows], []
    for image_hash in hashes:
        same = [each and each[each.hashes == image_hash] for each in by_title.values()]
        probabilities.append([each and each.probabilities[0] for each in same])
    images = images_by_hash(hashes, dataset) if dataset else None
    titles = [f"{emotion} {number}" for number in range(1, len(rows) + 1)]
    return _figure(titles, images, [emotion] * len(rows), probabilities, list(by_title))


def example_predictions(predictions: dict[str, ExamplePredictions | None]) -> Figure:
    """The example faces, and what each model predicts for them.

    Args:
        predictions: by title; the row of a model that is None says so.
    """
    if not any(predictions.values()):
        return placeholder()
    faces = example_faces()
    probabilities = [
        [each and each.probabilities[index] for each in predictions.values()]
        for index in range(len(faces))
    ]
    titles, images = [face.title for face in faces], [face.image for face in faces]
    return _figure(titles, images, [f.label for f in faces], probabilities, list(predictions))


def _figure(
    titles: list[str],
    images: list[np.ndarray | None] | None,
    labels: list[str | None],
    probabilities: list[list[np.ndarray | None]],
    models: list[str],
) -> Figure:
    """A row per image: the image, and a matrix of the models' probabilities."""
    width = [1, 4] if images is not None else [0.001, 4]
    figure, grid = plt.subplots(
        len(titles),
        2,
        figsize=(7, 0.5 + (0.35 + 0.27 * len(models)) * len(titles)),
        layout="constrained",
        squeeze=False,
        width_ratios=width,
    )
    for index, (left, right) in enumerate(grid):
        left.axis("off")
        if images is not None and images[index] is not None:
            left.imshow(images[index], cmap="gray", vmin=0, vmax=255)
            left.set_title(titles[index], fontsize=9, fontweight="normal")
        else:
            right.set_ylabel(titles[index], fontsize=9)
        _probability_matrix(right, probabilities[index], models, labels[index])
    for right in grid[1:, 1]:
        right.tick_params(labeltop=False)
    return finish(figure)


def _probability_matrix(
    axes: Axes, probabilities: list[np.ndarray | None], models: list[str], label: str | None
) -> None:
    """A row per model and a column per emotion, in percent, with the predicted class framed.

    A check mark or a cross at the end of a row says whether it is the label.
    """
    empty = np.zeros(len(EMOTION_NAMES))
    values = np.array([empty if each is None else each for each in probabilities])
    axes.imshow(values, cmap="Greys", vmin=0, vmax=1.8, aspect="auto")
    for row, each in enumerate(probabilities):
        if each is None:
            axes.text(3, row, NOT_RECORDED, ha="center", va="center", fontsize=9)
            continue
        predicted = int(np.argmax(each))
        for column, value in enumerate(each):
            weight = "bold" if column == predicted else "normal"
            style = {"ha": "center", "va": "center", "fontsize": 9, "fontweight": weight}
            axes.text(column, row, f"{100 * value:.0f}", **style)
        axes.add_patch(
            Rectangle(
                (predicted - 0.48, row - 0.46),
                0.96,
                0.92,
                fill=False,
                edgecolor="black",
                linewidth=1.5,
            )
        )
        if label is not None:
            mark(axes, (len(EMOTION_NAMES) - 0.4, row), EMOTION_NAMES[predicted] == label)
    names = range(len(EMOTION_NAMES))
    axes.set_xticks(names, EMOTION_NAMES, fontsize=9)
    axes.set_yticks(range(len(models)), models, fontsize=9)
    axes.tick_params(top=False, bottom=False, left=False, labeltop=True, labelbottom=False)
    axes.grid(visible=False)
    if label is not None:
        axes.get_xticklabels()[EMOTION_NAMES.index(label)].set_fontweight("bold")


def mark(axes: Axes, position: tuple[float, float], correct: bool) -> None:
    """Write a check mark or a cross at a position in the data's coordinates."""
    symbol, color = (RIGHT, "black") if correct else (WRONG, _WRONG_COLOR)
    style = {"ha": "left", "va": "center", "fontsize": 12, "color": color, "clip_on": False}
    axes.text(*position, symbol, **style)


def images_by_hash(hashes: np.ndarray, dataset: Dataset | None) -> list[np.ndarray | None]:
    """The PrivateTest images of some hashes, each uint8 [48, 48], or None where it is missing."""
    if dataset is None:
        return [None] * len(hashes)
    split = dataset.private_test
    images = dict(zip(split.hashes.tolist(), split.images, strict=True))
    return [images.get(value) for value in hashes.tolist()]
