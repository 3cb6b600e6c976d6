"""Tables of paired comparisons."""

import pandas as pd

from fer_lib.analysis.verdict import Verdict
from fer_lib.experiments import EXPERIMENTS
from fer_lib.report.format import NOT_RECORDED, SPLIT_TITLES, is_missing, p_value, show

# Of a difference: whether a test detects one, and in which direction.
VERDICT_WORDS = {
    Verdict.CONFIRMED: "higher",
    Verdict.REFUTED: "lower",
    Verdict.INCONCLUSIVE: "no difference detected",
    Verdict.ONE_SEED: Verdict.ONE_SEED.value,
    Verdict.NOT_RECORDED: NOT_RECORDED,
}


def show_comparisons(
    comparisons: pd.DataFrame, caption: str | None = None
) -> "pd.io.formats.style.Styler":
    """Show paired comparisons as a table: experiments by title, differences with intervals.

    Experiment and baseline share a column, with their numbers of seeds in parentheses; so do the
    verdict, which says whether accuracy is higher or lower than the baseline's, and its p-value.

    Args:
        comparisons: as `analysis.ablations.paired_comparisons` returns them. A column `split` may
            be added, and columns may be left out.
        caption: as `show`.
    """
    titles = {name: experiment.title for name, experiment in EXPERIMENTS.items()}
    table = comparisons.replace({"experiment": titles, "baseline": titles})
    if "baseline" in table:
        sides = ("experiment", "baseline")
        for side, seeds in zip(sides, ("seeds", "baseline_seeds"), strict=True):
            if seeds in table:
                table[side] = [f"{t} ({n})" for t, n in zip(table[side], table[seeds], strict=True)]
        pairs = zip(*(table.pop(side) for side in sides), strict=True)
        table.insert(0, "comparison", [" minus ".join(pair) for pair in pairs])
    table = table.drop(columns=["seeds", "baseline_seeds"], errors="ignore")
    if {"verdict", "holm_p_value"} <= set(table):
        decided = zip(table["verdict"], table.pop("holm_p_value"), strict=True)
        table["verdict"] = [verdict_with_p_value(*each) for each in decided]
    table = table.rename(columns={"holm_p_value": "p_value"})
    table = table.replace({"verdict": VERDICT_WORDS})
    if "split" in table:
        table.insert(1, "split", table.pop("split").replace(SPLIT_TITLES))
    return show(table, caption=caption)


def verdict_with_p_value(verdict: Verdict, p: float) -> str:
    """The verdict on a difference in words, and its p-value where it was tested.

    >>> verdict_with_p_value(Verdict.CONFIRMED, 0.0132)
    'higher (p\\xa0=\\xa00.0132)'
    """
    words = VERDICT_WORDS[verdict]
    if is_missing(p):
        return words
    text = p_value(p)
    equation = text if text[0] == "<" else f"=\N{NO-BREAK SPACE}{text}"
    return f"{words} (p\N{NO-BREAK SPACE}{equation})"
