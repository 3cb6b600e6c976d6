"""The rules that decide the claims of the source report.

Each takes the runs of some models and is true or false of their predictions and training curves. It
is evaluated on 2,000 resamples of the images, the same for all models. A tie is no lead. The rules
use PrivateTest; the one on a control, which is not evaluated there, uses PublicTest. They look at
one seed of each model: the resamples exclude the variance across seeds.
"""

import functools

import numpy as np
import pandas as pd

from fer_lib.analysis.comparison import Estimate, balanced_table, estimate, paired_differences
from fer_lib.analysis.confusions import PAIRS, class_shares, pair_confusions, pair_ranks
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import bootstrap_confusions, bootstrap_counts, confusion_scores
from fer_lib.evaluation.metrics import confidence_gap
from fer_lib.experiments import EXPERIMENTS
from fer_lib.runs.predictions import Predictor, SplitPredictions, align
from fer_lib.runs.run import Run

CUSTOM_CNN, HEAD_ONLY, FINE_TUNED = (
    "custom_cnn",
    "mobilenetv2_head_only",
    "mobilenetv2_fine_tuned",
)
NETWORKS = (CUSTOM_CNN, FINE_TUNED, HEAD_ONLY)  # in the order of the source report
STATE_OF_THE_ART = 0.73  # accuracy, as the source report rounds it
_TITLES = tuple(EXPERIMENTS[name].title for name in NETWORKS)
DISGUST, FEAR, SAD, SURPRISE, ANGRY = (
    EMOTION_NAMES.index(name) for name in ("disgust", "fear", "sad", "surprise", "angry")
)
_FEAR_AND_SAD = PAIRS.index((FEAR, SAD))

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
    resampled = _confusions(*runs)
    holds = [pair_ranks(pair_confusions(class_shares(c)))[:, _FEAR_AND_SAD] == 1 for c in resampled]
    shares = class_shares(np.array([run.metrics["private_test"]["confusion"] for run in runs]))
    pairs = pair_confusions(shares)
    evidence = {
        "model": _TITLES,
        "fear_predicted_sad_share": shares[:, FEAR, SAD],
        "sad_predicted_fear_share": shares[:, SAD, FEAR],
        "rank": pair_ranks(pairs)[:, _FEAR_AND_SAD],
        "most_confused_pair": [
            tuple(EMOTION_NAMES[i] for i in PAIRS[most]) for most in pairs.argmax(axis=1)
        ],
    }
    return np.logical_and.reduce(holds), pd.DataFrame(evidence)


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


def head_only_is_weakest(custom: Run, fine_tuned: Run, head_only: Run) -> Evidence:
    """Head only has the lowest accuracy, balanced accuracy and macro-F1 of the three.

    Evidence: `model`, `accuracy`, `balanced_accuracy` and `macro_f1`.
    """
    runs, measures = (custom, fine_tuned, head_only), ("accuracy", "balanced_accuracy", "macro_f1")
    *rivals, last = (np.stack([scores[m] for m in measures]) for scores in _scores(*runs))
    holds = [(last < rival).all(axis=0) for rival in rivals]
    values = [[estimate(run, "private_test", m).value for m in measures] for run in runs]
    evidence = pd.DataFrame(values, columns=measures)
    evidence.insert(0, "model", _TITLES)
    return np.logical_and.reduce(holds), evidence


def fine_tuning_improves_accuracy(fine_tuned: Run, head_only: Run) -> Evidence:
    """MobileNetV2 fine-tuned is more accurate than head only.

    Evidence: the paired differences fine-tuned − head only.
    """
    after, before = (scores["accuracy"] for scores in _scores(fine_tuned, head_only))
    return after > before, paired_differences(fine_tuned, {_TITLES[2]: head_only})


def fine_tuned_is_better_on_disgust(fine_tuned: Run, head_only: Run) -> Evidence:
    """MobileNetV2 fine-tuned has a higher recall and a higher F1 on disgust than head only.

    Evidence: `model`, and of disgust the `recall`, the `f1` and the `support`, how many images.
    """
    runs = (fine_tuned, head_only)
    recalls = [class_shares(each)[:, DISGUST, DISGUST] for each in _confusions(*runs)]
    f1 = [scores["f1"][:, DISGUST] for scores in _scores(*runs)]
    rows = [run.metrics["private_test"]["per_class"]["disgust"] for run in runs]
    evidence = pd.DataFrame(rows, columns=["recall", "f1", "support"])
    evidence.insert(0, "model", _TITLES[1:])
    return (recalls[0] > recalls[1]) & (f1[0] > f1[1]), evidence


def is_more_balanced(model: Run, baseline: Run) -> Evidence:
    """A model has a higher balanced accuracy than another.

    Evidence: `model`, `balanced_accuracy` and `macro_f1` of both, with their intervals.
    """
    first, second = (scores["balanced_accuracy"] for scores in _scores(model, baseline))
    titles = [run.experiment.title for run in (model, baseline)]
    return first > second, balanced_table(dict(zip(titles, (model, baseline), strict=True)))


def fear_is_most_often_mistaken_for_sad(run: Run) -> Evidence:
    """For images labeled fear, a model predicts sad more often than any other false class.

    Evidence: `model`, `sad_share`, the share of the images labeled fear that are predicted as sad,
    and the largest share of another false class, `other_share`, with its name, `other_emotion`.
    """
    fear = _confusions(run)[0][:, FEAR]
    holds = fear[:, SAD] > _without(fear, [FEAR, SAD]).max(axis=1)
    shares = class_shares(np.array([run.metrics["private_test"]["confusion"]]))[0, FEAR]
    remaining = pd.Series(shares, EMOTION_NAMES).drop(["fear", "sad"])
    row = {
        "model": run.experiment.title,
        "sad_share": shares[SAD],
        "other_share": remaining.max(),
        "other_emotion": remaining.idxmax(),
    }
    return holds, pd.DataFrame([row])


def fine_tuned_is_more_confident_when_correct(fine_tuned: Run, custom: Run) -> Evidence:
    """Where it is correct, MobileNetV2 fine-tuned has a higher mean confidence than the custom CNN.

    Evidence: `model`, and its mean `confidence_when_correct`, over its own correct predictions.
    """
    resampled, means = [], []
    for predictions in align(*(run.predictions["private_test"] for run in (fine_tuned, custom))):
        confidence, correct = predictions.probabilities.max(axis=1), predictions.correct
        counts = bootstrap_counts(len(predictions))
        resampled.append((counts @ (confidence * correct)) / (counts @ correct.astype(float)))
        means.append(confidence[correct].mean())
    evidence = {"model": (_TITLES[1], _TITLES[0]), "confidence_when_correct": means}
    # Equal but for rounding is no lead.
    return resampled[0] - resampled[1] > 1e-9, pd.DataFrame(evidence)


def is_below_state_of_the_art(run: Run) -> Evidence:
    """The accuracy of a model is below `STATE_OF_THE_ART`.

    Evidence: `model` and `accuracy` with its interval.
    """
    (scores,) = _scores(run)
    row = {"model": run.experiment.title, **estimate(run, "private_test").columns("accuracy")}
    return scores["accuracy"] < STATE_OF_THE_ART, pd.DataFrame([row])


def _scores(*predictors: Predictor, split: str = "private_test") -> list[dict[str, np.ndarray]]:
    """`confusion_scores` of each model on the same resamples."""
    return [confusion_scores(each) for each in _confusions(*predictors, split=split)]


def _confusions(*predictors: Predictor, split: str = "private_test") -> list[np.ndarray]:
    """Confusion matrices int64 [2000, 7, 7] of each model on the same resamples."""
    predictions = [each.predictions[split] for each in predictors]
    align(*predictions)  # refuses models of different images
    return [_resampled(each) for each in predictions]


@functools.lru_cache(maxsize=8)  # several rules look at each model
def _resampled(predictions: SplitPredictions) -> np.ndarray:
    return bootstrap_confusions(predictions)[0]


def _f1(*runs: Run) -> pd.DataFrame:
    """F1 on PrivateTest, one row per run and one column per emotion."""
    per_class = (run.metrics["private_test"]["per_class"] for run in runs)
    rows = [{name: by_name[name]["f1"] for name in EMOTION_NAMES} for by_name in per_class]
    return pd.DataFrame(rows)


def _without(values: np.ndarray, classes: int | list[int]) -> np.ndarray:
    return np.delete(values, classes, axis=1)
