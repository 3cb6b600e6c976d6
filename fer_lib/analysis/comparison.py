"""Models compared on the same images: accuracies and paired differences of single runs.

Each function returns numbers. Columns `x_low` and `x_high` hold the 95 % interval of column `x`;
what is not recorded is NaN. These intervals resample the images of a test split and exclude the
variance across seeds; those of `headline` include it.
"""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pandas as pd

from fer_lib.analysis.leakage import without_leakage
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import paired_difference
from fer_lib.evaluation.metrics import class_shares, classification_metrics
from fer_lib.experiments import EXPERIMENTS
from fer_lib.io import read_json
from fer_lib.paths import RESULTS
from fer_lib.runs.predictions import Predictor

PUBLISHED_PATH = RESULTS / "published.json"


class Estimate(NamedTuple):
    """A measure with its 95 % interval; all None where it is not recorded."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, metrics: dict, measure: str) -> "Estimate":
        """A measure of some metrics, and its limits where they have `intervals`."""
        return cls(metrics.get(measure), *metrics.get("intervals", {}).get(measure, ()))

    def columns(self, name: str) -> dict[str, float]:
        """The estimate as columns `name`, `name_low`, `name_high` of a table; NaN for None."""
        values = (np.nan if value is None else value for value in self)
        return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def estimate(predictor: Predictor | None, split: str, measure: str = "accuracy") -> Estimate:
    """A measure of a model on a split.

    Args:
        split: `public_test`, `private_test` or `both`, which contains the selection set.
        measure: `accuracy`, `balanced_accuracy` or `macro_f1`.
    """
    return Estimate.of(predictor.metrics.get(split, {}) if predictor else {}, measure)


def deduplicated_accuracy(predictor: Predictor | None) -> Estimate:
    """Accuracy on PrivateTest without the images that also occur in Training."""
    predictions = predictor and predictor.predictions.get("private_test")
    if predictions is None:
        return Estimate()
    kept = without_leakage(predictions, "private_test")
    return Estimate.of(classification_metrics(kept.logits, kept.labels), "accuracy")


def accuracy_table(predictors: dict[str, Predictor | None]) -> pd.DataFrame:
    """Accuracy on PublicTest, on PrivateTest, on both, and on the de-duplicated PrivateTest.

    Args:
        predictors: by title; None for a model that is not recorded.

    Returns:
        One row per model: `model`, then `public_test_accuracy`, `private_test_accuracy`,
        `deduplicated_private_test_accuracy` and `both_accuracy`, each with its interval.
    """
    return pd.DataFrame(
        [
            {
                "model": title,
                **estimate(predictor, "public_test").columns("public_test_accuracy"),
                **estimate(predictor, "private_test").columns("private_test_accuracy"),
                **deduplicated_accuracy(predictor).columns("deduplicated_private_test_accuracy"),
                **estimate(predictor, "both").columns("both_accuracy"),
            }
            for title, predictor in predictors.items()
        ]
    )


def balanced_table(predictors: dict[str, Predictor | None]) -> pd.DataFrame:
    """The measures that weight all classes equally, on PrivateTest.

    Args:
        predictors: as `accuracy_table`.

    Returns:
        One row per model: `model`, `balanced_accuracy` and `macro_f1`, each with its interval.
    """
    return pd.DataFrame(
        [
            {
                "model": title,
                **estimate(predictor, "private_test", "balanced_accuracy").columns(
                    "balanced_accuracy"
                ),
                **estimate(predictor, "private_test", "macro_f1").columns("macro_f1"),
            }
            for title, predictor in predictors.items()
        ]
    )


def trivial_classifiers(class_counts: dict[str, dict[str, int]]) -> dict[str, Predictor]:
    """Uniform guessing and the majority class of Training, by title.

    They look at no image: each has metrics, and no predictions.

    Args:
        class_counts: images by split (FER2013's own names), then by emotion.
    """
    # Imported here: scikit-image, which the other baseline needs, takes a second.
    from fer_lib.training.baselines import chance_scores, majority_logits

    counts = pd.DataFrame(class_counts, index=EMOTION_NAMES)
    public, private = counts["PublicTest"], counts["PrivateTest"]
    tests = {"public_test": public, "private_test": private, "both": public + private}
    metrics = {"Chance": {}, "Majority class": {}}
    for split, n in tests.items():
        labels = np.repeat(np.arange(len(n)), n)
        logits = majority_logits(len(labels), counts["Training"])
        metrics["Chance"][split] = chance_scores(labels)
        metrics["Majority class"][split] = classification_metrics(logits, labels)
    return {t: SimpleNamespace(metrics=m, predictions={}) for t, m in metrics.items()}


def source_accuracies() -> pd.DataFrame:
    """The accuracies that the source report gives on both test splits together.

    Returns:
        One row per model: `model`, and `source_report_accuracy` with the 95 % Wilson interval of
        its number of images (Wilson 1927).
    """
    from scipy.stats import binomtest  # takes half a second to import

    source, rows = read_json(PUBLISHED_PATH)["source_report"], []
    for name, value in source["accuracy_percent"].items():
        correct = binomtest(round(value / 100 * source["images"]), source["images"])
        accuracy = Estimate(value / 100, *correct.proportion_ci(method="wilson"))
        rows.append(
            {"model": EXPERIMENTS[name].title, **accuracy.columns("source_report_accuracy")}
        )
    return pd.DataFrame(rows)


def paired_differences(
    model: Predictor | None, baselines: dict[str, Predictor | None], split: str = "private_test"
) -> pd.DataFrame:
    """What a model gains over each baseline on the same images.

    Args:
        baselines: by title; None for one that is not recorded.

    Returns:
        One row per baseline: `baseline`, `accuracy_difference` and `macro_f1_difference` with
        paired bootstrap intervals, `only_model_correct`, `only_baseline_correct`, and `p_value` of
        McNemar's exact test of these two counts.
    """
    return pd.DataFrame(
        [
            {"baseline": title, **_paired(model, baseline, split)}
            for title, baseline in baselines.items()
        ]
    )


def _paired(model: Predictor | None, baseline: Predictor | None, split: str) -> dict:
    known = model is not None and baseline is not None
    paired = paired_difference(*(p.predictions[split] for p in (model, baseline))) if known else {}
    return {
        **Estimate.of(paired, "accuracy").columns("accuracy_difference"),
        **Estimate.of(paired, "macro_f1").columns("macro_f1_difference"),
        "only_model_correct": paired.get("only_a_correct", np.nan),
        "only_baseline_correct": paired.get("only_b_correct", np.nan),
        "p_value": paired.get("p_value", np.nan),
    }


class Confusion(NamedTuple):
    """Images of class `true` predicted as `predicted`: their share of the class, and how many."""

    true: str | None = None
    predicted: str | None = None
    share: float | None = None
    count: int | None = None


def largest_confusion(predictor: Predictor | None, split: str = "private_test") -> Confusion:
    """The misclassification with the largest share of its true class; all None without a model."""
    if predictor is None:
        return Confusion()
    counts = np.array(predictor.metrics[split]["confusion"])
    shares = class_shares(counts)
    np.fill_diagonal(shares, 0)
    true, predicted = np.unravel_index(shares.argmax(), shares.shape)
    return Confusion(
        EMOTION_NAMES[true],
        EMOTION_NAMES[predicted],
        float(shares[true, predicted]),
        int(counts[true, predicted]),
    )
