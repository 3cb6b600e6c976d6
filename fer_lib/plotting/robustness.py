"""Figures of robustness."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.analysis.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from fer_lib.analysis.robustness import CLEAN
from fer_lib.analysis.verdict import Verdict
from fer_lib.plotting.style import (
    PRIVATE_TEST_COLOR,
    finish,
    interval_bars,
    placeholder_if_missing,
)

_COLUMNS = 4


def corruption_examples(face: np.ndarray) -> Figure:
    """Draw a face without corruption and under each corruption, of severity 3.

    Args:
        face: uint8 [48, 48].
    """
    images = {CLEAN: face}
    for name, corruption in CORRUPTIONS.items():
        images[corruption.title] = corrupt(face[None], name, 3)[0]
    rows = -(-len(images) // _COLUMNS)
    figure, grid = plt.subplots(rows, _COLUMNS, figsize=(6.4, 1.8 * rows), layout="constrained")
    for axes in grid.flat:
        axes.axis("off")
    for axes, (title, image) in zip(grid.flat, images.items(), strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        axes.set_title(title, fontsize=9, fontweight="normal")
    return finish(figure, recorded=True)


@placeholder_if_missing
def differences_by_severity(differences: pd.DataFrame) -> Figure:
    """Draw the differences of two models against severity, a panel per corruption.

    A filled marker is a difference whose p-value, corrected by Holm, is at most 5 %.

    Args:
        differences: as `analysis.robustness.severity_differences` returns them. Clean images are
            severity 0 of every panel.
    """
    rows = -(-len(CORRUPTIONS) // _COLUMNS)
    figure, grid = plt.subplots(
        rows, _COLUMNS, figsize=(7, 1.7 * rows), sharex=True, sharey=True, layout="constrained"
    )
    panels, rest = np.split(grid.ravel(), [len(CORRUPTIONS)])
    for axes in rest:
        axes.axis("off")
    percent = differences.assign(detected=differences["verdict"] != Verdict.INCONCLUSIVE)
    limits = [f"accuracy_difference{end}" for end in ("", "_low", "_high")]
    percent[limits] *= 100
    clean = percent[percent["corruption"] == CLEAN]
    for axes, name in zip(panels, CORRUPTIONS, strict=True):
        table = pd.concat([clean, percent[percent["corruption"] == name]])
        axes.axhline(0, color="#888888", linewidth=1)
        for detected, rows in table.groupby("detected"):
            interval_bars(
                axes,
                rows["severity"],
                rows[limits],
                "y",
                fmt="o",
                markersize=5,
                color=PRIVATE_TEST_COLOR,
                markerfacecolor=PRIVATE_TEST_COLOR if detected else "white",
            )
        axes.set_title(CORRUPTIONS[name].title, fontsize=9, fontweight="normal")
        axes.set_xticks((0, *SEVERITIES))
        axes.tick_params(labelsize=9)
    for axes in panels[-_COLUMNS:]:  # the lowest panel of each column
        axes.set_xlabel("severity", fontsize=9)
        axes.tick_params(labelbottom=True)
    for axes in panels[::_COLUMNS]:
        axes.set_ylabel("difference, points", fontsize=9)
    return finish(figure, recorded=True)
