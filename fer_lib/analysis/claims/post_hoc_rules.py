"""The rules that were written when all results were known.

They take and return what those of `rules` do, and carry less weight: whoever wrote them could
see what they would decide.
"""

import numpy as np
import pandas as pd

from fer_lib.analysis.claims.confusions import pair_confusions, pair_ranks
from fer_lib.analysis.claims.rules import (
    ANGRY,
    DISGUST,
    FEAR,
    FEAR_AND_SAD,
    SAD,
    SURPRISE,
    TITLES,
    Evidence,
    resampled_confusions,
    resampled_scores,
    without,
)
from fer_lib.analysis.comparison import (
    balanced_table,
    estimate,
    paired_differences,
    source_accuracies,
)
from fer_lib.analysis.convergence import convergence_epochs
from fer_lib.analysis.headline import predictions_on
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import (
    RESAMPLES,
    bootstrap_confusions,
    bootstrap_counts,
    confusion_scores,
)
from fer_lib.evaluation.metrics import class_shares
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


def is_more_accurate(model: Run, baseline: Run) -> Evidence:
    """A model is more accurate than another.

    Evidence: the paired differences model − baseline.
    """
    first, second = (scores["accuracy"] for scores in resampled_scores(model, baseline))
    return first > second, paired_differences(model, {baseline.experiment.title: baseline})


def accuracy_is_reproduced(run: Run) -> Evidence:
    """The accuracy on both test splits is in the 95 % Wilson interval of the source report's.

    The source report evaluates on both together, and gives no seeds.

    Evidence: `model`, `accuracy`, `source_report_accuracy` with its interval, and
    `accuracy_difference`.
    """
    title = run.experiment.title
    source = source_accuracies().set_index("model").loc[title]
    resampled = confusion_scores(bootstrap_confusions(predictions_on(run, "both"))[0])["accuracy"]
    _, low, high = source
    accuracy = run.metrics["both"]["accuracy"]
    row = {"model": title, "accuracy": accuracy, **source}
    row["accuracy_difference"] = accuracy - source["source_report_accuracy"]
    return (low <= resampled) & (resampled <= high), pd.DataFrame([row])


def is_better_on(emotion: int, *runs: Run, split: str = "private_test") -> Evidence:
    """The first of some models has a higher recall and a higher F1 on an emotion than each other.

    Evidence: `model`, and of the emotion the `recall`, the `f1` and the `support`, how many images.
    """
    first, *rivals = (
        np.stack(
            [class_shares(each)[:, emotion, emotion], confusion_scores(each)["f1"][:, emotion]]
        )
        for each in resampled_confusions(*runs, split=split)
    )
    holds = [(first > rival).all(axis=0) for rival in rivals]
    rows = [run.metrics[split]["per_class"][EMOTION_NAMES[emotion]] for run in runs]
    evidence = pd.DataFrame(rows, columns=["recall", "f1", "support"])
    evidence.insert(0, "model", [run.experiment.title for run in runs])
    return np.logical_and.reduce(holds), evidence


def disgust_has_lowest_f1(run: Run) -> Evidence:
    """Disgust has a lower F1 than all other emotions with one model.

    Evidence: `model`, the emotions of the lowest F1 and recall, `lowest_f1_emotion` and
    `lowest_recall_emotion`, these two, `lowest_f1` and `lowest_recall`, and those of disgust,
    `disgust_f1` and `disgust_recall`.
    """
    (scores,) = resampled_scores(run)
    holds = scores["f1"][:, DISGUST] < without(scores["f1"], DISGUST).min(axis=1)
    per_class = pd.DataFrame(run.metrics["private_test"]["per_class"])
    row = {"model": run.experiment.title}
    for measure in ("f1", "recall"):
        values = per_class.loc[measure]
        row |= {f"lowest_{measure}_emotion": values.idxmin(), f"lowest_{measure}": values.min()}
        row[f"disgust_{measure}"] = values["disgust"]
    return holds, pd.DataFrame([row])


def fine_tuning_helps(emotion: int, fine_tuned: Run, head_only: Run) -> Evidence:
    """From head only to fine-tuned, F1 rises more on an emotion than on the five others.

    The five are those that the source report does not name: all but surprise and angry.

    Evidence: `emotion`, `f1_gain` and `recall_gain` of all emotions.
    """
    after, before = (scores["f1"] for scores in resampled_scores(fine_tuned, head_only))
    gains = after - before
    tables = [pd.DataFrame(r.metrics["private_test"]["per_class"]) for r in (fine_tuned, head_only)]
    gain = (tables[0] - tables[1]).T[["f1", "recall"]].add_suffix("_gain")
    holds = gains[:, emotion] > without(gains, [SURPRISE, ANGRY]).max(axis=1)
    return holds, gain.rename_axis("emotion").reset_index()


def is_more_balanced(*runs: Run) -> Evidence:
    """The first of some models has a higher balanced accuracy than each other.

    Evidence: `model`, `balanced_accuracy` and `macro_f1` of all, with their intervals.
    """
    first, *rivals = (scores["balanced_accuracy"] for scores in resampled_scores(*runs))
    titles = [run.experiment.title for run in runs]
    holds = np.logical_and.reduce([first > rival for rival in rivals])
    return holds, balanced_table(dict(zip(titles, runs, strict=True)))


def converges_before(*runs: Run) -> Evidence:
    """The first of some models reaches 95 % of its best accuracy on PublicTest in an earlier epoch.

    It is read from one training curve of each model; resampling the images changes nothing.

    Evidence: `model`, the `epoch`, and `epochs`, how many were trained (`convergence_epochs`).
    """
    evidence = convergence_epochs(dict(enumerate(runs)))
    evidence["model"] = [run.experiment.title for run in runs]
    first, *following = evidence["epoch"]
    return np.full(RESAMPLES, first < min(following)), evidence


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
