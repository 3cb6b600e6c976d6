"""Decide the claims of the source report, on one seed and on all recorded seeds.

On one seed of each model, a claim is confirmed if its rule holds in at least 97.5 % of the
resamples of the images, refuted if in at most 2.5 %, otherwise inconclusive (`verdict.decide`).

On all seeds, seed k of each model is judged together, for the seeds that all models of the claim
have. The claim is confirmed or refuted where every seed says so, otherwise it is inconclusive
(`unanimous`). A claim that says only that means differ is decided by the intervals of the
differences over images and seeds instead, with all seeds of each model (`conjunction`). Where only
one seed is common to the models, its verdict is that of the claim: an example, not a verdict.

The extension to all seeds was written on 2026-11-26, when the results of seed 0 of all models, of
seed 1 of the custom CNN and of seeds 1 to 4 of head only were known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from fer_lib.analysis.claims.table import CLAIMS, Rule
from fer_lib.analysis.headline import compare_experiments
from fer_lib.analysis.verdict import Verdict, decide
from fer_lib.runs.run import Run


@dataclass(frozen=True)
class Claim:
    """What the records say of a claim.

    Attributes:
        verdict: on all seeds; NOT_RECORDED where no seed is common to the models.
        by_seed: the verdict on each seed that is common to the models.
        evidence: by seed, the numbers behind the verdict, as the rule's docstring lists them.
    """

    verdict: Verdict
    by_seed: Mapping[int, Verdict] = field(default_factory=dict)
    evidence: Mapping[int, pd.DataFrame] = field(default_factory=dict)


def evaluate_claims(runs: Iterable[Run]) -> dict[str, Claim]:
    """Decide all claims, by name.

    Args:
        runs: finished runs, of these and of other experiments, whose variance across seeds is
            pooled with theirs where means are compared.
    """
    runs = list(runs)
    return {name: _evaluate(rule, runs) for name, rule in CLAIMS.items()}


def _evaluate(rule: Rule, runs: list[Run]) -> Claim:
    seeds = [{run.seed: run for run in runs if run.name == each} for each in rule.experiments]
    by_seed, evidence = {}, {}
    for seed in sorted(set.intersection(*map(set, seeds))):
        holds, evidence[seed] = rule.evaluate(*(by_number[seed] for by_number in seeds))
        by_seed[seed] = decide(holds)
    verdict = unanimous(by_seed.values())
    if rule.leads and len(by_seed) > 1:
        leads = rule.leads
        tables = (compare_experiments(runs, leads.pairs, leads.split, m) for m in leads.measures)
        verdict = conjunction(verdict for table in tables for verdict in table["verdict"])
    return Claim(verdict, by_seed, evidence)


def unanimous(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of all seeds: what every one says, otherwise inconclusive."""
    verdicts = set(verdicts)
    if not verdicts:
        return Verdict.NOT_RECORDED
    return verdicts.pop() if len(verdicts) == 1 else Verdict.INCONCLUSIVE


def conjunction(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on a claim of several parts: refuted with one of them, confirmed with all."""
    verdicts = set(verdicts)
    return Verdict.REFUTED if Verdict.REFUTED in verdicts else unanimous(verdicts)


def first_disgust_verdict(evidence: pd.DataFrame) -> Verdict:
    """Decide by the first version of `rules.disgust_is_hardest`.

    It was written on 2026-11-24 and replaced 70 minutes later, when the results of the custom CNN
    and of head only were known: confirmed if disgust has the lowest F1 with each of the three
    models, refuted if with none, otherwise inconclusive.

    Args:
        evidence: as the rule returns it, of one seed.
    """
    hardest = evidence["hardest_emotion"] == "disgust"
    if hardest.all():
        return Verdict.CONFIRMED
    return Verdict.INCONCLUSIVE if hardest.any() else Verdict.REFUTED
