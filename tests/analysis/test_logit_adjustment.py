from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from fer_lib.analysis.logit_adjustment import TAUS, logit_adjusted, logit_adjustment
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.runs.predictions import SplitPredictions

COUNTS = np.array([1, 2, 3, 4, 5, 6, 79])


@pytest.fixture
def model():
    """Logits that favor the frequent classes, on 140 images per split, 20 of each class."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(7, dtype=np.uint8), 20)
    splits = {}
    for split in ("public_test", "private_test"):
        logits = random.normal(size=(140, 7)) + 2 * np.eye(7)[labels] + 0.4 * np.log(COUNTS)
        splits[split] = SplitPredictions(logits, labels, np.arange(140, dtype=np.uint64))
    return SimpleNamespace(predictions=splits)


def test_tau_1_undoes_the_class_frequencies():
    likelihood = np.random.default_rng(0).normal(size=(50, 7))
    posterior = likelihood + np.log(COUNTS / 100)  # Bayes, up to a constant of each image
    np.testing.assert_allclose(logit_adjusted(posterior, COUNTS, 1.0), likelihood, atol=1e-12)
    np.testing.assert_array_equal(logit_adjusted(posterior, COUNTS, 0.0), posterior)


def test_tau_is_selected_by_macro_f1_on_public_test(model):
    public, private = model.predictions["public_test"], model.predictions["private_test"]

    def macro_f1(tau):
        predicted = logit_adjusted(public.logits, COUNTS, tau).argmax(axis=1)
        return f1_score(public.labels, predicted, average="macro", zero_division=0)

    table = logit_adjustment(model, dict(zip(EMOTION_NAMES, COUNTS.tolist(), strict=True)))
    (selected,) = table.index[table["selected"]]
    assert table.loc[selected, "tau"] == max(TAUS, key=macro_f1)
    assert 0 < table.loc[selected, "tau"] < 1
    assert table["tau"].tolist() == [0, table.loc[selected, "tau"], 1]
    np.testing.assert_allclose(table["public_test_macro_f1"], table["tau"].map(macro_f1))
    predicted = [logit_adjusted(private.logits, COUNTS, t).argmax(axis=1) for t in table["tau"]]
    expected = [accuracy_score(private.labels, each) for each in predicted]
    np.testing.assert_allclose(table["private_test_accuracy"], expected)
    assert (table["private_test_accuracy_low"] < expected).all()
    assert (table["private_test_accuracy_high"] > expected).all()


def test_a_missing_model_has_no_scores():
    table = logit_adjustment(None, dict.fromkeys(EMOTION_NAMES, 1))
    assert table["tau"].isna().tolist() == [True]
    assert not table.columns.str.contains("_test_").any()
