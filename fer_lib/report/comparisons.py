"""Tables of paired comparisons."""

import pandas as pd

from fer_lib.experiments import EXPERIMENTS
from fer_lib.report.format import show


def show_comparisons(
    comparisons: pd.DataFrame, caption: str | None = None
) -> "pd.io.formats.style.Styler":
    """Style paired comparisons for display: experiments by title, differences with intervals.

    Args:
        comparisons: as `analysis.ablations.paired_comparisons` returns them.
        caption: as `show`.
    """
    titles = {name: experiment.title for name, experiment in EXPERIMENTS.items()}
    table = comparisons.replace({"experiment": titles, "baseline": titles})
    table = table.drop(columns=["n_seeds", "baseline_accuracy"])
    return show(table.rename(columns={"verdict": "raises_accuracy"}), caption=caption)
