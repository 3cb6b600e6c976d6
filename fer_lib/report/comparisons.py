"""Tables of paired comparisons."""

from typing import TYPE_CHECKING

from fer_lib.experiments import EXPERIMENTS
from fer_lib.report.format import show

if TYPE_CHECKING:
    import pandas as pd
    from pandas.io.formats.style import Styler


def show_comparisons(comparisons: "pd.DataFrame", caption: str | None = None) -> "Styler":
    """Style paired comparisons for display: experiments by title, differences with intervals.

    Args:
        comparisons: as `analysis.ablations.paired_comparisons` returns them.
        caption: as `show`.
    """
    titles = {name: experiment.title for name, experiment in EXPERIMENTS.items()}
    table = comparisons.assign(
        experiment=comparisons["experiment"].map(titles),
        baseline=comparisons["baseline"].map(titles),
    )
    table = table.drop(columns=["n_seeds", "baseline_accuracy"])
    return show(table.rename(columns={"verdict": "raises_accuracy"}), caption=caption)
