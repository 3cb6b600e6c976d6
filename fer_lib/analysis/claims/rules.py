"""The rules that decide the claims of the source report, written before all results were known.

Each takes the runs of some models and is true or false of their predictions and training curves. It
is evaluated on 2,000 resamples of the images, the same for all models. A tie is no lead. The rules
use PrivateTest; the one on a control, which is not evaluated there, uses PublicTest. They look at
one seed of each model: the resamples exclude the variance across seeds, which `evaluation` adds.
"""

import functools

import numpy as np
import pandas as pd

from fer_lib.analysis.claims.confusions import PAIRS, pair_confusions, pair_ranks
from fer_lib.analysis.comparison import Estimate, balanced_table, estimate, paired_differences
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import (
    bootstrap_confusions,
    bootstrap_counts,
    confusion_scores,
    percentile_interval,
)
from fer_lib.evaluation.metrics import class_shares
from fer_lib.experiments import EXPERIMENTS
from fer_lib.runs.predictions import Predictor, SplitPredictions, align
from fer_lib.runs.run import Run

CUSTOM_CNN, HEAD_ONLY, FINE_TUNED = (
    "custom_cnn",
    "mobilenetv2_head_only",
    "mobilenetv2_fine_tuned",
)
NETWORKS = (CUSTOM_CNN, FINE_TUNED, HEAD_ONLY)  # in the order of the source report
TITLES = tuple(EXPERIMENTS[name].title for name in NETWORKS)
DISGUST, FEAR, SAD, SURPRISE, ANGRY = (
    EMOTION_NAMES.index(name) for name in ("disgust", "fear", "sad", "surprise", "angry")
)
FEAR_AND_SAD = PAIRS.index((FEAR, SAD))

# What a rule returns: in which resamples it holds, bool [2000], and its evidence.
Evidence = tuple[np.ndarray, pd.DataFrame]


def accuracy_ranking(custom: Run, fine_tuned: Run, head_only: Run) -> Evidence:
    """The custom CNN is more accurate than MobileNetV2 fine-tuned, and that than head only.

    Evidence: `model` and `baseline` (titles) of the two pairs, and the paired differences.
    """
    first, second, third = (s["accuracy"] for s in resampled_scores(custom, fine_tuned, head_only))
    evidence = pd.concat(
        [
            paired_differences(custom, {TITLES[1]: fine_tuned}),
            paired_differences(fine_tuned, {TITLES[2]: head_only}),
        ],
        ignore_index=True,
    )
    evidence.insert(0, "model", TITLES[:2])
    return (first > second) & (second > third), evidence


def head_only_underfits(custom: Run, head_only: Run) -> Evidence:
    """Head only is in no epoch as accurate on Training as the custom CNN is on PrivateTest.

    Evidence: `model`, `split` and `accuracy`: of head only on Training (the highest of all epochs,
    with augmentation and dropout) and PublicTest, of the custom CNN on PrivateTest.
    """
    best = float(head_only.history["accuracy"].max())
    (scores,) = resampled_scores(custom)
    rows = (
        (TITLES[2], "Training", Estimate(best)),
        (TITLES[2], "PublicTest", estimate(head_only, "public_test")),
        (TITLES[0], "PrivateTest", estimate(custom, "private_test")),
    )
    evidence = [{"model": m, "split": s, **value.columns("accuracy")} for m, s, value in rows]
    return scores["accuracy"] > best, pd.DataFrame(evidence)


def disgust_is_hardest(custom: Run, fine_tuned: Run, head_only: Run) -> Evidence:
    """With each of the three models, disgust has a lower F1 than all other emotions.

    Evidence: `model`, the `hardest_emotion`, its `lowest_f1`, and `disgust_f1`.
    """
    runs = (custom, fine_tuned, head_only)
    resampled, f1 = [scores["f1"] for scores in resampled_scores(*runs)], f1_by_emotion(*runs)
    holds = [each[:, DISGUST] < without(each, DISGUST).min(axis=1) for each in resampled]
    evidence = {
        "model": TITLES,
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
        for scores in resampled_scores(*runs)
    )
    leads = [(first > rival).all(axis=0) for rival in rivals]
    f1, table = f1_by_emotion(*runs), balanced_table(dict(zip(TITLES, runs, strict=True)))
    evidence = table.loc[:, :"balanced_accuracy_high"].assign(fear_f1=f1["fear"], sad_f1=f1["sad"])
    return np.logical_and.reduce(leads), evidence


def fine_tuning_helps_surprise_and_anger(fine_tuned: Run, head_only: Run) -> Evidence:
    """From head only to fine-tuned, F1 rises more on surprise and angry than on all others.

    Evidence: `emotion`, `head_only_f1`, `fine_tuned_f1`, `f1_gain`, the largest gain first.
    """
    after, before = (scores["f1"] for scores in resampled_scores(fine_tuned, head_only))
    gains, claimed = after - before, [SURPRISE, ANGRY]
    holds = gains[:, claimed].min(axis=1) > without(gains, claimed).max(axis=1)
    evidence = f1_by_emotion(head_only, fine_tuned).T.set_axis(
        ["head_only_f1", "fine_tuned_f1"], axis=1
    )
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
    resampled = resampled_confusions(*runs)
    holds = [pair_ranks(pair_confusions(class_shares(c)))[:, FEAR_AND_SAD] == 1 for c in resampled]
    shares = class_shares(np.array([run.metrics["private_test"]["confusion"] for run in runs]))
    pairs = pair_confusions(shares)
    evidence = {
        "model": TITLES,
        "fear_predicted_sad_share": shares[:, FEAR, SAD],
        "sad_predicted_fear_share": shares[:, SAD, FEAR],
        "rank": pair_ranks(pairs)[:, FEAR_AND_SAD],
        "most_confused_pair": [
            tuple(EMOTION_NAMES[i] for i in PAIRS[most]) for most in pairs.argmax(axis=1)
        ],
    }
    return np.logical_and.reduce(holds), pd.DataFrame(evidence)


def focal_loss_mitigates_imbalance(focal: Run, cross_entropy: Run) -> Evidence:
    """The custom CNN has a higher macro-F1 on PublicTest with focal loss than with cross-entropy.

    Evidence: the paired differences focal loss − cross-entropy; of the `disgust_images` how many
    each classifies correctly, `focal_disgust_correct` and `cross_entropy_disgust_correct`; and
    `disgust_recall_difference` with its interval.
    """
    runs, split = (focal, cross_entropy), "public_test"
    first, second = (each["macro_f1"] for each in resampled_scores(*runs, split=split))
    confusions = [np.array(run.metrics[split]["confusion"]) for run in runs]
    correct = [int(counts[DISGUST, DISGUST]) for counts in confusions]
    images = int(confusions[0][DISGUST].sum())
    recalls = [
        class_shares(each)[:, DISGUST, DISGUST] for each in resampled_confusions(*runs, split=split)
    ]
    limits = percentile_interval(recalls[0] - recalls[1])
    recall = Estimate((correct[0] - correct[1]) / images, *limits)
    title = EXPERIMENTS["custom_cnn_cross_entropy"].title
    evidence = paired_differences(focal, {title: cross_entropy}, split).assign(
        focal_disgust_correct=correct[0],
        cross_entropy_disgust_correct=correct[1],
        disgust_images=images,
        **recall.columns("disgust_recall_difference"),
    )
    return first > second, evidence


def fine_tuned_is_overconfident(fine_tuned: Run) -> Evidence:
    """The mean confidence of MobileNetV2 fine-tuned is above its accuracy on PrivateTest.

    Evidence: mean `confidence`, `accuracy` and `confidence_gap` with their intervals, and over the
    misclassified images the mean `confidence_when_wrong` and `true_class_probability_when_wrong`.
    """
    predictions = fine_tuned.predictions["private_test"]
    p, wrong = predictions.probabilities, np.flatnonzero(~predictions.correct)
    confidence = p.max(axis=1)
    gaps = confidence - predictions.correct
    resampled = bootstrap_counts(len(gaps)) @ gaps / len(gaps)
    when_wrong = {
        "confidence_when_wrong": confidence[wrong],
        "true_class_probability_when_wrong": p[wrong, predictions.labels[wrong]],
    }
    row = {
        "confidence": confidence.mean(),
        **estimate(fine_tuned, "private_test").columns("accuracy"),
        **Estimate(gaps.mean(), *percentile_interval(resampled)).columns("confidence_gap"),
        **{name: values.mean() if len(wrong) else np.nan for name, values in when_wrong.items()},
    }
    return resampled > 0, pd.DataFrame([row])


def resampled_scores(
    *predictors: Predictor, split: str = "private_test"
) -> list[dict[str, np.ndarray]]:
    """`confusion_scores` of each model on the same resamples."""
    return [confusion_scores(each) for each in resampled_confusions(*predictors, split=split)]


def resampled_confusions(*predictors: Predictor, split: str = "private_test") -> list[np.ndarray]:
    """Confusion matrices int64 [2000, 7, 7] of each model on the same resamples."""
    predictions = [each.predictions[split] for each in predictors]
    align(*predictions)  # refuses models of different images
    return [_resampled(each) for each in predictions]


@functools.lru_cache(maxsize=64)  # several rules look at each model
def _resampled(predictions: SplitPredictions) -> np.ndarray:
    return bootstrap_confusions(predictions)[0]


def f1_by_emotion(*runs: Run) -> pd.DataFrame:
    """F1 on PrivateTest, one row per run and one column per emotion."""
    per_class = (run.metrics["private_test"]["per_class"] for run in runs)
    rows = [{name: by_name[name]["f1"] for name in EMOTION_NAMES} for by_name in per_class]
    return pd.DataFrame(rows)


def without(values: np.ndarray, classes: int | list[int]) -> np.ndarray:
    """Values [k, 7] without the columns of some classes."""
    return np.delete(values, classes, axis=1)
