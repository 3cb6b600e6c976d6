"""The one table of the claims of the source report, each with the rule that decides it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from fer_lib.analysis.claims import post_hoc_rules as post_hoc
from fer_lib.analysis.claims import rules
from fer_lib.analysis.claims.rules import CUSTOM_CNN, FINE_TUNED, HEAD_ONLY, NETWORKS, Evidence


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
        evaluate: a function of `rules` or of `post_hoc_rules`.
        experiments: whose runs it takes, in this order.
        written_before_results: whether it was written before all predictions that it is evaluated
            on were known.
        leads: what it says of the means over seeds, if it says nothing else.
    """

    evaluate: Callable[..., Evidence]
    experiments: tuple[str, ...]
    written_before_results: bool = False
    leads: Leads | None = None


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
