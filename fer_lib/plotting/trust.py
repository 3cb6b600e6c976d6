"""Figures on label noise, calibration, robustness and explanation."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from fer_lib.analysis.grad_cam import DELETION_PATH
from fer_lib.analysis.label_noise import LABEL_NOISE_PATH
from fer_lib.analysis.robustness import CORRUPTIONS, ROBUSTNESS_PATH, SEVERITIES
from fer_lib.analysis.trust import calibrated, recorded
from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.evaluation.calibration import reliability_bins, selective_accuracy
from fer_lib.io import read_json
from fer_lib.plotting.style import _finished, _looks, _placeholder, _placeholder_without_any_run
from fer_lib.plotting.training import _matrix
from fer_lib.report.format import NOT_RECORDED
from fer_lib.runs.run import Run


def labels_against_votes() -> Figure:
    """What the majority of FER+'s annotators sees in the pictures of each of FER2013's labels."""
    counts = np.array(read_json(LABEL_NOISE_PATH)["labels"]["confusion"])
    return _finished(
        _matrix(counts, "FER+ majority", "FER2013's label", "share of the label"), recorded=True
    )


def accuracy_by_votes(runs: dict[str, Run | None]) -> Figure:
    """Accuracy on PrivateTest by how many of the ten annotators agree, against FER2013's label and
    against their answer."""
    found = {title: recorded(LABEL_NOISE_PATH, run, "runs") for title, run in runs.items()}
    known = {title: mine["by_votes"] for title, mine in found.items() if mine}
    if not known:
        return _placeholder(NOT_RECORDED)
    looks = _looks(known)
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
    for axes, column, title in zip(
        panels, (2, 3), ("against FER2013's label", "against the annotators' answer"), strict=True
    ):
        for name, rows in known.items():
            colour, marker, _ = looks[name]
            votes, values = [row[0] for row in rows], [100 * row[column] for row in rows]
            axes.plot(votes, values, marker=marker, color=colour, label=name)
        axes.set(title=title, xlabel="annotators who agree", ylim=(0, 100))
    panels[0].set_ylabel("accuracy, %")
    panels[1].legend(fontsize=8, loc="lower right")
    return _finished(figure, recorded=True)


@_placeholder_without_any_run
def reliability(runs: dict[str, Run | None]) -> Figure:
    """How often answers are right against how sure the network is, before and after temperature
    scaling, on PrivateTest."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
    looks = _looks(runs)
    for title, run in runs.items():
        colour, marker, _ = looks[title]
        logits, labels, temperature = calibrated(run)
        for axes, values in zip(panels, (logits, logits / temperature), strict=True):
            bins = reliability_bins(values, labels)
            filled = bins["count"] >= 20  # of fewer images the share is chance
            axes.plot(
                100 * bins["confidence"][filled],
                100 * bins["accuracy"][filled],
                marker=marker,
                markersize=5,
                color=colour,
                label=title,
            )
    for axes, title in zip(panels, ("as trained", "scaled by a temperature"), strict=True):
        axes.plot([0, 100], [0, 100], color="#888888", linestyle="--", linewidth=1)
        axes.set(
            title=title, xlabel="mean probability of the answer, %", xlim=(0, 100), ylim=(0, 100)
        )
    panels[0].set_ylabel("answers that are right, %")
    panels[1].legend(fontsize=8, loc="lower right")
    return _finished(figure)


@_placeholder_without_any_run
def coverage(runs: dict[str, Run | None]) -> Figure:
    """Accuracy on PrivateTest against the share of images that are answered, the surest first."""
    figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
    looks = _looks(runs)
    for title, run in runs.items():
        colour, _, line = looks[title]
        share, accuracy = selective_accuracy(
            run.predictions["private_test_logits"], run.predictions["private_test_labels"]
        )
        shown = share >= 0.05  # of fewer images the accuracy is chance
        axes.plot(
            100 * share[shown], 100 * accuracy[shown], linestyle=line, color=colour, label=title
        )
    axes.set(xlabel="images answered, %", ylabel="accuracy, %", xlim=(0, 100), ylim=(None, 100))
    axes.legend(fontsize=8, loc="lower left")
    return _finished(figure)


def robustness(runs: dict[str, Run | None]) -> Figure:
    """Accuracy on PrivateTest under each corruption and severity, a heat map for each recorded
    network."""
    found = {title: recorded(ROBUSTNESS_PATH, run, "runs") for title, run in runs.items()}
    known = {title: mine for title, mine in found.items() if mine}
    if not known:
        return _placeholder(NOT_RECORDED)
    columns = min(2, len(known))
    lines = -(-len(known) // columns)
    figure, grid = plt.subplots(
        lines,
        columns,
        figsize=(5 * columns, 4.2 * lines),
        layout="constrained",
        squeeze=False,
        sharey=True,
    )
    for axes in grid.flat[len(known) :]:
        axes.axis("off")
    for axes, (title, mine) in zip(grid.flat, known.items(), strict=False):
        values = 100 * np.array([[mine["clean"], *mine[name]] for name in CORRUPTIONS])
        sns.heatmap(
            values, vmin=15, vmax=75, cmap="cividis", annot=True, fmt=".0f", annot_kws={"fontsize": 8}, ax=axes, cbar=False,
            xticklabels=["clean", *SEVERITIES], yticklabels=list(CORRUPTIONS),
        )  # fmt: skip
        axes.set(title=title, xlabel="severity")
        axes.tick_params(axis="y", rotation=0)
    return _finished(figure, recorded=True)


def mean_grad_cams(runs: dict[str, Run | None]) -> Figure:
    """Grad-CAM of the true class averaged over PrivateTest, a row for each network, a column for
    each emotion."""
    found = {title: recorded(DELETION_PATH, run) for title, run in runs.items()}
    known = {title: mine["mean_maps"] for title, mine in found.items() if mine}
    if not known:
        return _placeholder(NOT_RECORDED)
    figure, grid = plt.subplots(
        len(known),
        len(EMOTION_NAMES),
        figsize=(1.35 * len(EMOTION_NAMES), 1.6 * len(known)),
        layout="constrained",
        squeeze=False,
    )
    for line, (title, maps) in zip(grid, known.items(), strict=True):
        for axes, name, colour in zip(line, EMOTION_NAMES, COLORS, strict=True):
            axes.imshow(maps[name], cmap="inferno", vmin=0, vmax=1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.set_title(name, fontsize=9, color=colour)
        line[0].set_ylabel(title.replace(", ", ",\n"), fontsize=8)
    return _finished(figure, recorded=True)


def deletion(runs: dict[str, Run | None]) -> Figure:
    """The mean probability of a network's answer against the share of pixels taken away, chosen by
    Grad-CAM and at random."""
    found = {title: recorded(DELETION_PATH, run) for title, run in runs.items()}
    known = {title: mine["deletion"] for title, mine in found.items() if mine}
    if not known:
        return _placeholder(NOT_RECORDED)
    figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
    looks = _looks(known)
    for title, mine in known.items():
        colour, marker, _ = looks[title]
        share = 100 * np.array(mine["fraction_removed"])
        axes.plot(share, mine["grad_cam"], marker=marker, color=colour, label=f"{title}: Grad-CAM")
        axes.plot(
            share,
            mine["random"],
            marker=marker,
            color=colour,
            linestyle=":",
            fillstyle="none",
            label=f"{title}: random",
        )
    axes.set(xlabel="pixels taken away, %", ylabel="mean probability of the answer", ylim=(0, None))
    axes.legend(fontsize=8)
    return _finished(figure, recorded=True)
