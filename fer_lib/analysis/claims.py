"""The claims of the source report, each decided by a rule.

A rule is a statement that is true or false of the recorded predictions and training curves. It is
evaluated on 2,000 resamples of the images, the same for all models: a claim is confirmed if its
rule holds in at least 97.5 % of them, refuted if in at most 2.5 %, otherwise inconclusive
(`verdict.decide`). A tie is no lead. The rules use PrivateTest; those on controls, which are not
evaluated there, use PublicTest. They look at one seed of each
model: the resamples exclude the variance across seeds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd

from fer_lib.analysis.comparison import (
    Estimate,
    balanced_table,
    estimate,
    paired_differences,
)
from fer_lib.analysis.verdict import Verdict, decide
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import bootstrap_confusions, confusion_scores
from fer_lib.evaluation.metrics import confidence_gap
from fer_lib.experiments import EXPERIMENTS
from fer_lib.runs.predictions import Predictor
from fer_lib.runs.run import Run

CUSTOM_CNN, HEAD_ONLY, FINE_TUNED = (
    "custom_cnn",
    "mobilenetv2_head_only",
    "mobilenetv2_fine_tuned",
)
NETWORKS = (CUSTOM_CNN, FINE_TUNED, HEAD_ONLY)  # in the order of the source report
_TITLES = tuple(EXPERIMENTS[name].title for name in NETWORKS)
DISGUST, FEAR, SAD, SURPRISE, ANGRY = (
    EMOTION_NAMES.index(name) for name in ("disgust", "fear", "sad", "surprise", "angry")
)


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


# What a rule returns: in which resamples it holds, bool [2000], and its evidence.
Evidence = tuple[np.ndarray, pd.DataFrame]


def accuracy_ranking(custom: Run, fine_tuned: Run, head_only: Run) -> Evidence:
    """The custom CNN is more accurate than MobileNetV2 fine-tuned, and that than head only.

    Evidence: `model` and `baseline` (titles) of the two pairs, and the paired differences.
    """
    first, second, third = (s["accuracy"] for s in _scores(custom, fine_tuned, head_only))
    evidence = pd.concat(
        [
            paired_differences(custom, {_TITLES[1]: fine_tuned}),
            paired_differences(fine_tuned, {_TITLES[2]: head_only}),
        ],
        ignore_index=True,
    )
    evidence.insert(0, "model", _TITLES[:2])
    return (first > second) & (second > third), evidence


def head_only_underfits(custom: Run, head_only: Run) -> Evidence:
    """Head only is in no epoch as accurate on Training as the custom CNN is on PrivateTest.

    Evidence: `model`, `split` and `accuracy`: of head only on Training (the highest of all epochs,
    with augmentation and dropout) and PublicTest, of the custom CNN on PrivateTest.
    """
    best = float(head_only.history["accuracy"].max())
    (scores,) = _scores(custom)
    rows = (
        (_TITLES[2], "Training", Estimate(best)),
        (_TITLES[2], "PublicTest", estimate(head_only, "public_test")),
        (_TITLES[0], "PrivateTest", estimate(custom, "private_test")),
    )
    evidence = [{"model": m, "split": s, **value.columns("accuracy")} for m, s, value in rows]
    return scores["accuracy"] > best, pd.DataFrame(evidence)


def disgust_is_hardest(custom: Run, fine_tuned: Run, head_only: Run) -> Evidence:
    """With each of the three models, disgust has a lower F1 than all other emotions.

    Evidence: `model`, the `hardest_emotion`, its `lowest_f1`, and `disgust_f1`.
    """
    runs = (custom, fine_tuned, head_only)
    resampled, f1 = [scores["f1"] for scores in _scores(*runs)], _f1(*runs)
    holds = [each[:, DISGUST] < _without(each, DISGUST).min(axis=1) for each in resampled]
    evidence = {
        "model": _TITLES,
        "hardest_emotion": f1.idxmin(axis=1),
        "lowest_f1": f1.min(axis=1),
        "disgust_f1": f1["disgust"],
    }
    return np.logical_and.reduce(holds), pd.DataFrame(evidence)


def custom_cnn_is_most_balanced(custom: Run, fine_tuned: Run, head_only: Run) -> Evidence:
    """The custom CNN has the highest balanced accuracy, F1 on fear and F1 on sad of the three.

    Evidence: `model`, `balanced_accuracy` with its interval, `fear_f1`, `sad_f1`.
    """
    runs = (custom, fine_tuned, head_only)
    first, *rivals = (
        np.stack([scores["balanced_accuracy"], scores["f1"][:, FEAR], scores["f1"][:, SAD]])
        for scores in _scores(*runs)
    )
    leads = [(first > rival).all(axis=0) for rival in rivals]
    f1, table = _f1(*runs), balanced_table(dict(zip(_TITLES, runs, strict=True)))
    evidence = table.loc[:, :"balanced_accuracy_high"].assign(fear_f1=f1["fear"], sad_f1=f1["sad"])
    return np.logical_and.reduce(leads), evidence


def fine_tuning_helps_surprise_and_anger(fine_tuned: Run, head_only: Run) -> Evidence:
    """From head only to fine-tuned, F1 rises more on surprise and angry than on all others.

    Evidence: `emotion`, `head_only_f1`, `fine_tuned_f1`, `f1_gain`, the largest gain first.
    """
    after, before = (scores["f1"] for scores in _scores(fine_tuned, head_only))
    gains, claimed = after - before, [SURPRISE, ANGRY]
    holds = gains[:, claimed].min(axis=1) > _without(gains, claimed).max(axis=1)
    evidence = _f1(head_only, fine_tuned).T.set_axis(["head_only_f1", "fine_tuned_f1"], axis=1)
    evidence["f1_gain"] = evidence["fine_tuned_f1"] - evidence["head_only_f1"]
    evidence = evidence.rename_axis("emotion").reset_index()
    return holds, evidence.sort_values("f1_gain", ascending=False, ignore_index=True)


def fear_and_sad_are_confused_most(custom: Run, fine_tuned: Run, head_only: Run) -> Evidence:
    """With each of the three models, fear and sad are the most confused pair of emotions.

    A pair is confused by the share of its first emotion that is predicted as the second, plus the
    share of the second that is predicted as the first.

    Evidence: `model`, the two shares `fear_predicted_sad_share` and `sad_predicted_fear_share`,
    `rank` of the pair among the 21, and the `most_confused_pair`.
    """
    runs = (custom, fine_tuned, head_only)
    resampled = bootstrap_confusions(*(run.predictions["private_test"] for run in runs))
    holds = [_pair_ranks(_pair_confusions(_shares(c)))[:, _FEAR_AND_SAD] == 1 for c in resampled]
    shares = _shares(np.array([run.metrics["private_test"]["confusion"] for run in runs]))
    pairs = _pair_confusions(shares)
    evidence = {
        "model": _TITLES,
        "fear_predicted_sad_share": shares[:, FEAR, SAD],
        "sad_predicted_fear_share": shares[:, SAD, FEAR],
        "rank": _pair_ranks(pairs)[:, _FEAR_AND_SAD],
        "most_confused_pair": [
            tuple(EMOTION_NAMES[i] for i in _PAIRS[most]) for most in pairs.argmax(axis=1)
        ],
    }
    return np.logical_and.reduce(holds), pd.DataFrame(evidence)


_PAIRS = tuple(zip(*np.triu_indices(len(EMOTION_NAMES), 1), strict=True))
_FEAR_AND_SAD = _PAIRS.index((FEAR, SAD))


def _shares(confusions: np.ndarray) -> np.ndarray:
    """The shares of the true classes in k confusion matrices [k, 7, 7], 0 for an absent class."""
    return confusions / np.maximum(confusions.sum(axis=2, keepdims=True), 1)


def _pair_confusions(shares: np.ndarray) -> np.ndarray:
    """How much each pair of emotions is confused, by the shares float [k, 7, 7]: float [k, 21]."""
    first, second = np.transpose(_PAIRS)
    return shares[:, first, second] + shares[:, second, first]


def _pair_ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each pair, 1 the most confused, as the last of those that tie: int [k, 21]."""
    return (values[:, None, :] >= values[:, :, None]).sum(axis=2)


def focal_loss_mitigates_imbalance(focal: Run, cross_entropy: Run) -> Evidence:
    """The custom CNN has a higher macro-F1 on PublicTest with focal loss than with cross-entropy.

    Evidence: the paired differences focal loss − cross-entropy, and `focal_disgust_recall` and
    `cross_entropy_disgust_recall`.
    """
    first, second = _scores(focal, cross_entropy, split="public_test")
    title = EXPERIMENTS["custom_cnn_cross_entropy"].title
    recalls = {
        f"{name}_disgust_recall": run.metrics["public_test"]["per_class"]["disgust"]["recall"]
        for name, run in (("focal", focal), ("cross_entropy", cross_entropy))
    }
    evidence = paired_differences(focal, {title: cross_entropy}, "public_test").assign(**recalls)
    return first["macro_f1"] > second["macro_f1"], evidence


def fine_tuned_is_overconfident(fine_tuned: Run) -> Evidence:
    """The mean confidence of MobileNetV2 fine-tuned is above its accuracy on PrivateTest.

    Evidence: mean `confidence`, `accuracy` and `confidence_gap` with their intervals, and over the
    misclassified images the mean `confidence_when_wrong` and `true_class_probability_when_wrong`.
    """
    predictions = fine_tuned.predictions["private_test"]
    gap = confidence_gap(predictions.logits, predictions.labels)
    row = {
        "confidence": gap["mean"],
        **estimate(fine_tuned, "private_test").columns("accuracy"),
        **Estimate(gap["gap"], *gap["interval"]).columns("confidence_gap"),
        "confidence_when_wrong": gap["mean_when_wrong"],
        "true_class_probability_when_wrong": gap["true_when_wrong"],
    }
    return gap["resampled_gaps"] > 0, pd.DataFrame([row])


# By name: the rule, and the experiments whose runs it takes.
CLAIMS: Mapping[str, tuple[Callable[..., Evidence], tuple[str, ...]]] = MappingProxyType(
    {
        rule.__name__: (rule, experiments)
        for rule, experiments in (
            (accuracy_ranking, NETWORKS),
            (head_only_underfits, (CUSTOM_CNN, HEAD_ONLY)),
            (disgust_is_hardest, NETWORKS),
            (custom_cnn_is_most_balanced, NETWORKS),
            (fine_tuning_helps_surprise_and_anger, (FINE_TUNED, HEAD_ONLY)),
            (fear_and_sad_are_confused_most, NETWORKS),
            (focal_loss_mitigates_imbalance, (CUSTOM_CNN, "custom_cnn_cross_entropy")),
            (fine_tuned_is_overconfident, (FINE_TUNED,)),
        )
    }
)


def evaluate_claims(runs: dict[str, Run | None]) -> dict[str, Claim]:
    """Decide all claims, by name.

    Args:
        runs: by experiment, one seed of each; None for a run that is not recorded.
    """
    claims = {}
    for name, (rule, experiments) in CLAIMS.items():
        claims[name] = Claim(name, Verdict.NOT_RECORDED)
        needed = [runs.get(experiment) for experiment in experiments]
        if None not in needed:
            holds, evidence = rule(*needed)
            claims[name] = Claim(name, decide(holds), float(holds.mean()), evidence)
    return claims


def _scores(*predictors: Predictor, split: str = "private_test") -> list[dict[str, np.ndarray]]:
    """`confusion_scores` of each model on the same resamples."""
    confusions = bootstrap_confusions(*(each.predictions[split] for each in predictors))
    return [confusion_scores(each) for each in confusions]


def _f1(*runs: Run) -> pd.DataFrame:
    """F1 on PrivateTest, one row per run and one column per emotion."""
    per_class = (run.metrics["private_test"]["per_class"] for run in runs)
    rows = [{name: by_name[name]["f1"] for name in EMOTION_NAMES} for by_name in per_class]
    return pd.DataFrame(rows)


def _without(values: np.ndarray, classes: int | list[int]) -> np.ndarray:
    return np.delete(values, classes, axis=1)
