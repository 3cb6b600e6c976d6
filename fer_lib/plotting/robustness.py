"""Figures of robustness."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.analysis.robustness import CLEAN, CORRUPTIONS, SEVERITIES, corrupt
from fer_lib.plotting.style import finish, model_lines, placeholder_if_missing

_COLUMNS = 4


def corruption_examples(face: np.ndarray, severity: int = 3) -> Figure:
    """Draw a face without corruption and under each corruption.

    Args:
        face: uint8 [48, 48].
        severity: 1–5.
    """
    images = {CLEAN: face}
    for name, corruption in CORRUPTIONS.items():
        images[corruption.title] = corrupt(face[None], name, severity)[0]
    rows = -(-len(images) // _COLUMNS)
    figure, grid = plt.subplots(rows, _COLUMNS, figsize=(6.4, 1.8 * rows), layout="constrained")
    for axes in grid.flat:
        axes.axis("off")
    for axes, (title, image) in zip(grid.flat, images.items(), strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        axes.set_title(title, fontsize=9, fontweight="normal")
    return finish(figure, recorded=True)


@placeholder_if_missing
def accuracy_by_severity(accuracies: pd.DataFrame) -> Figure:
    """Draw accuracy against severity, a panel per corruption and a line per model.

    Args:
        accuracies: as `analysis.robustness.corruption_accuracies` returns them. Clean images are
            severity 0 of every panel.
    """
    rows = -(-len(CORRUPTIONS) // _COLUMNS)
    figure, grid = plt.subplots(
        rows, _COLUMNS, figsize=(7, 2 * rows), sharex=True, sharey=True, layout="constrained"
    )
    clean = accuracies[accuracies["corruption"] == CLEAN]
    for axes, (name, corruption) in zip(grid.flat, CORRUPTIONS.items(), strict=False):
        table = pd.concat([clean, accuracies[accuracies["corruption"] == name]])
        table = table.assign(percent=100 * table["accuracy"])
        model_lines(axes, table, "severity", "percent", markersize=4, linewidth=1.2)
        axes.set_title(corruption.title, fontsize=9, fontweight="normal")
        axes.set(xticks=(0, *SEVERITIES), ylim=(0, 80))
        axes.tick_params(labelsize=9)
    for axes in grid.flat[len(CORRUPTIONS) :]:
        axes.axis("off")
    for axes in grid.flat[: len(CORRUPTIONS)][-_COLUMNS:]:  # the lowest panel of each column
        axes.set_xlabel("severity", fontsize=9)
        axes.tick_params(labelbottom=True)
    for axes in grid[:, 0]:
        axes.set_ylabel("accuracy, %", fontsize=9)
    lines = grid[0, 0].get_lines()
    figure.legend(handles=lines, fontsize=9, loc="outside lower center", ncols=min(3, len(lines)))
    return finish(figure, recorded=True)
