"""Figures that compare models."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from fer_lib.data.dataset import Dataset
from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.data.readers import IMAGE_SIZE
from fer_lib.plotting.style import _finished, _looks, _placeholder, _placeholder_without_any_run
from fer_lib.plotting.training import _pictures, _thumbnail
from fer_lib.report.format import NOT_RECORDED
from fer_lib.runs.run import Run


def grad_cams(maps: dict[str, dict], emotion: str, dataset: Dataset | None) -> Figure:
    """Grad-CAM of each model's own answer over the first PrivateTest images of an emotion, a column
    for each model.

    Args:
        maps: by title, then by emotion, as `explain.sample_maps` returns them; None for a model
            that is not recorded yet.
    """
    by_hash = {
        title: mine and {image["hash"]: image for image in mine[emotion]}
        for title, mine in maps.items()
    }
    known = [images for images in by_hash.values() if images is not None]
    if not known:
        return _placeholder(NOT_RECORDED)
    hashes = np.array(list(known[0]), np.uint64)
    figure, grid = plt.subplots(
        len(hashes),
        1 + len(maps),
        figsize=(1.9 * (1 + len(maps)), 1.9 * len(hashes)),
        layout="constrained",
        squeeze=False,
    )
    for line, value, picture in zip(grid, hashes.tolist(), _pictures(hashes, dataset), strict=True):
        _thumbnail(line[0], picture, f"true: {emotion}")
        for axes, images in zip(line[1:], by_hash.values(), strict=True):
            image = images and images.get(value)
            _thumbnail(
                axes,
                picture,
                f"answer: {image['answer']}" if image else NOT_RECORDED,
                explain_grey=False,
            )
            if image:
                extent = (-0.5, IMAGE_SIZE - 0.5, IMAGE_SIZE - 0.5, -0.5)
                axes.imshow(
                    image["map"],
                    cmap="inferno",
                    alpha=0.5,
                    vmin=0,
                    vmax=1,
                    extent=extent,
                    interpolation="bilinear",
                )
    for axes, title in zip(grid[0], ["", *maps], strict=True):
        axes.set_title(f"{title}\n{axes.get_title()}".strip(), fontsize=8)
    return _finished(figure)


@_placeholder_without_any_run
def accuracy_comparison(runs: dict[str, Run | None]) -> Figure:
    """Accuracy of each recorded model with its 95 % interval, on PrivateTest and on both test
    splits together."""
    figure, axes = plt.subplots(figsize=(7, 1.1 + 0.55 * len(runs)), layout="constrained")
    shown = (
        ("private_test", "PrivateTest", -0.12, "o", "#222222"),
        ("both", "both (contains the selection set)", 0.12, "s", "#0072B2"),
    )
    for split, title, offset, marker, colour in shown:
        values = np.array([run.metrics[split]["accuracy"] for run in runs.values()])
        limits = np.array([run.metrics[split]["intervals"]["accuracy"] for run in runs.values()])
        errors = 100 * np.abs(limits - values[:, None]).T
        axes.errorbar(
            100 * values,
            np.arange(len(runs)) + offset,
            xerr=errors,
            fmt=marker,
            color=colour,
            capsize=3,
            label=title,
        )
    titles = [textwrap.fill(title, 24) for title in runs]
    axes.set(yticks=range(len(runs)), yticklabels=titles, xlabel="accuracy, %, with 95 % interval")
    axes.set_ylim(len(runs) - 0.5, -0.5)
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return _finished(figure)


@_placeholder_without_any_run
def per_class_f1(runs: dict[str, Run | None]) -> Figure:
    """F1 by emotion on PrivateTest, a dot for each recorded model."""
    figure, axes = plt.subplots(figsize=(8, 3.8), layout="constrained")
    looks = _looks(runs)
    for index, (title, run) in enumerate(runs.items()):
        colour, marker, _ = looks[title]
        values = [run.metrics["private_test"]["per_class"][name]["f1"] for name in EMOTION_NAMES]
        places = np.arange(len(EMOTION_NAMES)) + 0.12 * (index - (len(runs) - 1) / 2)
        axes.plot(places, values, marker, color=colour, label=title)
    axes.set(xticks=range(len(EMOTION_NAMES)), xticklabels=EMOTION_NAMES, ylabel="F1", ylim=(0, 1))
    for tick, colour in zip(axes.get_xticklabels(), COLORS, strict=True):
        tick.set_color(colour)
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return _finished(figure)
