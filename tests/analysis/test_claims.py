"""Each rule on made-up runs whose answer is plain."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fer_lib.analysis.claims import (
    CLAIMS,
    answers,
    balance,
    convergence,
    fear_and_sad,
    gains,
    hardest,
    imbalance,
    order,
    overconfidence,
    underfitting,
)
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.metrics import metrics_by_split

LABELS = np.repeat(np.arange(7), [60, 20, 60, 100, 70, 60, 70]).astype(np.uint8)


def made_up(errors: dict, curve=(0.5, 0.6), sureness=9.0):
    """A run whose answers are right, but for shares of a class taken for another: {(true,
    predicted): share}."""
    answers = LABELS.astype(int)
    for (true, predicted), share in errors.items():
        rows = np.flatnonzero((EMOTION_NAMES.index(true) == LABELS) & (answers == LABELS))
        answers[rows[: round(share * (EMOTION_NAMES.index(true) == LABELS).sum())]] = (
            EMOTION_NAMES.index(predicted)
        )
    logits = sureness * np.eye(7, dtype=np.float32)[answers]
    predictions = {}
    for split in ("public_test", "private_test"):
        predictions |= {
            f"{split}_logits": logits,
            f"{split}_labels": LABELS,
            f"{split}_hashes": np.arange(len(LABELS)),
        }
    history = pd.DataFrame(
        {"accuracy": curve, "val_accuracy": curve, "seconds": [60.0] * len(curve)}
    )
    return SimpleNamespace(
        predictions=predictions, metrics=metrics_by_split(predictions), history=history
    )


GOOD = made_up({("disgust", "angry"): 0.3, ("fear", "sad"): 0.1, ("sad", "fear"): 0.1})
FAIR = made_up(
    {("disgust", "angry"): 0.5, ("fear", "sad"): 0.4, ("sad", "fear"): 0.3, ("neutral", "sad"): 0.1}
)
NEARLY = made_up(
    {
        ("disgust", "angry"): 0.3,
        ("fear", "sad"): 0.1,
        ("sad", "fear"): 0.1,
        ("happy", "neutral"): 0.02,
    }
)
POOR = made_up(
    {
        ("disgust", "angry"): 1,
        ("fear", "sad"): 0.6,
        ("sad", "fear"): 0.5,
        ("surprise", "happy"): 0.7,
        ("angry", "happy"): 0.8,
    }
)


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [
        ((GOOD, FAIR, POOR), "Confirmed"),
        ((FAIR, GOOD, POOR), "Refuted"),
        ((GOOD, GOOD, POOR), "Refuted"),
        ((GOOD, NEARLY, POOR), "Not settled"),
    ],
)
def test_order(runs, verdict):
    assert order(*runs).startswith(verdict)


def test_convergence_names_the_first_epoch_at_95_percent_of_the_best():
    slow, quick = made_up({}, curve=(0.3, 0.5, 0.58, 0.6)), made_up({}, curve=(0.38, 0.4, 0.41))
    text = convergence(slow, slow, quick)
    assert text.startswith("First: MobileNetV2, head only.")
    assert "Custom CNN: epoch 3 of 4" in text  # 0.58 ≥ 0.95 · 0.6 = 0.57
    assert "head only: epoch 2 of 3" in text  # 0.38 < 0.95 · 0.41 = 0.3895 < 0.40


def test_underfitting():
    assert underfitting(GOOD, made_up({}, curve=(0.3, 0.4))).startswith("Confirmed")
    assert underfitting(GOOD, made_up({}, curve=(0.3, 0.99))).startswith("Refuted")
    near = GOOD.metrics["private_test"]["accuracy"]
    assert underfitting(GOOD, made_up({}, curve=(0.3, near))).startswith("Not settled")


def test_hardest():
    sad = made_up({("sad", "happy"): 0.9})
    assert hardest(POOR, POOR, POOR).startswith("Confirmed")
    assert hardest(sad, sad, sad).startswith("Refuted")
    assert hardest(POOR, POOR, sad).startswith("Refuted")  # it must hold with each network
    assert "head only: sad (0.18; disgust 1.00)" in hardest(POOR, POOR, sad)


def test_balance_needs_a_lead_and_a_tie_is_none():
    assert balance(GOOD, FAIR, POOR).startswith("Confirmed")
    assert balance(POOR, FAIR, GOOD).startswith("Refuted")
    assert balance(GOOD, GOOD, POOR).startswith("Refuted")


def test_gains():
    before = made_up({("surprise", "happy"): 0.8, ("angry", "happy"): 0.8, ("sad", "fear"): 0.1})
    assert gains(made_up({}), before).startswith("Confirmed")
    assert gains(made_up({}), made_up({("sad", "fear"): 0.8})).startswith("Refuted")
    close = made_up(
        {("surprise", "disgust"): 0.5, ("angry", "disgust"): 0.5, ("sad", "fear"): 0.43}
    )
    assert gains(made_up({}), close).startswith(("Not settled", "Refuted"))


def test_fear_and_sad():
    plain = made_up({("disgust", "angry"): 0.2, ("fear", "sad"): 0.5, ("sad", "fear"): 0.4})
    text = fear_and_sad(plain, plain, plain)
    assert (
        text.startswith("Confirmed")
        and "50.0\u00a0% of fear is taken for sad, 40.0\u00a0% of sad for fear, rank 1 of 21 pairs"
        in text
    )
    other = made_up({("disgust", "angry"): 0.8, ("fear", "sad"): 0.2})
    assert fear_and_sad(other, other, other).startswith("Refuted")
    assert "rank 2 of 21 pairs (first: angry and disgust)" in fear_and_sad(other, FAIR, FAIR)


@pytest.mark.parametrize(
    "network",
    [made_up({}), made_up({(name, "happy"): 1 for name in EMOTION_NAMES if name != "happy"})],
)
def test_networks_that_never_confuse_fear_and_sad_have_a_possible_rank(network):
    text = fear_and_sad(network, network, network)
    assert text.startswith("Refuted")
    (rank,) = set(re.findall(r"rank (\d+) of 21 pairs", text))
    assert 1 <= int(rank) <= 21


def test_imbalance():
    assert imbalance(GOOD, POOR).startswith("Confirmed")
    assert imbalance(POOR, GOOD).startswith("Refuted")
    assert imbalance(GOOD, NEARLY).startswith("Not settled")


def test_overconfidence():
    assert overconfidence(FAIR).startswith("Confirmed")  # right in some 80 %, sure of nearly 100 %
    unsure = overconfidence(made_up({}, sureness=1.0))  # right in all, sure of 31 %
    assert (
        unsure.startswith("Refuted")
        and "is 31.2\u00a0%, its accuracy 100.0\u00a0% (100.0–100.0)" in unsure
    )


def test_a_missing_run_is_named_and_the_summary_sorts_by_verdict():
    runs = {name: None for _, names in CLAIMS.values() for name in names} | {"custom_cnn": GOOD}
    texts = answers(runs)
    assert texts["claim_imbalance"] == "Not decided yet. Not recorded: Custom CNN, cross-entropy."
    assert len(texts) == len(CLAIMS) + 1 == 10
    runs |= {"mobilenetv2_fine_tuned": FAIR, "mobilenetv2_head_only": POOR}
    assert answers(runs)["claims_summary"] == (
        "Confirmed: the order of the models; head only under-fits; the custom network is the most balanced; "
        "the fine-tuned network is over-confident. "
        "Not settled: disgust is the hardest class; fine-tuning helps surprise and anger most; fear and sad are confused most. "
        "Not decided yet: focal loss mitigates the imbalance."
    )
