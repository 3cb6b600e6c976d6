"""Each rule on made-up predictions whose verdict is plain."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fer_lib.analysis.claims import (
    CLAIMS,
    evaluate_claims,
    first_disgust_verdict,
    post_hoc_rules,
    unanimous,
)
from fer_lib.analysis.claims.evaluation import conjunction
from fer_lib.analysis.claims.post_hoc_rules import (
    accuracy_is_reproduced,
    converges_before,
    disgust_has_lowest_f1,
    false_classes_get_almost_no_probability,
    fear_and_sad_are_often_confused,
    fear_is_most_often_mistaken_for_sad,
    fine_tuned_is_more_confident_when_correct,
    fine_tuning_helps,
    head_only_is_weakest,
    is_below_state_of_the_art,
    is_better_on,
    is_more_accurate,
    is_more_balanced,
)
from fer_lib.analysis.claims.rules import (
    CUSTOM_CNN,
    FINE_TUNED,
    HEAD_ONLY,
    accuracy_ranking,
    custom_cnn_is_most_balanced,
    disgust_is_hardest,
    fear_and_sad_are_confused_most,
    fine_tuned_is_overconfident,
    fine_tuning_helps_surprise_and_anger,
    focal_loss_mitigates_imbalance,
    head_only_underfits,
)
from fer_lib.analysis.verdict import Verdict, decide
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import bootstrap_confusions
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.experiments import EXPERIMENTS
from fer_lib.runs.predictions import SplitPredictions

CONFIRMED, REFUTED, INCONCLUSIVE = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.INCONCLUSIVE
LABELS = np.repeat(np.arange(7), [60, 20, 60, 100, 70, 60, 70]).astype(np.uint8)


SPLITS = ("public_test", "private_test")
DISGUST, FEAR, SAD, SURPRISE = map(EMOTION_NAMES.index, ("disgust", "fear", "sad", "surprise"))


def model(errors: dict, curve=(0.5, 0.6), logit=9.0, split="private_test"):
    """A model that errs on shares of a class: {(true, predicted): share}.

    On the other test split it is wrong on every image, so that a rule that reads that one fails.
    """
    predicted = LABELS.astype(int)
    for (true, other), share in errors.items():
        of_class = EMOTION_NAMES.index(true) == LABELS
        rows = np.flatnonzero(of_class & (predicted == LABELS))
        predicted[rows[: round(share * of_class.sum())]] = EMOTION_NAMES.index(other)
    predictions = {}
    for number, name in enumerate(SPLITS):
        classes = predicted if name == split else (LABELS + 1) % 7
        logits = logit * np.eye(7, dtype=np.float32)[classes]
        hashes = np.arange(len(LABELS)) + 1_000 * number
        predictions[name] = SplitPredictions(logits, LABELS, hashes)
    return SimpleNamespace(
        predictions=predictions,
        metrics=metrics_by_split(predictions),
        history=pd.DataFrame({"accuracy": curve, "val_accuracy": curve}),
        experiment=SimpleNamespace(title="Model"),
    )


def of(name, *models):
    """Runs of an experiment: seed 0, 1, … of some models."""
    config = {"configuration": {"epochs": 120}}
    experiment = EXPERIMENTS[name]
    return [
        SimpleNamespace(
            **vars(each) | {"name": name, "seed": n, "config": config, "experiment": experiment}
        )
        for n, each in enumerate(models)
    ]


PERFECT = model({})
GOOD_ERRORS = {("disgust", "angry"): 0.3, ("fear", "sad"): 0.1, ("sad", "fear"): 0.1}
GOOD = model(GOOD_ERRORS)
FAIR = model(
    {("disgust", "angry"): 0.5, ("fear", "sad"): 0.4, ("sad", "fear"): 0.3, ("neutral", "sad"): 0.1}
)
NEARLY_GOOD = model(GOOD_ERRORS | {("happy", "neutral"): 0.02})
POOR_ERRORS = {
    ("disgust", "angry"): 1,
    ("fear", "sad"): 0.6,
    ("sad", "fear"): 0.5,
    ("surprise", "happy"): 0.7,
    ("angry", "happy"): 0.8,
}
POOR = model(POOR_ERRORS)


def verdict(rule, *runs):
    return decide(rule(*runs)[0])


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ((GOOD, FAIR, POOR), CONFIRMED),
        ((FAIR, GOOD, POOR), REFUTED),
        ((GOOD, GOOD, POOR), REFUTED),  # a tie is no lead
        ((GOOD, NEARLY_GOOD, POOR), INCONCLUSIVE),
    ],
)
def test_accuracy_ranking(runs, expected):
    assert verdict(accuracy_ranking, *runs) == expected


def test_accuracy_ranking_has_both_pairs_as_evidence():
    _, evidence = accuracy_ranking(GOOD, FAIR, POOR)
    good, fair, poor = (run.metrics["private_test"]["accuracy"] for run in (GOOD, FAIR, POOR))
    assert evidence.index.tolist() == [0, 1]
    assert evidence["baseline"].tolist() == ["MobileNetV2, fine-tuned", "MobileNetV2, head only"]
    assert evidence["accuracy_difference"].tolist() == pytest.approx([good - fair, fair - poor])


def test_head_only_underfits_where_its_training_accuracy_stays_below():
    accuracy = GOOD.metrics["private_test"]["accuracy"]
    assert verdict(head_only_underfits, GOOD, model({}, curve=(0.4, 0.3))) == CONFIRMED
    assert verdict(head_only_underfits, GOOD, model({}, curve=(0.3, 0.99))) == REFUTED
    assert verdict(head_only_underfits, GOOD, model({}, curve=(0.3, accuracy))) == INCONCLUSIVE
    _, evidence = head_only_underfits(GOOD, model({}, curve=(0.4, 0.3)))
    assert evidence["split"].tolist() == ["Training", "PublicTest", "PrivateTest"]
    assert evidence["accuracy"].tolist() == pytest.approx([0.4, 0.0, accuracy])


def test_disgust_must_be_hardest_with_each_model():
    sad = model({("sad", "happy"): 0.9})
    assert verdict(disgust_is_hardest, POOR, POOR, POOR) == CONFIRMED
    assert verdict(disgust_is_hardest, sad, sad, sad) == REFUTED
    assert verdict(disgust_is_hardest, POOR, POOR, sad) == REFUTED
    _, evidence = disgust_is_hardest(POOR, POOR, sad)
    assert evidence["hardest_emotion"].tolist() == ["disgust", "disgust", "sad"]
    # Of 70 sad images 7 are predicted so, and no other image is: precision 1, recall 0.1.
    assert evidence["lowest_f1"].iloc[2] == pytest.approx(2 * 7 / (70 + 7))
    assert evidence["disgust_f1"].iloc[2] == 1


@pytest.mark.parametrize(
    ("hardest", "expected"),
    [
        (["disgust", "disgust", "disgust"], CONFIRMED),
        (["fear", "fear", "disgust"], INCONCLUSIVE),
        (["fear", "sad", "fear"], REFUTED),
    ],
)
def test_first_version_of_the_disgust_rule_counts_models(hardest, expected):
    assert first_disgust_verdict(pd.DataFrame({"hardest_emotion": hardest})) == expected


def test_most_balanced_needs_a_lead_in_all_three_measures():
    assert verdict(custom_cnn_is_most_balanced, GOOD, FAIR, POOR) == CONFIRMED
    assert verdict(custom_cnn_is_most_balanced, POOR, FAIR, GOOD) == REFUTED
    assert verdict(custom_cnn_is_most_balanced, GOOD, GOOD, POOR) == REFUTED
    _, evidence = custom_cnn_is_most_balanced(GOOD, FAIR, POOR)
    for row, run in enumerate((GOOD, FAIR, POOR)):
        metrics = run.metrics["private_test"]
        f1 = [metrics["per_class"][name]["f1"] for name in ("fear", "sad")]
        values = evidence.loc[row, ["balanced_accuracy", "fear_f1", "sad_f1"]]
        assert values.tolist() == [metrics["balanced_accuracy"], *f1]


@pytest.mark.parametrize(("lost", "won"), [("fear", "sad"), ("sad", "fear")])
def test_most_balanced_needs_a_lead_on_each_emotion(lost, won):
    """The first leads in balanced accuracy, by 0.07 to 0.33 lost, and on one emotion of two."""
    first = model({(lost, "happy"): 0.5})
    rival = model({("happy", "neutral"): 0.9, ("angry", "neutral"): 0.9, (won, "neutral"): 0.5})
    assert verdict(is_more_balanced, first, rival) == CONFIRMED
    assert verdict(custom_cnn_is_most_balanced, first, rival, rival) == REFUTED
    alone = {name: CLAIMS[f"custom_cnn_is_best_on_{name}"].evaluate for name in (lost, won)}
    assert verdict(alone[won], first, rival, rival) == CONFIRMED
    assert verdict(alone[lost], first, rival, rival) == REFUTED


def test_fine_tuning_gains_are_sorted_and_must_lead_on_both_emotions():
    rule = fine_tuning_helps_surprise_and_anger
    before = model({("surprise", "happy"): 0.8, ("angry", "happy"): 0.8, ("sad", "fear"): 0.1})
    assert verdict(rule, PERFECT, before) == CONFIRMED
    assert verdict(rule, PERFECT, model({("sad", "fear"): 0.8})) == REFUTED
    assert verdict(rule, PERFECT, model({("surprise", "happy"): 0.8})) == REFUTED
    _, evidence = rule(PERFECT, before)
    assert evidence.index.tolist() == [*range(7)]
    assert set(evidence["emotion"][:2]) == {"surprise", "angry"}
    # Of 60 surprise images 12 are predicted so, and no other image is: F1 is 24 / 72.
    row = evidence.set_index("emotion").loc["surprise"]
    assert row.tolist() == pytest.approx([1 / 3, 1, 2 / 3])


def test_fear_and_sad_are_ranked_among_the_pairs():
    rule = fear_and_sad_are_confused_most
    plain = model({("disgust", "angry"): 0.2, ("fear", "sad"): 0.5, ("sad", "fear"): 0.4})
    assert verdict(rule, plain, plain, plain) == CONFIRMED
    _, evidence = rule(plain, plain, plain)
    assert evidence.iloc[0, 1:].tolist() == [0.5, 0.4, 1, ("fear", "sad")]
    other = model({("disgust", "angry"): 0.8, ("fear", "sad"): 0.2})
    assert verdict(rule, other, plain, plain) == REFUTED
    _, evidence = rule(other, plain, plain)
    assert evidence.loc[0, "rank"] == 2
    assert evidence.loc[0, "most_confused_pair"] == ("angry", "disgust")


def test_fear_and_sad_that_are_never_confused_tie_with_the_last_pairs():
    never = model({(name, "happy"): 1 for name in EMOTION_NAMES if name != "happy"})
    for run in (PERFECT, never):
        holds, evidence = fear_and_sad_are_confused_most(run, run, run)
        assert decide(holds) == REFUTED and evidence.loc[0, "rank"] == 21


def test_focal_loss_is_compared_with_cross_entropy():
    rule = focal_loss_mitigates_imbalance
    good, nearly_good, poor = (
        model(errors, split="public_test")
        for errors in (GOOD_ERRORS, GOOD_ERRORS | {("happy", "neutral"): 0.02}, POOR_ERRORS)
    )
    assert verdict(rule, good, poor) == CONFIRMED
    assert verdict(rule, poor, good) == REFUTED
    assert verdict(rule, good, nearly_good) == INCONCLUSIVE
    _, evidence = rule(good, poor)
    row = evidence.iloc[0]
    assert row["baseline"] == "Custom CNN, cross-entropy"
    assert row[["focal_disgust_correct", "cross_entropy_disgust_correct"]].tolist() == [14, 0]
    assert row["disgust_images"] == 20
    # POOR finds no disgust, so the difference is GOOD's recall; its binomial SD is 0.10.
    assert row["disgust_recall_difference"] == pytest.approx(0.7)
    assert row["disgust_recall_difference_low"] == pytest.approx(0.7 - 0.20, abs=0.05)
    assert row["disgust_recall_difference_high"] == pytest.approx(0.7 + 0.20, abs=0.05)
    # Against a third model, the interval is that of the differences on the same resamples.
    fair = model({("disgust", "angry"): 0.5}, split="public_test")
    resampled = [bootstrap_confusions(run.predictions["public_test"])[0] for run in (good, fair)]
    recalls = [counts[:, 1, 1] / counts[:, 1].sum(axis=1) for counts in resampled]
    limits = np.percentile(recalls[0] - recalls[1], [2.5, 97.5])
    values = rule(good, fair)[1].filter(like="disgust_recall_difference").iloc[0]
    assert values.tolist() == pytest.approx([0.2, *limits])
    difference = good.metrics["public_test"]["macro_f1"] - poor.metrics["public_test"]["macro_f1"]
    assert evidence.loc[0, "macro_f1_difference"] == pytest.approx(difference)


@pytest.mark.filterwarnings("error")  # of means over nothing
def test_overconfidence_is_confidence_above_accuracy():
    holds, evidence = fine_tuned_is_overconfident(FAIR)
    assert decide(holds) == CONFIRMED
    confidence = np.exp(9) / (np.exp(9) + 6)  # softmax of one logit 9 and six of 0
    row, correct = evidence.iloc[0], FAIR.predictions["private_test"].correct
    assert row[["confidence", "confidence_when_wrong"]].tolist() == pytest.approx([confidence] * 2)
    assert row["true_class_probability_when_wrong"] == pytest.approx((1 - confidence) / 6)
    assert row["accuracy"] == pytest.approx(correct.mean())
    assert row["confidence_gap"] == pytest.approx(confidence - correct.mean())
    expected = stats.bootstrap(
        (confidence - correct,), np.mean, method="percentile", n_resamples=4000, rng=1
    ).confidence_interval
    limits = row[["confidence_gap_low", "confidence_gap_high"]].tolist()
    assert limits == pytest.approx([expected.low, expected.high], abs=0.006)

    holds, evidence = fine_tuned_is_overconfident(model({}, logit=1.0))
    assert decide(holds) == REFUTED
    row = evidence.iloc[0]
    assert row["confidence_gap"] == pytest.approx(np.e / (np.e + 6) - 1)
    # Nothing is misclassified.
    assert row[["confidence_when_wrong", "true_class_probability_when_wrong"]].isna().all()


def test_weakest_must_be_last_in_all_three_measures():
    assert verdict(head_only_is_weakest, GOOD, FAIR, POOR) == CONFIRMED
    assert verdict(head_only_is_weakest, GOOD, POOR, FAIR) == REFUTED
    # Without disgust at all it is last in balanced accuracy, and first in accuracy.
    no_disgust = model({("disgust", "happy"): 1})
    many_errors = model({("happy", "sad"): 0.3, ("angry", "sad"): 0.1})
    assert verdict(head_only_is_weakest, PERFECT, many_errors, no_disgust) == REFUTED
    _, evidence = head_only_is_weakest(PERFECT, many_errors, no_disgust)
    assert evidence["accuracy"].tolist() == pytest.approx([1, 1 - 36 / 440, 1 - 20 / 440])
    assert evidence["balanced_accuracy"].tolist() == pytest.approx(
        [1, 1 - 0.4 / 7, 6 / 7], abs=2e-3
    )


def test_more_accurate_needs_a_clear_lead():
    assert verdict(is_more_accurate, GOOD, POOR) == CONFIRMED
    assert verdict(is_more_accurate, POOR, GOOD) == REFUTED
    assert verdict(is_more_accurate, GOOD, GOOD) == REFUTED
    _, evidence = is_more_accurate(GOOD, POOR)
    good, poor = (run.metrics["private_test"]["accuracy"] for run in (GOOD, POOR))
    assert evidence.loc[0, "accuracy_difference"] == pytest.approx(good - poor)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.4, 0.6, CONFIRMED), (0.5, 0.6, INCONCLUSIVE), (0.6, 0.7, REFUTED), (0.3, 0.4, REFUTED)],
)
def test_reproduced_is_in_the_interval_of_the_source(monkeypatch, low, high, expected):
    columns = ["model", "source_report_accuracy", "source_report_accuracy_low"]
    table = pd.DataFrame([["Model", 0.45, low, high]], columns=[*columns, "high"])
    monkeypatch.setattr(post_hoc_rules, "source_accuracies", lambda: table)
    holds, evidence = accuracy_is_reproduced(PERFECT)  # wrong on all of PublicTest: 50 % of both
    assert decide(holds) == expected
    assert evidence.loc[0, "accuracy"] == 0.5
    assert evidence.loc[0, "accuracy_difference"] == pytest.approx(0.05)


def test_better_on_an_emotion_needs_recall_and_f1_over_each_other_model():
    def rule(*runs):
        return is_better_on(DISGUST, *runs)

    assert verdict(rule, GOOD, POOR) == verdict(rule, PERFECT, GOOD, POOR) == CONFIRMED
    assert verdict(rule, POOR, GOOD) == verdict(rule, GOOD, POOR, PERFECT) == REFUTED
    # All images of disgust are found, among many others: the recall rises, and F1 falls.
    eager = model({("happy", "disgust"): 1})
    assert verdict(rule, eager, GOOD) == REFUTED
    # No other image is predicted so, and fewer of them are found: F1 rises, and the recall falls.
    assert verdict(rule, GOOD, eager) == REFUTED
    _, evidence = rule(eager, GOOD)
    assert evidence["recall"].tolist() == pytest.approx([1, 0.7])
    # 20 of the 120 images that are predicted as disgust are; GOOD: precision 1, recall 0.7.
    assert evidence["f1"].tolist() == pytest.approx([2 * 20 / (120 + 20), 2 * 0.7 / 1.7])
    assert evidence["support"].tolist() == [20, 20]
    assert verdict(lambda *runs: is_better_on(SAD, *runs), PERFECT, eager) == REFUTED


def test_better_on_an_emotion_may_be_of_public_test():
    good, poor = (model(errors, split="public_test") for errors in (GOOD_ERRORS, POOR_ERRORS))
    holds, evidence = is_better_on(DISGUST, good, poor, split="public_test")
    assert decide(holds) == CONFIRMED and evidence["recall"].tolist() == pytest.approx([0.7, 0])
    assert decide(is_better_on(DISGUST, good, poor)[0]) == REFUTED


def test_disgust_is_hardest_with_one_model_by_f1_and_recall_is_shown():
    assert verdict(disgust_has_lowest_f1, POOR) == CONFIRMED
    assert verdict(disgust_has_lowest_f1, model({("sad", "happy"): 0.9})) == REFUTED
    # Recall: fear 0.4, disgust 0.5. F1: fear 2 · 24 / (60 + 24), disgust 2 · 10 / (20 + 40).
    by_f1 = model({("fear", "happy"): 0.6, ("disgust", "happy"): 0.5, ("angry", "disgust"): 0.5})
    _, evidence = disgust_has_lowest_f1(by_f1)
    row = evidence.iloc[0]
    assert row[["lowest_f1_emotion", "lowest_recall_emotion"]].tolist() == ["disgust", "fear"]
    assert row[["lowest_f1", "disgust_f1"]].tolist() == pytest.approx([1 / 3] * 2)
    assert row[["lowest_recall", "disgust_recall"]].tolist() == pytest.approx([0.4, 0.5])


def test_fine_tuning_helps_an_emotion_more_than_the_five_that_are_not_named():
    def rule(*runs):
        return fine_tuning_helps(SURPRISE, *runs)

    both = {("surprise", "happy"): 0.6, ("angry", "happy"): 0.9}
    assert verdict(rule, PERFECT, model(both)) == CONFIRMED  # angry gains more, and is named
    assert verdict(rule, PERFECT, model({**both, ("sad", "happy"): 0.9})) == REFUTED
    _, evidence = rule(PERFECT, model(both))
    row = evidence.set_index("emotion").loc["surprise"]
    # Recall 0.4 and precision 1: F1 is 0.8 / 1.4.
    assert row.tolist() == pytest.approx([1 - 0.8 / 1.4, 0.6])


def test_convergence_is_read_from_the_curves():
    early, late = model({}, curve=(0.1, 0.6, 0.61)), model({}, curve=(0.1, 0.5, 0.6))
    assert verdict(converges_before, early, late) == CONFIRMED
    assert verdict(converges_before, late, early) == REFUTED
    assert verdict(converges_before, early, early) == REFUTED  # a tie is no lead
    assert verdict(converges_before, early, late, early) == REFUTED
    assert converges_before(early, late)[1]["epoch"].tolist() == [2, 3]


def test_more_balanced_is_by_balanced_accuracy():
    no_disgust, many_errors = model({("disgust", "happy"): 1}), model({("happy", "sad"): 0.5})
    accuracies = [run.metrics["private_test"]["accuracy"] for run in (no_disgust, many_errors)]
    assert accuracies[0] > accuracies[1]
    assert verdict(is_more_balanced, many_errors, no_disgust) == CONFIRMED
    assert verdict(is_more_balanced, no_disgust, many_errors) == REFUTED


def test_fear_is_mistaken_for_sad_more_often_than_for_any_other_emotion():
    rule = fear_is_most_often_mistaken_for_sad
    assert verdict(rule, FAIR) == CONFIRMED
    assert verdict(rule, model({("fear", "happy"): 0.5, ("fear", "sad"): 0.1})) == REFUTED
    assert verdict(rule, model({("fear", "happy"): 0.3, ("fear", "sad"): 0.3})) == INCONCLUSIVE
    assert verdict(rule, PERFECT) == REFUTED  # nothing is mistaken: a tie is no lead
    _, evidence = rule(model({("fear", "happy"): 0.5, ("fear", "sad"): 0.1}))
    assert evidence.iloc[0].tolist() == ["Model", 0.1, 0.5, "happy"]


def test_fear_and_sad_are_often_confused_if_among_the_five_leading_pairs():
    rule = fear_and_sad_are_often_confused
    others = {("angry", e): 0.2 for e in ("disgust", "happy", "surprise", "neutral")}
    fifth = model(others | {("fear", "sad"): 0.1, ("sad", "fear"): 0.05})
    assert rule(fifth)[1].iloc[0].tolist() == ["Model", 0.1, pytest.approx(0.05, abs=0.01), 5]
    assert verdict(rule, fifth) == CONFIRMED
    sixth = model(others | {("fear", "sad"): 0.05, ("happy", "sad"): 0.6})
    assert rule(sixth)[1].loc[0, "rank"] == 6
    assert verdict(rule, sixth) == REFUTED
    assert verdict(rule, PERFECT) == REFUTED


@pytest.mark.filterwarnings("error")  # of means over nothing
def test_false_classes_are_judged_by_the_likeliest_of_them():
    rule = false_classes_get_almost_no_probability
    assert verdict(rule, PERFECT) == CONFIRMED
    assert verdict(rule, model({("happy", "sad"): 0.9})) == REFUTED  # 90 of 440 at nearly 1
    assert verdict(rule, model({("happy", "sad"): 0.44})) == INCONCLUSIVE
    # One logit 2 and six of 0: 1 / (e² + 6) for each false class, and 0.55 where it is wrong.
    unsure = model({("happy", "sad"): 0.5}, logit=2.0)
    assert verdict(rule, unsure) == REFUTED
    right, wrong = 1 / (np.exp(2) + 6), np.exp(2) / (np.exp(2) + 6)
    expected = [(390 * right + 50 * wrong) / 440, right, wrong]
    assert rule(unsure)[1].iloc[0].tolist() == pytest.approx(expected)
    always_wrong = model({(name, EMOTION_NAMES[i - 1]): 1 for i, name in enumerate(EMOTION_NAMES)})
    for run, absent in ((PERFECT, "wrong"), (always_wrong, "correct")):
        _, evidence = rule(run)
        isna = evidence.isna().iloc[0]
        assert isna[isna].index.tolist() == [f"largest_false_probability_when_{absent}"]


def test_confidence_is_compared_over_the_correct_predictions():
    rule = fine_tuned_is_more_confident_when_correct
    # POOR is wrong more often than GOOD; its confidence is higher where it is right.
    unsure = model({("disgust", "angry"): 0.3}, logit=2.0)
    assert verdict(rule, POOR, unsure) == CONFIRMED
    assert verdict(rule, unsure, POOR) == REFUTED
    _, evidence = rule(unsure, POOR)
    expected = [np.exp(logit) / (np.exp(logit) + 6) for logit in (2.0, 9.0)]
    assert evidence["confidence_when_correct"].tolist() == pytest.approx(expected)


def test_confidence_of_wrong_predictions_is_left_out():
    mixed = model({("happy", "sad"): 0.5})
    values = mixed.predictions["private_test"]
    logits = np.where(values.correct[:, None], values.logits, values.logits / 100)
    mixed.predictions["private_test"] = SplitPredictions(logits, values.labels, values.hashes)
    _, evidence = fine_tuned_is_more_confident_when_correct(mixed, PERFECT)
    assert evidence["confidence_when_correct"].nunique() == 1


def test_state_of_the_art_is_a_limit():
    assert verdict(is_below_state_of_the_art, POOR) == CONFIRMED
    assert verdict(is_below_state_of_the_art, GOOD) == REFUTED
    _, evidence = is_below_state_of_the_art(POOR)
    assert evidence.loc[0, "accuracy"] == POOR.metrics["private_test"]["accuracy"]


def test_a_tie_is_no_lead(monkeypatch):
    monkeypatch.setattr(post_hoc_rules, "STATE_OF_THE_ART", 1.0)
    assert verdict(accuracy_ranking, GOOD, FAIR, FAIR) == REFUTED
    assert verdict(head_only_underfits, PERFECT, model({}, curve=(0.4, 1.0))) == REFUTED
    assert verdict(disgust_is_hardest, *[PERFECT] * 3) == REFUTED
    assert verdict(disgust_has_lowest_f1, PERFECT) == REFUTED
    assert verdict(fine_tuning_helps_surprise_and_anger, PERFECT, PERFECT) == REFUTED
    assert verdict(CLAIMS["fine_tuning_helps_anger"].evaluate, PERFECT, PERFECT) == REFUTED
    assert verdict(fine_tuned_is_overconfident, model({}, logit=1e3)) == REFUTED
    assert verdict(head_only_is_weakest, *[GOOD] * 3) == REFUTED
    assert verdict(is_more_balanced, GOOD, GOOD) == REFUTED
    assert verdict(is_below_state_of_the_art, PERFECT) == REFUTED


DIFFERENCES = (
    "baseline accuracy_difference macro_f1_difference only_model_correct only_baseline_correct "
    "p_value"
)
EVIDENCE = {  # the columns but for limits
    "accuracy_ranking": f"model {DIFFERENCES}",
    "head_only_underfits": "model split accuracy",
    "disgust_is_hardest": "model hardest_emotion lowest_f1 disgust_f1",
    "custom_cnn_is_most_balanced": "model balanced_accuracy fear_f1 sad_f1",
    "fine_tuning_helps_surprise_and_anger": "emotion head_only_f1 fine_tuned_f1 f1_gain",
    "fear_and_sad_are_confused_most": (
        "model fear_predicted_sad_share sad_predicted_fear_share rank most_confused_pair"
    ),
    "focal_loss_mitigates_imbalance": (
        f"{DIFFERENCES} focal_disgust_correct cross_entropy_disgust_correct disgust_images "
        "disgust_recall_difference"
    ),
    "fine_tuned_is_overconfident": (
        "confidence accuracy confidence_gap confidence_when_wrong true_class_probability_when_wrong"
    ),
    "custom_cnn_accuracy_is_reproduced": (
        "model accuracy source_report_accuracy accuracy_difference"
    ),
    "head_only_is_weakest": "model accuracy balanced_accuracy macro_f1",
    "fine_tuning_improves_accuracy": DIFFERENCES,
    "custom_cnn_has_highest_balanced_accuracy": "model balanced_accuracy macro_f1",
    "custom_cnn_is_best_on_fear": "model recall f1 support",
    "fine_tuned_finds_disgust_hardest": (
        "model lowest_f1_emotion lowest_f1 disgust_f1 lowest_recall_emotion lowest_recall "
        "disgust_recall"
    ),
    "fine_tuning_helps_anger": "emotion f1_gain recall_gain",
    "head_only_converges_first": "model epoch epochs",
    "head_only_often_confuses_fear_and_sad": (
        "model fear_predicted_sad_share sad_predicted_fear_share rank"
    ),
    "custom_cnn_mistakes_fear_for_sad": "model sad_share other_share other_emotion",
    "fine_tuned_is_more_confident_when_correct": "model confidence_when_correct",
    "false_classes_get_almost_no_probability": (
        "largest_false_probability largest_false_probability_when_correct "
        "largest_false_probability_when_wrong"
    ),
    "fine_tuned_is_below_state_of_the_art": "model accuracy",
}
MODELS = {  # the titles where they are not those of the rule's models
    "accuracy_ranking": ["Custom CNN", "MobileNetV2, fine-tuned"],
    "head_only_underfits": [*["MobileNetV2, head only"] * 2, "Custom CNN"],
}


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_rule_holds_or_not_in_each_resample_and_names_its_evidence(name):
    rule = CLAIMS[name]
    made = {CUSTOM_CNN: GOOD, FINE_TUNED: FAIR, HEAD_ONLY: POOR, "custom_cnn_cross_entropy": POOR}
    runs = [run for each in rule.experiments for run in of(each, made[each])]
    holds, evidence = rule.evaluate(*runs)
    assert holds.shape == (2000,) and holds.dtype == bool
    columns = [column for column in evidence if not column.endswith(("_low", "_high"))]
    assert columns == EVIDENCE[name].split()
    if "model" in columns:
        titles = [run.experiment.title for run in runs]
        assert evidence["model"].tolist() == MODELS.get(name, titles)


def test_rules_refuse_models_of_different_images():
    other = model({})
    values = other.predictions["private_test"]
    other.predictions["private_test"] = SplitPredictions(
        values.logits, values.labels, values.hashes + 1
    )
    with pytest.raises(ValueError, match="not of the same images"):
        accuracy_ranking(GOOD, other, POOR)


def test_claims_are_decided_where_their_runs_are_recorded():
    assert {c.verdict for c in evaluate_claims([]).values()} == {Verdict.NOT_RECORDED}
    runs = [*of(CUSTOM_CNN, GOOD), *of(FINE_TUNED, FAIR), *of(HEAD_ONLY, POOR)]
    claims = evaluate_claims(runs)
    assert list(claims) == list(CLAIMS)
    assert sum(rule.written_before_results for rule in CLAIMS.values()) == 8
    assert {name: claim.verdict for name, claim in claims.items()} == {
        "accuracy_ranking": CONFIRMED,
        "head_only_underfits": CONFIRMED,
        "disgust_is_hardest": INCONCLUSIVE,
        "custom_cnn_is_most_balanced": CONFIRMED,
        "fine_tuning_helps_surprise_and_anger": INCONCLUSIVE,
        "fear_and_sad_are_confused_most": INCONCLUSIVE,
        "focal_loss_mitigates_imbalance": Verdict.NOT_RECORDED,
        "fine_tuned_is_overconfident": CONFIRMED,
        "custom_cnn_accuracy_is_reproduced": REFUTED,
        "fine_tuned_accuracy_is_reproduced": REFUTED,
        "head_only_accuracy_is_reproduced": REFUTED,
        "head_only_is_weakest": CONFIRMED,
        "custom_cnn_is_more_accurate_than_fine_tuned": CONFIRMED,
        "custom_cnn_is_more_accurate_than_head_only": CONFIRMED,
        "fine_tuning_improves_accuracy": CONFIRMED,
        "custom_cnn_has_highest_balanced_accuracy": CONFIRMED,
        "custom_cnn_is_best_on_fear": CONFIRMED,
        "custom_cnn_is_best_on_sad": CONFIRMED,
        "custom_cnn_finds_disgust_hardest": INCONCLUSIVE,
        "fine_tuned_finds_disgust_hardest": INCONCLUSIVE,
        "head_only_finds_disgust_hardest": CONFIRMED,
        "fine_tuning_helps_surprise": INCONCLUSIVE,
        "fine_tuning_helps_anger": INCONCLUSIVE,
        "fine_tuned_is_better_on_disgust": CONFIRMED,
        "focal_loss_is_better_on_disgust": Verdict.NOT_RECORDED,
        "fine_tuned_is_more_balanced_than_head_only": CONFIRMED,
        "fine_tuned_is_more_balanced_than_custom_cnn": REFUTED,
        "custom_cnn_converges_before_fine_tuned": REFUTED,
        "custom_cnn_converges_before_head_only": REFUTED,
        "head_only_converges_before_fine_tuned": REFUTED,
        "head_only_converges_first": REFUTED,
        "custom_cnn_often_confuses_fear_and_sad": CONFIRMED,
        "fine_tuned_often_confuses_fear_and_sad": CONFIRMED,
        "head_only_often_confuses_fear_and_sad": CONFIRMED,
        "custom_cnn_mistakes_fear_for_sad": CONFIRMED,
        "fine_tuned_mistakes_fear_for_sad": CONFIRMED,
        "head_only_mistakes_fear_for_sad": CONFIRMED,
        "fine_tuned_is_more_confident_when_correct": REFUTED,
        "false_classes_get_almost_no_probability": REFUTED,
        "custom_cnn_is_below_state_of_the_art": REFUTED,
        "fine_tuned_is_below_state_of_the_art": REFUTED,
        "head_only_is_below_state_of_the_art": CONFIRMED,
    }
    # Of one common seed, the verdict on all seeds is that on it.
    assert all(set(c.by_seed.values()) in (set(), {c.verdict}) for c in claims.values())
    missing = claims["focal_loss_mitigates_imbalance"]
    assert missing.by_seed == missing.evidence == {}


def test_all_common_seeds_must_agree():
    sad = model({("sad", "happy"): 0.9})
    runs = [*of(CUSTOM_CNN, POOR, sad), *of(FINE_TUNED, POOR, POOR, POOR), *of(HEAD_ONLY, POOR)]
    claims = evaluate_claims(runs)
    custom = claims["custom_cnn_finds_disgust_hardest"]
    assert custom.by_seed == {0: CONFIRMED, 1: REFUTED} and custom.verdict == INCONCLUSIVE
    assert custom.evidence[1].loc[0, "lowest_f1_emotion"] == "sad"
    tuned = claims["fine_tuned_finds_disgust_hardest"]
    assert tuned.by_seed == dict.fromkeys(range(3), CONFIRMED) and tuned.verdict == CONFIRMED
    # Seed 0 is the only one that all three have.
    assert claims["disgust_is_hardest"].by_seed == {0: CONFIRMED}


@pytest.mark.parametrize(
    ("errors", "expected"),
    [([0.1, 0.12], CONFIRMED), ([0.1, 0.5], INCONCLUSIVE), ([0.95, 0.94], REFUTED)],
)
def test_means_are_compared_with_the_variance_across_seeds(errors, expected):
    """The baseline is wrong on 55 % of happy and sad with seed 0, on 56 % with seed 1."""

    def wrong_on(share):
        return model({("happy", "surprise"): share, ("sad", "surprise"): share})

    runs = [*of(FINE_TUNED, *map(wrong_on, errors)), *of(HEAD_ONLY, *map(wrong_on, (0.55, 0.56)))]
    claims = evaluate_claims(runs)
    assert claims["fine_tuning_improves_accuracy"].verdict == expected
    assert claims["fine_tuned_is_more_balanced_than_head_only"].verdict == expected


def test_means_are_compared_in_the_measures_of_the_claim():
    def two_seeds(name, errors):  # seed 1 has a few errors more
        return of(name, model(errors), model(errors | {("surprise", "neutral"): 0.05}))

    best = two_seeds(CUSTOM_CNN, {("fear", "sad"): 0.05})
    # Without disgust at all the balanced accuracy is lower, and the accuracy is higher.
    no_disgust, many = {("disgust", "happy"): 1}, {("happy", "sad"): 0.3, ("angry", "sad"): 0.1}
    for tuned, head, weakest, balanced in (
        (many, no_disgust, REFUTED, CONFIRMED),
        (no_disgust, many, REFUTED, REFUTED),
        (many, POOR_ERRORS, CONFIRMED, CONFIRMED),
    ):
        runs = [*best, *two_seeds(FINE_TUNED, tuned), *two_seeds(HEAD_ONLY, head)]
        claims = evaluate_claims(runs)
        assert claims["head_only_is_weakest"].verdict == weakest
        assert claims["fine_tuned_is_more_balanced_than_head_only"].verdict == balanced


def test_all_seeds_agree_or_it_is_inconclusive():
    assert unanimous([CONFIRMED] * 2) == CONFIRMED and unanimous([REFUTED] * 2) == REFUTED
    assert unanimous([CONFIRMED, REFUTED]) == unanimous([CONFIRMED, INCONCLUSIVE]) == INCONCLUSIVE
    assert unanimous([]) == Verdict.NOT_RECORDED


def test_a_claim_of_several_parts_is_refuted_with_one_of_them():
    assert conjunction([CONFIRMED, INCONCLUSIVE, REFUTED]) == REFUTED
    assert conjunction([CONFIRMED, INCONCLUSIVE]) == INCONCLUSIVE
    assert conjunction([CONFIRMED] * 2) == CONFIRMED
