"""The architecture of a model as a diagram, drawn from the table of its layers."""

import itertools
import textwrap
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from fer_lib.plotting.style import finish

_TRAINED, _FROZEN, _WITHOUT_PARAMETERS = "#E7E4F3", "#D9D9D9", "#FFFFFF"
_WIDTH, _MARGIN, _LINE, _PADDING, _GAP = 5.2, 0.05, 0.21, 0.1, 0.22  # inches
_CHARACTERS = 39  # of a line of operations
_CONVOLUTION = ["3×3 convolution", "batch norm", "ReLU"]


@dataclass(frozen=True)
class Block:
    """Layers that a diagram draws as one box.

    Attributes:
        title: bold.
        operations: what the layers do, in order; equal ones are counted.
        output: the shape of the last layer's output.
        parameters, trainable: of all layers, and of those that are trained.
    """

    title: str
    operations: tuple[str, ...]
    output: str
    parameters: int
    trainable: int


def blocks(layers: pd.DataFrame) -> list[Block]:
    """Group layers into blocks.

    A block begins with each max pooling, with a nested model (the backbone), and with global
    average pooling (the head). What precedes the first layer with parameters is the input.

    Args:
        layers: `complexity.layer_table` of a model.
    """
    rows = layers.to_dict("records")
    groups, number = [("Input", [])], 0
    for row in rows:
        title = groups[-1][0]
        if row["kind"] == "GlobalAveragePooling2D":
            groups.append(("Head", []))
        elif row["kind"] == "Functional":
            groups.append(("Backbone", []))
        elif row["kind"] == "MaxPooling2D" or (title == "Input" and row["parameters"]):
            number += 1
            groups.append((f"Block {number}", []))
        groups[-1][1].append(row)
    return [_block(title, group) for title, group in groups if group]


def _block(title: str, rows: list[dict]) -> Block:
    return Block(
        title,
        tuple(_operations(rows)),
        rows[-1]["output"] + (" logits" if title == "Head" else ""),
        sum(row["parameters"] for row in rows),
        sum(row["trainable"] for row in rows),
    )


def _operations(rows: list[dict]) -> list[str]:
    operations = []
    for row in rows:
        if row["kind"] == "Functional":
            size = f"{row['operation']}, {row['convolutions']} of them convolutions"
            operations.append(f"{row['layer']}: {size}")
        elif row["operation"]:
            operations.append(row["operation"])
        if operations[-3:] == _CONVOLUTION:
            operations[-3:] = [", ".join(_CONVOLUTION)]
    counted = [(name, len(list(same))) for name, same in itertools.groupby(operations)]
    return [f"{n} × ({name})" if n > 1 else name for name, n in counted]


def architecture(layers: pd.DataFrame) -> Figure:
    """Draw a model from top to bottom: a box per block, with its output shape and parameters.

    Blocks whose parameters are trained are colored, frozen ones are gray, and those without
    parameters are white.

    Args:
        layers: `complexity.layer_table` of a model, from `analysis.architectures.load_layers` or of
            a model of your own.
    """
    boxes = blocks(layers)
    texts = [_wrapped(box) for box in boxes]
    heights = [2 * _PADDING + _LINE * (1 + len(lines)) for lines in texts]
    height = sum(heights) + _GAP * (len(boxes) - 1) + 2 * _MARGIN
    figure, axes = plt.subplots(figsize=(_WIDTH, height))
    figure.subplots_adjust(0, 0, 1, 1)
    axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
    axes.axis("off")
    top = _MARGIN
    for box, lines, box_height in zip(boxes, texts, heights, strict=True):
        if top > _MARGIN:
            arrow = {"arrowstyle": "-|>", "color": "#444444"}
            axes.annotate("", (_WIDTH / 2, top), (_WIDTH / 2, top - _GAP), arrowprops=arrow)
        _draw(axes, box, lines, top, box_height)
        top += box_height + _GAP
    return finish(figure)


def _wrapped(box: Block) -> list[str]:
    """The operations in lines, joined by arrows."""
    lines = []
    for operation in box.operations:
        if lines and len(lines[-1]) + len(operation) + 3 <= _CHARACTERS:
            lines[-1] += f" → {operation}"
            continue
        if lines:
            lines[-1] += " →"
        lines += textwrap.wrap(operation, _CHARACTERS, subsequent_indent="   ")
    return lines


def _draw(axes: Axes, box: Block, lines: list[str], top: float, height: float) -> None:
    color = _TRAINED if box.trainable else _FROZEN if box.parameters else _WITHOUT_PARAMETERS
    axes.add_patch(
        FancyBboxPatch(
            (_MARGIN, top),
            _WIDTH - 2 * _MARGIN,
            height,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=color,
            edgecolor="#444444",
        )
    )
    left, right, first = _MARGIN + _PADDING, _WIDTH - _MARGIN - _PADDING, top + _PADDING + _LINE / 2
    frozen = box.parameters and not box.trainable
    title = box.title + (" (frozen)" if frozen else "")
    axes.text(left, first, title, fontsize=11, fontweight="bold", va="center")
    axes.text(right, first, box.output, fontsize=11, fontweight="bold", va="center", ha="right")
    for number, line in enumerate(lines, 1):
        axes.text(left, first + number * _LINE, line, fontsize=10.5, va="center")
    if box.parameters:
        note = f"{box.parameters:,} parameters"
        axes.text(right, first + _LINE, note, fontsize=10.5, va="center", ha="right")
