"""The families of comparisons in the report: those that Holm's method corrects together.

A family is the comparisons of one table, on one split and of one measure. The list names those
whose verdicts or p-values a page gives; a page that checks a family on the de-duplicated split
corrects it there by itself, with as many comparisons.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import pandas as pd

from fer_lib.analysis.calibration import MEASURES
from fer_lib.analysis.claims import CLAIMS
from fer_lib.analysis.corruptions import CORRUPTIONS, SEVERITIES
from fer_lib.analysis.label_noise.ceilings import CEILING_MODELS
from fer_lib.analysis.label_noise.differences import LEADS, TARGETS
from fer_lib.experiments import (
    ABLATIONS,
    CONTROLS,
    DISTILLATION_COMPARISONS,
    FERPLUS_COMPARISONS,
    FOLLOW_UPS,
    HOG,
    LEAVE_ONE_OUT,
    MAIN_MODELS,
    REPLICATED_MODELS,
    STEPS,
    TRANSFERS,
)
from fer_lib.runs.run import Run

PUBLIC, PRIVATE, BOTH = ("public_test",), ("private_test",), ("public_test", "private_test")
CUSTOM_CNN, HEAD_ONLY, FINE_TUNED = REPLICATED_MODELS
BASELINE_PAIRS = (
    (CUSTOM_CNN, FINE_TUNED),
    (CUSTOM_CNN, HEAD_ONLY),
    (CUSTOM_CNN, HOG),
    (FINE_TUNED, HEAD_ONLY),
    (HOG, HEAD_ONLY),
)
ENSEMBLES_COMPARED = (
    "Two SE-CNNs",
    "Five SE-CNNs",
    "Three SE-CNN-HR, FER+",
    "Three SE-CNN-HR, FER+, distilled",
    "Six SE-CNN-HR, FER+",
)


@dataclass(frozen=True)
class Family:
    """Comparisons that are corrected together.

    Attributes:
        page: the notebook that decides them.
        title: what the page, or this part of it, is about.
        compared: one entry per comparison: the names of its two experiments, or what else it is
            of, such as an ensemble.
        splits: on each of them, the comparisons are a family.
        since: the date of the commit that first corrected them, as git's history has it; seeds were
            added later.
        measures: how many measures are compared, each as a family of its own.
        by_seeds: whether a comparison is tested only if both experiments have two seeds; otherwise
            all are.
    """

    page: str
    title: str
    compared: tuple
    splits: tuple[str, ...] = PRIVATE
    since: str = "2026-11-26"
    measures: int = 1
    by_seeds: bool = True


_LEADS = (rule.leads for rule in CLAIMS.values() if rule.leads)
_CLAIMS = tuple(
    Family(
        "06_claims",
        "Claims of the source report",
        leads.pairs,
        (leads.split,),
        measures=len(leads.measures),
    )
    for leads in sorted(_LEADS, key=lambda leads: len(leads.pairs), reverse=True)
)
FAMILIES = (
    Family("05_comparison", "Comparison of the three models", BASELINE_PAIRS),
    *_CLAIMS,
    Family("07_controls", "Controls", CONTROLS, PUBLIC),
    Family(
        "09_improved_recipe",
        "SE-CNN and replicated models",
        tuple(("se_cnn", name) for name in REPLICATED_MODELS),
    ),
    Family("10_ablation_study", "Ablation study", ABLATIONS, PUBLIC),
    Family("10_ablation_study", "Leave-one-out", LEAVE_ONE_OUT, PUBLIC, "2026-11-27"),
    Family("11_distillation", "Distillation and SWA", FOLLOW_UPS, BOTH),
    Family(
        "12_ferplus_and_high_resolution",
        "FER+ and high resolution",
        FERPLUS_COMPARISONS,
        PUBLIC,
        "2026-11-27",
    ),
    Family(
        "13_consistent_distillation", "Consistent distillation", DISTILLATION_COMPARISONS, PUBLIC
    ),
    Family("14_tta_and_ensembles", "Ensembles", ENSEMBLES_COMPARED, by_seeds=False),
    Family(
        "15_accuracy_and_model_size", "Steps to the best single model", STEPS, since="2026-11-27"
    ),
    Family(
        "15_accuracy_and_model_size",
        "Steps against labels and votes",
        LEADS,
        measures=len(TARGETS),
    ),
    Family("16_transfer", "Transfer", TRANSFERS, PUBLIC),
    Family(
        "17_duplicates_and_label_noise",
        "Accuracy predicted from votes",
        tuple(product(CEILING_MODELS, ("all images", "de-duplicated"))),
        by_seeds=False,
    ),
    Family("18_calibration", "Calibration", MAIN_MODELS, measures=len(MEASURES), by_seeds=False),
    Family(
        "20_robustness",
        "Robustness, each severity",
        tuple(product(CORRUPTIONS, SEVERITIES)),
        by_seeds=False,
    ),
    Family("20_robustness", "Robustness, each corruption", (*CORRUPTIONS, "mean"), by_seeds=False),
)


def family_sizes(runs: Iterable[Run]) -> pd.DataFrame:
    """How many comparisons each family of `FAMILIES` has, and how many of them are tested.

    Args:
        runs: finished runs, whose seeds are counted.

    Returns:
        One row per title and size: `page`, `title`, `split`, a list of its splits, `families`,
        how many; `comparisons` and `tested`, in each of them; and `since`.
    """
    runs, rows = list(runs), []
    for family in FAMILIES:
        for split in family.splits:
            seeds = _seeds(runs, split)
            tested = [not family.by_seeds or _is_tested(each, seeds) for each in family.compared]
            size = len(tested), sum(tested)
            rows.append((family.page, family.title, family.since, *size, split, family.measures))
    keys = ["page", "title", "since", "comparisons", "tested"]
    table = pd.DataFrame(rows, columns=[*keys, "split", "families"])
    sizes = table.groupby(keys, sort=False).agg(
        split=("split", lambda splits: list(dict.fromkeys(splits))), families=("families", "sum")
    )
    order = ["page", "title", "split", "families", "comparisons", "tested", "since"]
    return sizes.reset_index()[order]


def _seeds(runs: list[Run], split: str) -> pd.Series:
    """How many runs of each experiment were evaluated on a split."""
    return pd.Series([run.name for run in runs if split in run.predictions]).value_counts()


def _is_tested(pair: tuple[str, str], seeds: pd.Series) -> bool:
    """HOG is deterministic and needs one run, a network two."""
    return all(seeds.get(name, 0) >= (1 if name == HOG else 2) for name in pair)
