"""The claims of the source report, each decided by a rule, on one seed and on all recorded seeds.

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

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

import pandas as pd

from fer_lib.analysis import claim_rules as rules
from fer_lib.analysis import post_hoc_claim_rules as post_hoc
from fer_lib.analysis.claim_rules import CUSTOM_CNN, FINE_TUNED, HEAD_ONLY, NETWORKS, Evidence
from fer_lib.analysis.headline import compare_experiments
from fer_lib.analysis.verdict import Verdict, decide
from fer_lib.runs.run import Run


@dataclass(frozen=True)
class Leads:
    """What a comparison of means says: each model leads its baseline in each measure.

    Attributes:
        pairs: (model, baseline) by the names of their experiments.
        measures, split: as `headline.compare_experiments`, whose verdicts on the pairs, corrected
            by Holm for them, decide.
    """

    pairs: tuple[tuple[str, str], ...]
    measures: tuple[str, ...] = ("accuracy",)
    split: str = "private_test"


@dataclass(frozen=True)
class Rule:
    """How a claim is decided.

    Attributes:
        evaluate: a function of `claim_rules` or of `post_hoc_claim_rules`.
        experiments: whose runs it takes, in this order.
        written_before_results: whether it was written before all predictions that it is evaluated
            on were known.
        leads: what it says of the means over seeds, if it says nothing else.
    """

    evaluate: Callable[..., Evidence]
    experiments: tuple[str, ...]
    written_before_results: bool = False
    leads: Leads | None = None


@dataclass(frozen=True)
class Claim:
    """A claim and what the records say of it.

    Attributes:
        name: a key of `CLAIMS`.
        verdict: on all seeds; NOT_RECORDED where no seed is common to the models.
        by_seed: the verdict on each seed that is common to the models.
        evidence: by seed, the numbers behind the verdict, as the rule's docstring lists them.
    """

    name: str
    verdict: Verdict
    by_seed: Mapping[int, Verdict] = field(default_factory=dict)
    evidence: Mapping[int, pd.DataFrame] = field(default_factory=dict)


_MOBILENETS, _TUNED_CUSTOM = (FINE_TUNED, HEAD_ONLY), (FINE_TUNED, CUSTOM_CNN)
_FOCAL_LOSS = (CUSTOM_CNN, "custom_cnn_cross_entropy")
_BALANCED = ("balanced_accuracy",)


def _more_accurate(*pair: str) -> Rule:
    return Rule(post_hoc.is_more_accurate, pair, leads=Leads((pair,)))


def _more_balanced(model: str, *baselines: str) -> Rule:
    leads = Leads(tuple((model, baseline) for baseline in baselines), _BALANCED)
    return Rule(post_hoc.is_more_balanced, (model, *baselines), leads=leads)


def _of_each_network(name: str, evaluate: Callable[..., Evidence]) -> dict[str, Rule]:
    """The rules of a claim about the custom CNN, fine-tuned and head only, one for each."""
    prefixes = ("custom_cnn", "fine_tuned", "head_only")
    return {
        f"{prefix}_{name}": Rule(evaluate, (experiment,))
        for prefix, experiment in zip(prefixes, NETWORKS, strict=True)
    }


CLAIMS: Mapping[str, Rule] = MappingProxyType(
    {
        "accuracy_ranking": Rule(
            rules.accuracy_ranking, NETWORKS, True, Leads(((CUSTOM_CNN, FINE_TUNED), _MOBILENETS))
        ),
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
            rules.focal_loss_mitigates_imbalance,
            _FOCAL_LOSS,
            True,
            Leads((_FOCAL_LOSS,), ("macro_f1",), "public_test"),
        ),
        "fine_tuned_is_overconfident": Rule(rules.fine_tuned_is_overconfident, (FINE_TUNED,), True),
        **_of_each_network("accuracy_is_reproduced", post_hoc.accuracy_is_reproduced),
        "head_only_is_weakest": Rule(
            post_hoc.head_only_is_weakest,
            NETWORKS,
            leads=Leads(
                ((CUSTOM_CNN, HEAD_ONLY), _MOBILENETS), ("accuracy", *_BALANCED, "macro_f1")
            ),
        ),
        "custom_cnn_is_more_accurate_than_fine_tuned": _more_accurate(CUSTOM_CNN, FINE_TUNED),
        "custom_cnn_is_more_accurate_than_head_only": _more_accurate(CUSTOM_CNN, HEAD_ONLY),
        "fine_tuning_improves_accuracy": _more_accurate(*_MOBILENETS),
        "custom_cnn_has_highest_balanced_accuracy": _more_balanced(*NETWORKS),
        "custom_cnn_is_best_on_fear": Rule(partial(post_hoc.is_better_on, rules.FEAR), NETWORKS),
        "custom_cnn_is_best_on_sad": Rule(partial(post_hoc.is_better_on, rules.SAD), NETWORKS),
        **_of_each_network("finds_disgust_hardest", post_hoc.disgust_has_lowest_f1),
        "fine_tuning_helps_surprise": Rule(
            partial(post_hoc.fine_tuning_helps, rules.SURPRISE), _MOBILENETS
        ),
        "fine_tuning_helps_anger": Rule(
            partial(post_hoc.fine_tuning_helps, rules.ANGRY), _MOBILENETS
        ),
        "fine_tuned_is_better_on_disgust": Rule(
            partial(post_hoc.is_better_on, rules.DISGUST), _MOBILENETS
        ),
        "focal_loss_is_better_on_disgust": Rule(
            partial(post_hoc.is_better_on, rules.DISGUST, split="public_test"), _FOCAL_LOSS
        ),
        "fine_tuned_is_more_balanced_than_head_only": _more_balanced(*_MOBILENETS),
        "fine_tuned_is_more_balanced_than_custom_cnn": _more_balanced(*_TUNED_CUSTOM),
        "custom_cnn_converges_before_fine_tuned": Rule(
            post_hoc.converges_before, (CUSTOM_CNN, FINE_TUNED)
        ),
        "custom_cnn_converges_before_head_only": Rule(
            post_hoc.converges_before, (CUSTOM_CNN, HEAD_ONLY)
        ),
        "head_only_converges_before_fine_tuned": Rule(
            post_hoc.converges_before, (HEAD_ONLY, FINE_TUNED)
        ),
        "head_only_converges_first": Rule(
            post_hoc.converges_before, (HEAD_ONLY, CUSTOM_CNN, FINE_TUNED)
        ),
        **_of_each_network("often_confuses_fear_and_sad", post_hoc.fear_and_sad_are_often_confused),
        **_of_each_network("mistakes_fear_for_sad", post_hoc.fear_is_most_often_mistaken_for_sad),
        "fine_tuned_is_more_confident_when_correct": Rule(
            post_hoc.fine_tuned_is_more_confident_when_correct, _TUNED_CUSTOM
        ),
        "false_classes_get_almost_no_probability": Rule(
            post_hoc.false_classes_get_almost_no_probability, (FINE_TUNED,)
        ),
        **_of_each_network("is_below_state_of_the_art", post_hoc.is_below_state_of_the_art),
    }
)


def evaluate_claims(runs: Iterable[Run]) -> dict[str, Claim]:
    """Decide all claims, by name.

    Args:
        runs: finished runs, of these and of other experiments, whose variance across seeds is
            pooled with theirs where means are compared.
    """
    runs = list(runs)
    return {name: _evaluate(name, rule, runs) for name, rule in CLAIMS.items()}


def _evaluate(name: str, rule: Rule, runs: list[Run]) -> Claim:
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
    return Claim(name, verdict, by_seed, evidence)


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
    """Decide by the first version of `claim_rules.disgust_is_hardest`.

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
