"""The figures of the report. Each function draws one figure from data and returns it.

A run that is not recorded yet (None) gives a figure that says so, so that pages hold before every
run exists.
"""

import functools
import itertools
import textwrap
from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from fer_lib import (
    baselines,
    beyond,
    calibration,
    corruptions,
    duplicates,
    evaluation,
    explain,
    ferplus,
    trust,
)
from fer_lib.data import Dataset
from fer_lib.emotions import COLOURS, NAMES
from fer_lib.experiments import ABLATIONS, EXPERIMENTS, SHOWN
from fer_lib.files import read_json
from fer_lib.formats import SIDE
from fer_lib.profiles import Profile
from fer_lib.runs import Run, first_images
from fer_lib.tables import NOT_RECORDED

# The models' colours differ from the emotions' by being used with the models' names beside them;
# Okabe–Ito again.
TRAIN_COLOUR, VALIDATION_COLOUR = "#0072B2", "#D55E00"
_OURS = "#0072B2"
_MODEL_COLOURS = ("#222222", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00")
_MARKERS = ("o", "s", "D", "^", "v", "P")
_LINES = (":", "-", "--", "-.", (0, (1, 1)), (0, (5, 1)))
_MODELS = (baselines.CONFIGURATION["title"], *(EXPERIMENTS[name].title for name in SHOWN))


def _looks(titles: Iterable[str]) -> dict[str, tuple]:
    """Colour, marker and line of each model: those that the report compares look the same in every
    figure."""
    every = dict.fromkeys((*_MODELS, *titles))
    return dict(
        zip(
            every, itertools.cycle(zip(_MODEL_COLOURS, _MARKERS, _LINES, strict=True)), strict=False
        )
    )


def use(profile: Profile) -> None:
    """Set the style of every later figure, and the mark of the profile."""
    sns.set_theme(
        context="notebook",
        style="whitegrid",
        rc={
            "figure.dpi": 110,
            "savefig.bbox": "tight",
            "axes.titleweight": "bold",
            "axes.titlesize": 11,
            "font.size": 10,
            "font.sans-serif": ["DejaVu Sans"],
        },
    )
    global _mark
    _mark = profile.mark


_mark = ""


def _finished(figure: Figure, recorded: bool = False) -> Figure:
    """Mark the figure, and keep Jupyter from showing it twice.

    Args:
        recorded: drawn from a record, which is of FER2013 in every profile, so that the mark
            would be wrong.
    """
    if _mark and not recorded:
        figure.text(0.995, 1.0, _mark, ha="right", va="bottom", fontsize=8, color="#B00020")
    plt.close(figure)
    return figure


def _placeholder_without_run(draw):
    @functools.wraps(draw)
    def wrapper(run, *arguments, **keywords):
        return _placeholder(NOT_RECORDED) if run is None else draw(run, *arguments, **keywords)

    return wrapper


def _placeholder_without_any_run(draw):
    """The same for runs by title: drawn are those that are recorded."""

    @functools.wraps(draw)
    def wrapper(runs):
        known = {title: run for title, run in runs.items() if run is not None}
        return draw(known) if known else _placeholder(NOT_RECORDED)

    return wrapper


def _placeholder(text: str) -> Figure:
    figure, axes = plt.subplots(figsize=(6, 1.5))
    axes.axis("off")
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=12, color="#555555")
    return _finished(figure)


def class_distribution(counts: dict[str, dict[str, int]]) -> Figure:
    """Bars of the share of each emotion in Training and in the two test splits together, with the
    counts.

    Args:
        counts: by split (`Training`, `PublicTest`, `PrivateTest`), then by emotion.
    """
    test = {name: counts["PublicTest"][name] + counts["PrivateTest"][name] for name in NAMES}
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
    for axes, (title, values) in zip(
        panels,
        {"Training": counts["Training"], "PublicTest and PrivateTest": test}.items(),
        strict=True,
    ):
        numbers = np.array([values[name] for name in NAMES])
        bars = axes.bar(NAMES, 100 * numbers / numbers.sum(), color=COLOURS)
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
        len(NAMES), columns, figsize=(columns, len(NAMES)), layout="constrained"
    )
    for label, (name, row) in enumerate(zip(NAMES, grid, strict=True)):
        chosen = np.flatnonzero(labels == label)[:columns]
        for axes in row:
            axes.axis("off")
        for axes, index in zip(row, chosen, strict=False):
            axes.imshow(images[index], cmap="gray", vmin=0, vmax=255)
        row[0].set_title(name, loc="left", fontsize=9, color=COLOURS[label])
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


@_placeholder_without_run
def curves(run: Run) -> Figure:
    """Accuracy and loss by epoch on Training and PublicTest, with the chosen epoch marked, or those
    whose weights are averaged."""
    history, best, averaged = run.history, run.config["best_epoch"], run.experiment.averaged_epochs
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    for axes, (title, column, scale) in zip(
        panels, [("Accuracy, %", "accuracy", 100), ("Loss", "loss", 1)], strict=True
    ):
        axes.plot(
            history["epoch"],
            scale * history[column],
            color=TRAIN_COLOUR,
            label="Training (augmented, with dropout)",
        )
        axes.plot(
            history["epoch"],
            scale * history[f"val_{column}"],
            color=VALIDATION_COLOUR,
            label="PublicTest",
        )
        if averaged:
            axes.axvspan(
                len(history) - averaged + 0.5,
                len(history) + 0.5,
                color="#444444",
                alpha=0.12,
                label="weights averaged",
            )
        else:
            axes.axvline(
                best, color="#444444", linestyle="--", linewidth=1, label=f"chosen epoch ({best})"
            )
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[1].legend(fontsize=8)
    return _finished(figure)


@_placeholder_without_run
def confusion(run: Run) -> Figure:
    """The confusion matrix on PrivateTest: shares of each true class as colour, counts as
    numbers."""
    return _finished(
        _matrix(
            np.array(run.metrics["private_test"]["confusion"]),
            "predicted",
            "true",
            "share of the true class",
        )
    )


def _matrix(counts: np.ndarray, columns: str, rows: str, colour: str) -> Figure:
    """A heat map of the shares of each row's sum, with the counts."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(6.2, 5), layout="constrained")
    notes = [
        [f"{share:.0%}\n{n}" for share, n in zip(*row, strict=True)]
        for row in zip(shares, counts, strict=True)
    ]
    sns.heatmap(
        shares, vmin=0, vmax=1, cmap="cividis", annot=np.array(notes), fmt="", annot_kws={"fontsize": 8}, ax=axes,
        xticklabels=NAMES, yticklabels=NAMES, cbar_kws={"label": colour},
    )  # fmt: skip
    axes.set(xlabel=columns, ylabel=rows)
    axes.tick_params(axis="x", rotation=35)
    axes.tick_params(axis="y", rotation=0)
    return figure


def samples(
    runs: dict[str, Run | None], emotion: str, dataset: Dataset | None, n: int = 4
) -> Figure:
    """The first `n` PrivateTest images of an emotion, and the probabilities that each model gives
    them.

    The images are the same for all models. Where the data set is not on this machine a labelled
    grey square stands in
    for the picture; nothing else changes.

    Args:
        runs: by title; those that are None are left out, and their columns say so.
    """
    label = NAMES.index(emotion)
    known = [run for run in runs.values() if run is not None]
    if not known:
        return _placeholder(NOT_RECORDED)
    rows = first_images(known[0], emotion, n)
    hashes = known[0].predictions["private_test_hashes"][rows]
    pictures = _pictures(hashes, dataset)
    ratios = [1, *[1.6] * len(runs)]
    figure, grid = plt.subplots(
        len(rows), len(ratios), figsize=(2 + 2.6 * len(runs), 1.75 * len(rows)), layout="constrained",
        squeeze=False, width_ratios=ratios,
    )  # fmt: skip
    for line, row, value, picture in zip(grid, rows, hashes, pictures, strict=True):
        _thumbnail(line[0], picture, f"{emotion}, row {row}")
        for axes, run in zip(line[1:], runs.values(), strict=True):
            _probability_bars(axes, run, value, label)
    for axes, title in zip(grid[0, 1:], runs, strict=True):
        axes.set_title(title, fontsize=9)
    return _finished(figure)


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
                extent = (-0.5, SIDE - 0.5, SIDE - 0.5, -0.5)
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


def _pictures(hashes: np.ndarray, dataset: Dataset | None) -> list[np.ndarray | None]:
    if dataset is None:
        return [None] * len(hashes)
    rows = {value: row for row, value in enumerate(dataset.private_test.hashes.tolist())}
    return [
        dataset.private_test.images[rows[value]] if value in rows else None
        for value in hashes.tolist()
    ]


def _thumbnail(axes, picture: np.ndarray | None, text: str, explain_grey: bool = True) -> None:
    axes.imshow(
        np.full((SIDE, SIDE), 200) if picture is None else picture, cmap="gray", vmin=0, vmax=255
    )
    if picture is None and explain_grey:
        axes.text(
            SIDE / 2,
            SIDE / 2,
            "this image of\nFER2013 is not\non this machine",
            ha="center",
            va="center",
            fontsize=7,
        )
    axes.set_title(text, fontsize=8)
    axes.axis("off")


def _probability_bars(axes, run: Run | None, image_hash: int, label: int) -> None:
    axes.set(xlim=(0, 1.2), xticks=np.linspace(0, 1, 6))  # room for the numbers behind the bars
    axes.set(ylim=(len(NAMES) - 0.5, -0.5), yticks=range(len(NAMES)), yticklabels=NAMES)
    axes.tick_params(labelsize=7)
    axes.get_yticklabels()[label].set_fontweight("bold")
    axes.grid(axis="y", visible=False)
    if run is None:
        axes.text(0.5, 3, NOT_RECORDED, ha="center", va="center", fontsize=8)
        return
    (row,) = np.flatnonzero(run.predictions["private_test_hashes"] == image_hash)[:1]
    values = evaluation.probabilities(run.predictions["private_test_logits"][row])
    axes.barh(range(len(NAMES)), values, color=COLOURS)
    for position, value in enumerate(values):
        axes.text(value + 0.02, position, f"{value:.2f}", va="center", fontsize=6)


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
        values = [run.metrics["private_test"]["per_class"][name]["f1"] for name in NAMES]
        places = np.arange(len(NAMES)) + 0.12 * (index - (len(runs) - 1) / 2)
        axes.plot(places, values, marker, color=colour, label=title)
    axes.set(xticks=range(len(NAMES)), xticklabels=NAMES, ylabel="F1", ylim=(0, 1))
    for tick, colour in zip(axes.get_xticklabels(), COLOURS, strict=True):
        tick.set_color(colour)
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return _finished(figure)


def near_duplicates() -> Figure:
    """The pairs of pictures that are alike when shrunk, by how far they agree in detail, and where
    the line is drawn."""
    bands = read_json(duplicates.RECORD)["bands"]
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    lows, highs, numbers = np.array(bands).T
    same = lows >= duplicates.DETAIL_THRESHOLD - 1e-9
    bars = axes.bar(
        lows,
        numbers,
        width=highs - lows,
        align="edge",
        color=np.where(same, "#0072B2", "#BBBBBB"),
        edgecolor="white",
    )
    axes.bar_label(bars, [f"{number:,.0f}" for number in numbers], fontsize=8, padding=2)
    axes.axvline(duplicates.DETAIL_THRESHOLD, color="#222222", linestyle="--", linewidth=1)
    axes.set(xlabel="correlation in detail", ylabel="pairs", xlim=(0, 1))
    axes.margins(y=0.1)  # room for the numbers
    return _finished(figure, recorded=True)


def labels_against_votes() -> Figure:
    """What the majority of FER+'s annotators sees in the pictures of each of FER2013's labels."""
    counts = np.array(read_json(ferplus.RECORD)["labels"]["confusion"])
    return _finished(
        _matrix(counts, "FER+ majority", "FER2013's label", "share of the label"), recorded=True
    )


def accuracy_by_votes(runs: dict[str, Run | None]) -> Figure:
    """Accuracy on PrivateTest by how many of the ten annotators agree, against FER2013's label and
    against their answer."""
    found = {title: trust.recorded(ferplus.RECORD, run, "runs") for title, run in runs.items()}
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
        logits, labels, temperature = trust.calibrated(run)
        for axes, values in zip(panels, (logits, logits / temperature), strict=True):
            bins = calibration.reliability(values, labels)
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
        share, accuracy = calibration.coverage(
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
    found = {title: trust.recorded(corruptions.RECORD, run, "runs") for title, run in runs.items()}
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
        values = 100 * np.array([[mine["clean"], *mine[name]] for name in corruptions.CORRUPTIONS])
        sns.heatmap(
            values, vmin=15, vmax=75, cmap="cividis", annot=True, fmt=".0f", annot_kws={"fontsize": 8}, ax=axes, cbar=False,
            xticklabels=["clean", *corruptions.SEVERITIES], yticklabels=list(corruptions.CORRUPTIONS),
        )  # fmt: skip
        axes.set(title=title, xlabel="severity")
        axes.tick_params(axis="y", rotation=0)
    return _finished(figure, recorded=True)


def mean_grad_cams(runs: dict[str, Run | None]) -> Figure:
    """Grad-CAM of the true class averaged over PrivateTest, a row for each network, a column for
    each emotion."""
    found = {title: trust.recorded(explain.DELETION_RECORD, run) for title, run in runs.items()}
    known = {title: mine["mean_maps"] for title, mine in found.items() if mine}
    if not known:
        return _placeholder(NOT_RECORDED)
    figure, grid = plt.subplots(
        len(known),
        len(NAMES),
        figsize=(1.35 * len(NAMES), 1.6 * len(known)),
        layout="constrained",
        squeeze=False,
    )
    for line, (title, maps) in zip(grid, known.items(), strict=True):
        for axes, name, colour in zip(line, NAMES, COLOURS, strict=True):
            axes.imshow(maps[name], cmap="inferno", vmin=0, vmax=1, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.set_title(name, fontsize=9, color=colour)
        line[0].set_ylabel(title.replace(", ", ",\n"), fontsize=8)
    return _finished(figure, recorded=True)


def deletion(runs: dict[str, Run | None]) -> Figure:
    """The mean probability of a network's answer against the share of pixels taken away, chosen by
    Grad-CAM and at random."""
    found = {title: trust.recorded(explain.DELETION_RECORD, run) for title, run in runs.items()}
    known = {title: mine["deletion"] for title, mine in found.items() if mine}
    if not known:
        return _placeholder(NOT_RECORDED)
    figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
    looks = _looks(known)
    for title, mine in known.items():
        colour, marker, _ = looks[title]
        share = 100 * np.array(mine["deleted"])
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


def ablations(runs: list[Run]) -> Figure:
    """What each ablation does to accuracy and macro-F1 on PublicTest: the mean with its 95 % paired
    interval, and each seed.

    Args:
        runs: every finished run.
    """
    found = beyond.paired_differences(runs, ABLATIONS)
    if not found:
        return _placeholder(NOT_RECORDED)
    figure, panels = plt.subplots(
        1, 2, figsize=(10, 1.2 + 0.38 * len(found)), sharey=True, layout="constrained"
    )
    for axes, (measure, title) in zip(panels, beyond.MEASURES.items(), strict=True):
        differences, lows, highs = 100 * np.array([mine[measure] for mine in found.values()]).T
        axes.errorbar(
            differences,
            range(len(found)),
            xerr=[differences - lows, highs - differences],
            fmt="o",
            color="#222222",
            capsize=3,
        )
        for row, mine in enumerate(found.values()):
            axes.plot(
                100 * np.array(mine["by_seed"][measure]),
                [row] * len(mine["seeds"]),
                "|",
                color=_OURS,
                markersize=12,
                markeredgewidth=2,
            )
        axes.axvline(0, color="#888888", linestyle="--", linewidth=1)
        axes.set(
            title=f"{title}, points",
            yticks=range(len(found)),
            yticklabels=[EXPERIMENTS[name].title for name in found],
        )
        axes.set_ylim(len(found) - 0.5, -0.5)
    return _finished(figure)


def sizes(networks: dict[str, Run | None], front: list[beyond.Ensemble]) -> Figure:
    """Accuracy on PrivateTest against parameters and multiply-adds: ours with intervals, published
    ones as they are claimed.

    Args:
        networks: the source's, by the experiments' names; those that are None are left out.
        front: those of our small networks that are joined by a line, as `beyond.pareto_front`
            orders them; its ends are named.
    """
    compared = [
        beyond.Ensemble(EXPERIMENTS[name].title, (run,)) for name, run in networks.items() if run
    ]
    joined, others = beyond.sizes(front), beyond.sizes(compared) + beyond.published_sizes()
    figure, panels = plt.subplots(2, 1, figsize=(7.5, 8), layout="constrained")
    for axes, measure, title in zip(
        panels,
        ("parameters", "multiply_adds"),
        ("parameters", "multiply-adds of an answer"),
        strict=True,
    ):
        if joined:
            axes.plot(
                [row[measure] for row in joined],
                [100 * row["accuracy"] for row in joined],
                color=_OURS,
                linewidth=1,
            )
            first, last = joined[0], joined[-1]
            axes.annotate(
                first["name"],
                (first[measure], 100 * first["accuracy"]),
                xytext=(-8, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=9,
            )
            if last is not first:  # above its interval, and to the left, where nothing is as small
                name = textwrap.fill(last["name"], 30)
                axes.annotate(
                    name,
                    (last[measure], 100 * last["interval"][1]),
                    xytext=(0, 4),
                    textcoords="offset points",
                    ha="right",
                    va="bottom",
                    fontsize=9,
                )
        for row in joined + others:
            if row[measure] is None:
                continue
            ours, accuracy = row["interval"] is not None, 100 * row["accuracy"]
            error = (
                100 * np.abs(np.array(row["interval"])[:, None] - row["accuracy"]) if ours else None
            )
            colour = _OURS if ours else "#D55E00" if row["fault"] else "#222222"
            axes.errorbar(
                row[measure],
                accuracy,
                yerr=error,
                fmt="o" if ours else "D",
                fillstyle="full" if ours else "none",
                color=colour,
                capsize=3,
            )
            if row not in joined:
                name = row["name"] + ("" if ours or not row["fault"] else " *")
                axes.annotate(
                    name,
                    (row[measure], accuracy),
                    xytext=(8, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=9,
                )
        axes.set(xscale="log", xlabel=title, ylabel="accuracy, %")
        axes.margins(x=0.3, y=0.1)  # room for the names
    return _finished(figure)


def edge(rows: list[dict]) -> Figure:
    """The time for one face, from the median to the 95th percentile, and the accuracy on PublicTest
    with its 95 % interval, of each form.

    Args:
        rows: as `benchmarks/edge.py` recorded them: on FER2013 in both profiles, so that no
            figure of `quick` is marked by it.
    """
    figure, (times, accuracies) = plt.subplots(
        1, 2, figsize=(10, 0.9 + 0.5 * len(rows)), sharey=True, layout="constrained"
    )
    colours = dict(zip(dict.fromkeys(row["form"] for row in rows), _MODEL_COLOURS, strict=False))
    for place, row in enumerate(rows):
        style = {"color": colours[row["form"]], "marker": "o"}
        times.plot(
            [row["median_ms"], row["percentile_95_ms"]], [place, place], markevery=[0], **style
        )
        accuracies.plot(
            [100 * limit for limit in row["interval"]], [place, place], color=style["color"]
        )
        accuracies.plot(100 * row["accuracy"], place, **style)
    times.set(
        xlabel="one face, ms: median to 95th percentile",
        yticks=range(len(rows)),
        yticklabels=[f"{row['network']}\n{row['form']}" for row in rows],
    )
    times.set_xlim(left=0)
    times.set_ylim(len(rows) - 0.5, -0.5)
    accuracies.set(xlabel="accuracy on PublicTest, %")
    plt.close(figure)
    return figure
