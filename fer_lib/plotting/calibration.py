"""Figures of calibration and selective prediction."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from fer_lib.evaluation.calibration import selective_accuracy
from fer_lib.plotting.style import finish, model_lines, model_styles, placeholder_if_missing
from fer_lib.runs.predictions import Predictor

FEWEST_IN_BIN = 20  # accuracy over fewer images is too noisy to draw
LEAST_COVERAGE = 0.05


@placeholder_if_missing
def reliability_diagram(table: pd.DataFrame) -> Figure:
    """Draw accuracy against confidence, before and after temperature scaling.

    Args:
        table: as `analysis.calibration.reliability_table` returns it. Bins of fewer than 20 images
            are left out.
    """
    figure, panels = plt.subplots(1, 2, figsize=(7, 4.2), sharey=True, layout="constrained")
    table = table[table["count"] >= FEWEST_IN_BIN]
    percent = table.assign(x=100 * table["confidence"], y=100 * table["accuracy"])
    for axes, scaled in zip(panels, (False, True), strict=True):
        model_lines(axes, percent[percent["scaled"] == scaled], "x", "y", markersize=5)
        axes.plot([0, 100], [0, 100], color="#888888", linewidth=1, label="perfect calibration")
        title = "after temperature scaling" if scaled else "before temperature scaling"
        axes.set(title=title, xlabel="confidence, %", xlim=(0, 100), ylim=(0, 100))
    panels[0].set_ylabel("accuracy, %")
    lines = panels[0].get_lines()
    figure.legend(handles=lines, fontsize=9, loc="outside lower center", ncols=min(3, len(lines)))
    return finish(figure)


@placeholder_if_missing
def selective_prediction(predictors: dict[str, Predictor | None]) -> Figure:
    """Draw accuracy on PrivateTest against coverage, the most confident predictions first.

    Args:
        predictors: by title; None for one that is not recorded.
    """
    figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
    styles = model_styles(predictors)
    for title, predictor in predictors.items():
        private = predictor.predictions["private_test"]
        coverage, accuracy = selective_accuracy(private.logits, private.labels)
        drawn = coverage >= LEAST_COVERAGE
        axes.plot(
            100 * coverage[drawn],
            100 * accuracy[drawn],
            color=styles[title].color,
            linestyle=styles[title].linestyle,
            label=title,
        )
    axes.set(xlabel="coverage, %", ylabel="accuracy, %", xlim=(0, 100), ylim=(0, 100))
    axes.legend(fontsize=9, loc="lower left")
    return finish(figure)
