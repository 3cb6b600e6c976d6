"""Tables of paired comparisons."""

import pandas as pd

from fer_lib.analysis.verdict import Verdict
from fer_lib.experiments import EXPERIMENTS
from fer_lib.report.format import NOT_RECORDED, SPLIT_TITLES, show

# Of a difference: whether a test detects one, and in which direction.
VERDICT_WORDS = {
    Verdict.CONFIRMED: "higher",
    Verdict.REFUTED: "lower",
    Verdict.INCONCLUSIVE: "no difference detected",
    Verdict.NOT_RECORDED: NOT_RECORDED,
}


def show_comparisons(
    comparisons: pd.DataFrame, caption: str | None = None
) -> "pd.io.formats.style.Styler":
    """Show paired comparisons as a table: experiments by title, differences with intervals.

    The verdict says whether accuracy is higher or lower than the baseline's, or whether no
    difference is detected. The column of seeds has those of the experiment and of its baseline.

    Args:
        comparisons: as `analysis.ablations.paired_comparisons` returns them. A column `split` may
            be added, and columns may be left out.
        caption: as `show`.
    """
    titles = {name: experiment.title for name, experiment in EXPERIMENTS.items()}
    table = comparisons.replace({"experiment": titles, "baseline": titles})
    if {"seeds", "baseline_seeds"} <= set(table):
        numbers = zip(table["seeds"], table.pop("baseline_seeds"), strict=True)
        table["seeds"] = [f"{n} and {m}" for n, m in numbers]
    table = table.rename(columns={"holm_p_value": "p_value"})
    table = table.replace({"verdict": VERDICT_WORDS})
    if "split" in table:
        table.insert(2, "split", table.pop("split").replace(SPLIT_TITLES))
    return show(table, caption=caption)
