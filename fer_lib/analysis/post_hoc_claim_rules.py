"""The rules that were written when all results were known.

They take and return what those of `claim_rules` do, and carry less weight: whoever wrote them could
see what they would decide.
"""

import numpy as np
import pandas as pd

from fer_lib.analysis.claim_rules import (
    DISGUST,
    FEAR,
    FEAR_AND_SAD,
    SAD,
    TITLES,
    Evidence,
    resampled_confusions,
    resampled_scores,
    without,
)
from fer_lib.analysis.comparison import balanced_table, estimate, paired_differences
from fer_lib.analysis.confusions import class_shares, pair_confusions, pair_ranks
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import bootstrap_counts
from fer_lib.runs.predictions import align
from fer_lib.runs.run import Run

STATE_OF_THE_ART = 0.73  # accuracy, as the source report rounds it
OFTEN_CONFUSED = 5  # the top quarter of the 21 pairs of emotions
ALMOST_ZERO = 0.1  # probability


def head_only_is_weakest(custom: Run, fine_tuned: Run, head_only: Run) -> Evidence:
    """Head only has the lowest accuracy, balanced accuracy and macro-F1 of the three.

    Evidence: `model`, `accuracy`, `balanced_accuracy` and `macro_f1`.
    """
    runs, measures = (custom, fine_tuned, head_only), ("accuracy", "balanced_accuracy", "macro_f1")
    *rivals, last = (np.stack([scores[m] for m in measures]) for scores in resampled_scores(*runs))
    holds = [(last < rival).all(axis=0) for rival in rivals]
    values = [[estimate(run, "private_test", m).value for m in measures] for run in runs]
    evidence = pd.DataFrame(values, columns=measures)
    evidence.insert(0, "model", TITLES)
    return np.logical_and.reduce(holds), evidence


def fine_tuning_improves_accuracy(fine_tuned: Run, head_only: Run) -> Evidence:
    """MobileNetV2 fine-tuned is more accurate than head only.

    Evidence: the paired differences fine-tuned − head only.
    """
    after, before = (scores["accuracy"] for scores in resampled_scores(fine_tuned, head_only))
    return after > before, paired_differences(fine_tuned, {TITLES[2]: head_only})


def fine_tuned_is_better_on_disgust(fine_tuned: Run, head_only: Run) -> Evidence:
    """MobileNetV2 fine-tuned has a higher recall and a higher F1 on disgust than head only.

    Evidence: `model`, and of disgust the `recall`, the `f1` and the `support`, how many images.
    """
    runs = (fine_tuned, head_only)
    recalls = [class_shares(each)[:, DISGUST, DISGUST] for each in resampled_confusions(*runs)]
    f1 = [scores["f1"][:, DISGUST] for scores in resampled_scores(*runs)]
    rows = [run.metrics["private_test"]["per_class"]["disgust"] for run in runs]
    evidence = pd.DataFrame(rows, columns=["recall", "f1", "support"])
    evidence.insert(0, "model", TITLES[1:])
    return (recalls[0] > recalls[1]) & (f1[0] > f1[1]), evidence


def is_more_balanced(model: Run, baseline: Run) -> Evidence:
    """A model has a higher balanced accuracy than another.

    Evidence: `model`, `balanced_accuracy` and `macro_f1` of both, with their intervals.
    """
    first, second = (scores["balanced_accuracy"] for scores in resampled_scores(model, baseline))
    titles = [run.experiment.title for run in (model, baseline)]
    return first > second, balanced_table(dict(zip(titles, (model, baseline), strict=True)))


def fear_is_most_often_mistaken_for_sad(run: Run) -> Evidence:
    """For images labeled fear, a model predicts sad more often than any other false class.

    Evidence: `model`, `sad_share`, the share of the images labeled fear that are predicted as sad,
    and the largest share of another false class, `other_share`, with its name, `other_emotion`.
    """
    fear = resampled_confusions(run)[0][:, FEAR]
    holds = fear[:, SAD] > without(fear, [FEAR, SAD]).max(axis=1)
    shares = class_shares(np.array([run.metrics["private_test"]["confusion"]]))[0, FEAR]
    remaining = pd.Series(shares, EMOTION_NAMES).drop(["fear", "sad"])
    row = {
        "model": run.experiment.title,
        "sad_share": shares[SAD],
        "other_share": remaining.max(),
        "other_emotion": remaining.idxmax(),
    }
    return holds, pd.DataFrame([row])


def fear_and_sad_are_often_confused(run: Run) -> Evidence:
    """Fear and sad are among the `OFTEN_CONFUSED` most confused of the 21 pairs of emotions.

    Evidence: `model`, the shares `fear_predicted_sad_share` and `sad_predicted_fear_share`, and the
    `rank` of the pair, 1 the most confused (`confusions.pair_confusions`).
    """
    (resampled,) = resampled_confusions(run)
    ranks = pair_ranks(pair_confusions(class_shares(resampled)))[:, FEAR_AND_SAD]
    shares = class_shares(np.array([run.metrics["private_test"]["confusion"]]))
    row = {
        "model": run.experiment.title,
        "fear_predicted_sad_share": shares[0, FEAR, SAD],
        "sad_predicted_fear_share": shares[0, SAD, FEAR],
        "rank": pair_ranks(pair_confusions(shares))[0, FEAR_AND_SAD],
    }
    return ranks <= OFTEN_CONFUSED, pd.DataFrame([row])


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
    evidence = {"model": (TITLES[1], TITLES[0]), "confidence_when_correct": means}
    # Equal but for rounding is no lead.
    return resampled[0] - resampled[1] > 1e-9, pd.DataFrame(evidence)


def false_classes_get_almost_no_probability(fine_tuned: Run) -> Evidence:
    """The likeliest false class gets on average a probability below `ALMOST_ZERO`.

    The average is over all images. Where a prediction is wrong, it is itself a false class.

    Evidence: the mean `largest_false_probability`, and it over the correct and over the wrong
    predictions, `…_when_correct` and `…_when_wrong`.
    """
    predictions = fine_tuned.predictions["private_test"]
    is_true = np.arange(len(EMOTION_NAMES)) == predictions.labels[:, None]
    largest = np.where(is_true, 0, predictions.probabilities).max(axis=1)
    counts, correct = bootstrap_counts(len(predictions)), predictions.correct
    column = "largest_false_probability"
    row = {
        column: largest.mean(),
        f"{column}_when_correct": largest[correct].mean() if correct.any() else np.nan,
        f"{column}_when_wrong": largest[~correct].mean() if not correct.all() else np.nan,
    }
    return counts @ largest / counts.sum(axis=1) < ALMOST_ZERO, pd.DataFrame([row])


def is_below_state_of_the_art(run: Run) -> Evidence:
    """The accuracy of a model is below `STATE_OF_THE_ART`.

    Evidence: `model` and `accuracy` with its interval.
    """
    (scores,) = resampled_scores(run)
    row = {"model": run.experiment.title, **estimate(run, "private_test").columns("accuracy")}
    return scores["accuracy"] < STATE_OF_THE_ART, pd.DataFrame([row])
