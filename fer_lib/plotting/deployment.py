"""Figures of latency and file size."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from fer_lib.plotting.style import _MODEL_COLOURS


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
