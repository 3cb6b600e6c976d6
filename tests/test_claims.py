"""Each rule on made-up runs whose answer is plain."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fer_lib import claims, evaluation
from fer_lib.emotions import NAMES

LABELS = np.repeat(np.arange(7), [60, 20, 60, 100, 70, 60, 70]).astype(np.uint8)


def made_up(errors: dict, curve=(0.5, 0.6), sureness=9.0):
    """A run whose answers are right, but for shares of a class taken for another: {(true, predicted): share}."""
    answers = LABELS.astype(int)
    for (true, predicted), share in errors.items():
        rows = np.flatnonzero((LABELS == NAMES.index(true)) & (answers == LABELS))
        answers[rows[: round(share * (LABELS == NAMES.index(true)).sum())]] = NAMES.index(predicted)
    logits = sureness * np.eye(7, dtype=np.float32)[answers]
    predictions = {}
    for split in ("public_test", "private_test"):
        predictions |= {f"{split}_logits": logits, f"{split}_labels": LABELS, f"{split}_hashes": np.arange(len(LABELS))}
    history = pd.DataFrame({"accuracy": curve, "val_accuracy": curve, "seconds": [60.0] * len(curve)})
    return SimpleNamespace(predictions=predictions, metrics=evaluation.metrics_of_splits(predictions), history=history)


GOOD = made_up({("disgust", "angry"): 0.3, ("fear", "sad"): 0.1, ("sad", "fear"): 0.1})
FAIR = made_up({("disgust", "angry"): 0.5, ("fear", "sad"): 0.4, ("sad", "fear"): 0.3, ("neutral", "sad"): 0.1})
POOR = made_up({("disgust", "angry"): 1, ("fear", "sad"): 0.6, ("sad", "fear"): 0.5, ("surprise", "happy"): 0.7, ("angry", "happy"): 0.8})


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [((GOOD, FAIR, POOR), "Confirmed."), ((FAIR, GOOD, POOR), "Refuted."), ((GOOD, GOOD, POOR), "Neither")],
)
def test_order(runs, verdict):
    assert claims.order(*runs).startswith(verdict)


def test_convergence_names_the_first_epoch_at_95_percent_of_the_best():
    slow, quick = made_up({}, curve=(0.3, 0.5, 0.58, 0.6)), made_up({}, curve=(0.38, 0.4, 0.41))
    text = claims.convergence(slow, slow, quick)
    assert text.startswith("First, in epochs: MobileNetV2, head only.")
    assert "Custom CNN: epoch 3, 3 min" in text  # 0.58 ≥ 0.95 · 0.6 = 0.57
    assert "head only: epoch 2, 2 min" in text  # 0.38 < 0.95 · 0.41 = 0.3895 < 0.40


def test_underfitting():
    assert claims.underfitting(GOOD, made_up({}, curve=(0.3, 0.4))).startswith("Confirmed.")
    assert claims.underfitting(GOOD, made_up({}, curve=(0.3, 0.99))).startswith("Refuted.")


def test_hardest():
    assert claims.hardest(POOR, POOR, POOR).startswith("Confirmed.")
    assert claims.hardest(*[made_up({("sad", "happy"): 0.9})] * 3).startswith("Refuted.")
    assert claims.hardest(POOR, POOR, made_up({("sad", "happy"): 0.9})).startswith("Neither")


def test_balance():
    assert claims.balance(GOOD, FAIR, POOR).startswith("Confirmed.")
    assert claims.balance(POOR, FAIR, GOOD).startswith("Refuted.")


def test_gains():
    before = made_up({("surprise", "happy"): 0.8, ("angry", "happy"): 0.8, ("sad", "fear"): 0.1})
    assert claims.gains(made_up({}), before).startswith("Confirmed.")
    assert claims.gains(made_up({}), made_up({("sad", "fear"): 0.8})).startswith("Refuted.")


def test_fear_and_sad():
    text = claims.fear_and_sad(FAIR, FAIR, FAIR)
    assert text.startswith("Confirmed.") and "40.0\u00a0% of fear is taken for sad, 30.0\u00a0% of sad for fear, rank 1 of 21 pairs" in text
    other = made_up({("disgust", "angry"): 0.8, ("fear", "sad"): 0.2})
    assert claims.fear_and_sad(other, other, other).startswith("Refuted.")
    assert "rank 2 of 21 pairs (first: angry and disgust)" in claims.fear_and_sad(other, FAIR, FAIR)


def test_imbalance():
    assert claims.imbalance(GOOD, POOR).startswith("Confirmed.")
    assert claims.imbalance(POOR, GOOD).startswith("Refuted.")
    assert claims.imbalance(GOOD, GOOD).startswith("Neither")


def test_overconfidence():
    assert claims.overconfidence(FAIR).startswith("Confirmed.")  # right in some 80 %, sure of nearly 100 %
    assert claims.overconfidence(made_up({}, sureness=1.0)).startswith("Refuted.")  # right in all, sure of 31 %
    assert "31.2\u00a0% on PrivateTest, its accuracy 100.0" in claims.overconfidence(made_up({}, sureness=1.0))


def test_a_missing_run_is_named_and_the_summary_sorts_by_verdict():
    runs = {name: None for _, names in claims.CLAIMS.values() for name in names} | {"custom_cnn": GOOD}
    texts = claims.answers(runs)
    assert texts["claim_imbalance"] == "Not decided yet. Not recorded: Custom CNN, cross-entropy."
    assert len(texts) == len(claims.CLAIMS) + 1 == 10
    runs |= {"mobilenetv2_fine_tuned": FAIR, "mobilenetv2_head_only": POOR}
    assert claims.answers(runs)["claims_summary"] == (
        "Confirmed: the order of the models; head only under-fits; the custom network is the most balanced; "
        "the fine-tuned network is over-confident. "
        "Neither confirmed nor refuted: disgust is the hardest class; fine-tuning helps surprise and anger most; "
        "fear and sad are confused. "
        "Not decided yet: focal loss mitigates the imbalance."
    )
