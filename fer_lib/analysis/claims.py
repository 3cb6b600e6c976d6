"""The claims of the source report, each decided by a rule.

A claim is confirmed if its rule holds in at least 97.5 % of the resamples of the images, refuted if
in at most 2.5 %, otherwise inconclusive (`verdict.decide`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pandas as pd

from fer_lib.analysis import claim_rules as rules
from fer_lib.analysis import post_hoc_claim_rules as post_hoc
from fer_lib.analysis.claim_rules import CUSTOM_CNN, FINE_TUNED, HEAD_ONLY, NETWORKS, Evidence
from fer_lib.analysis.verdict import Verdict, decide
from fer_lib.runs.run import Run


@dataclass(frozen=True)
class Rule:
    """How a claim is decided.

    Attributes:
        evaluate: a function of `claim_rules` or of `post_hoc_claim_rules`.
        experiments: whose runs it takes, in this order.
        written_before_results: whether it was written before all predictions that it is evaluated
            on were known.
    """

    evaluate: Callable[..., Evidence]
    experiments: tuple[str, ...]
    written_before_results: bool = False


@dataclass(frozen=True)
class Claim:
    """A claim and what the records say of it.

    Attributes:
        name: a key of `CLAIMS`.
        verdict: NOT_RECORDED where a run is missing.
        support: fraction of the resamples in which the rule holds.
        evidence: the numbers behind the verdict, as the rule's docstring lists them.
    """

    name: str
    verdict: Verdict
    support: float | None = None
    evidence: pd.DataFrame = field(default_factory=pd.DataFrame)


_MOBILENETS = (FINE_TUNED, HEAD_ONLY)
_FOCAL_LOSS = (CUSTOM_CNN, "custom_cnn_cross_entropy")
_OFTEN = post_hoc.fear_and_sad_are_often_confused
_FEAR = post_hoc.fear_is_most_often_mistaken_for_sad

CLAIMS: Mapping[str, Rule] = MappingProxyType(
    {
        "accuracy_ranking": Rule(rules.accuracy_ranking, NETWORKS, True),
        "head_only_underfits": Rule(rules.head_only_underfits, (CUSTOM_CNN, HEAD_ONLY), True),
        "disgust_is_hardest": Rule(rules.disgust_is_hardest, NETWORKS, True),
        "custom_cnn_is_most_balanced": Rule(rules.custom_cnn_is_most_balanced, NETWORKS, True),
        "fine_tuning_helps_surprise_and_anger": Rule(
            rules.fine_tuning_helps_surprise_and_anger, _MOBILENETS, True
        ),
        "fear_and_sad_are_confused_most": Rule(
            rules.fear_and_sad_are_confused_most, NETWORKS, True
        ),
        "focal_loss_mitigates_imbalance": Rule(
            rules.focal_loss_mitigates_imbalance, _FOCAL_LOSS, True
        ),
        "fine_tuned_is_overconfident": Rule(rules.fine_tuned_is_overconfident, (FINE_TUNED,), True),
        "head_only_is_weakest": Rule(post_hoc.head_only_is_weakest, NETWORKS),
        "fine_tuning_improves_accuracy": Rule(post_hoc.fine_tuning_improves_accuracy, _MOBILENETS),
        "fine_tuned_is_better_on_disgust": Rule(
            post_hoc.fine_tuned_is_better_on_disgust, _MOBILENETS
        ),
        "fine_tuned_is_more_balanced_than_head_only": Rule(post_hoc.is_more_balanced, _MOBILENETS),
        "fine_tuned_is_more_balanced_than_custom_cnn": Rule(
            post_hoc.is_more_balanced, (FINE_TUNED, CUSTOM_CNN)
        ),
        "custom_cnn_often_confuses_fear_and_sad": Rule(_OFTEN, (CUSTOM_CNN,)),
        "fine_tuned_often_confuses_fear_and_sad": Rule(_OFTEN, (FINE_TUNED,)),
        "head_only_often_confuses_fear_and_sad": Rule(_OFTEN, (HEAD_ONLY,)),
        "custom_cnn_mistakes_fear_for_sad": Rule(_FEAR, (CUSTOM_CNN,)),
        "fine_tuned_mistakes_fear_for_sad": Rule(_FEAR, (FINE_TUNED,)),
        "head_only_mistakes_fear_for_sad": Rule(_FEAR, (HEAD_ONLY,)),
        "fine_tuned_is_more_confident_when_correct": Rule(
            post_hoc.fine_tuned_is_more_confident_when_correct, (FINE_TUNED, CUSTOM_CNN)
        ),
        "false_classes_get_almost_no_probability": Rule(
            post_hoc.false_classes_get_almost_no_probability, (FINE_TUNED,)
        ),
        "custom_cnn_is_below_state_of_the_art": Rule(
            post_hoc.is_below_state_of_the_art, (CUSTOM_CNN,)
        ),
    }
)


def evaluate_claims(runs: Mapping[str, Run | None]) -> dict[str, Claim]:
    """Decide all claims, by name.

    Args:
        runs: by experiment, one seed of each; None for a run that is not recorded.
    """
    claims = {}
    for name, rule in CLAIMS.items():
        claims[name] = Claim(name, Verdict.NOT_RECORDED)
        needed = [runs.get(experiment) for experiment in rule.experiments]
        if None not in needed:
            holds, evidence = rule.evaluate(*needed)
            claims[name] = Claim(name, decide(holds), float(holds.mean()), evidence)
    return claims


def first_disgust_verdict(evidence: pd.DataFrame) -> Verdict:
    """Decide by the first version of `claim_rules.disgust_is_hardest`.

    It was written on 2026-11-24 and replaced 70 minutes later, when the results of the custom CNN
    and of head only were known: confirmed if disgust has the lowest F1 with each of the three
    models, refuted if with none, otherwise inconclusive.

    Args:
        evidence: as the rule returns it; empty where a run is missing.
    """
    if evidence.empty:
        return Verdict.NOT_RECORDED
    hardest = evidence["hardest_emotion"] == "disgust"
    if hardest.all():
        return Verdict.CONFIRMED
    return Verdict.INCONCLUSIVE if hardest.any() else Verdict.REFUTED
