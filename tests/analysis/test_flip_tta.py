from types import SimpleNamespace

import numpy as np
import pytest

from fer_lib.analysis import flip_tta as module
from fer_lib.analysis.flip_tta import flip_tta_gains
from fer_lib.runs.predictions import SplitPredictions

N = 1_000
LABELS = np.zeros(N, np.uint8)


def run(name, seed, correct):
    """A run whose first `correct` images of N are right."""
    logits = np.zeros((N, 7), np.float32)
    logits[np.arange(N), (np.arange(N) >= correct).astype(int)] = 1
    predictions = {"public_test": SplitPredictions(logits, LABELS, np.arange(N, dtype=np.uint64))}
    config = {"configuration": {"epochs": 21}}
    return SimpleNamespace(name=name, seed=seed, predictions=predictions, config=config)


@pytest.fixture
def predicted(monkeypatch):
    """Runs by scheme: `a` gains 10 and 14 images of 1,000 by flipping, `b` 20."""
    by_scheme = {
        "none": [run("a", 0, 600), run("a", 1, 620), run("b", 0, 700), run("alone", 0, 500)],
        "flip": [run("a", 1, 634), run("a", 0, 610), run("b", 0, 720)],
    }
    monkeypatch.setattr(module, "with_scheme", lambda runs, scheme: by_scheme[scheme])


def test_gains_are_means_of_differences_within_a_network(predicted):
    table = flip_tta_gains([], ("a", "b", "alone", "absent")).set_index("experiment")
    assert table.index.tolist() == ["a", "b"] and table["seeds"].tolist() == [2, 1]
    assert table.loc["a", "accuracy_without_tta"] == pytest.approx(0.610)
    assert table.loc["a", "accuracy_with_flip_tta"] == pytest.approx(0.622)
    assert table["accuracy_difference"].tolist() == pytest.approx([0.012, 0.020])


def test_the_interval_covers_images_and_seeds(predicted):
    """Of `b`: 20 of 1,000 images, so a variance of 0.02 · 0.98 / 1,000; of `a`'s seeds: 8e-6."""
    row = flip_tta_gains([], ("a", "b")).set_index("experiment").loc["b"]
    images, seeds = 0.02 * 0.98 / 1000, (0.004**2) / 2
    freedom = (images + seeds) ** 2 / seeds**2
    from scipy.stats import t

    margin = np.sqrt(images + seeds) * t.ppf(0.975, freedom)
    assert row["accuracy_difference_high"] - 0.020 == pytest.approx(margin, rel=0.1)
    assert 0.020 - row["accuracy_difference_low"] == pytest.approx(margin, rel=0.1)


def test_the_variance_across_seeds_is_pooled_over_all_experiments(predicted):
    """That of `b`, with one seed, is that of `a`, whether or not `a` is shown."""
    alone, both = (
        flip_tta_gains([], names).set_index("experiment") for names in (["b"], ["a", "b"])
    )
    assert alone.index.tolist() == ["b"]
    assert alone.loc["b"].tolist() == both.loc["b"].tolist()
    assert np.isfinite(alone.loc["b", "accuracy_difference_low"])


def test_without_predictions_there_are_no_rows(monkeypatch):
    monkeypatch.setattr(module, "with_scheme", lambda runs, scheme: [])
    assert flip_tta_gains([], ("a",)).empty
