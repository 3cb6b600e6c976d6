"""How well the FER+ votes predict FER2013's labels, and models compared with that.

Two predictors see the votes on an image instead of its pixels: the plurality vote, and a logistic
regression from the votes to the label. Both are evaluated on PrivateTest, and the regression is
fitted on Training. Their accuracies are no upper bounds: a model sees more than ten votes tell.
"""

import numpy as np
import pandas as pd

from fer_lib.analysis.comparison import Estimate
from fer_lib.analysis.headline import DEDUPLICATED, SeedSamples, same_budget
from fer_lib.analysis.leakage import occurs_in_training
from fer_lib.analysis.verdict import decide_family
from fer_lib.data.dataset import Dataset
from fer_lib.data.ferplus import ANNOTATORS, Votes
from fer_lib.data.labels import EMOTIONS
from fer_lib.evaluation.bootstrap import bootstrap_counts, percentile_interval
from fer_lib.evaluation.seed_variance import total_mean
from fer_lib.experiments import MAIN_MODELS
from fer_lib.runs.predictions import PredictedRun, SplitPredictions
from fer_lib.runs.run import Run

PLURALITY, REGRESSION = "plurality vote", "logistic regression"
CEILING_MODELS = ("se_cnn", MAIN_MODELS[-1])
_SPLITS = ("private_test", f"{DEDUPLICATED}private_test")


def predict_labels_from_votes(dataset: Dataset, votes: dict[str, Votes]) -> SplitPredictions:
    """Predict the labels of PrivateTest from its votes.

    The multinomial logistic regression from the shares of the votes to the label is fitted on
    Training.

    Returns:
        Log-probabilities of the classes as logits; minus infinity for those that Training lacks.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second to import

    regression = LogisticRegression(max_iter=1000)
    regression.fit(_shares(votes["Training"]), dataset.training.labels)
    private = dataset.private_test
    logits = np.full((len(private), len(EMOTIONS)), -np.inf, np.float32)
    logits[:, regression.classes_] = regression.predict_log_proba(_shares(votes["PrivateTest"]))
    return SplitPredictions(logits, private.labels, private.hashes)


def _shares(votes: Votes) -> np.ndarray:
    return np.concatenate([votes.emotions, votes.other_classes], axis=1) / ANNOTATORS


def ceilings(from_votes: SplitPredictions, private: Votes) -> pd.DataFrame:
    """The accuracy on PrivateTest of labels that are predicted from votes.

    Args:
        from_votes: as `predict_labels_from_votes` returns them.
        private: the votes on PrivateTest, in the same order.

    Returns:
        One row per predictor, `PLURALITY` (in expectation over ties) and `REGRESSION`, and split,
        `private_test` and `deduplicated_private_test`: `predictor`, `split`, `images`, and
        `accuracy` with the limits `_low` and `_high` of its 95 % bootstrap interval over images.
    """
    scores = {PLURALITY: private.plurality(from_votes.labels), REGRESSION: from_votes.correct}
    leaked = occurs_in_training(from_votes.hashes, "private_test")
    rows = []
    for predictor, values in scores.items():
        for split, kept in zip(_SPLITS, (values, values[~leaked]), strict=True):
            resampled = bootstrap_counts(len(kept)) @ kept / len(kept)
            accuracy = Estimate(float(kept.mean()), *percentile_interval(resampled))
            row = {"predictor": predictor, "split": split, "images": len(kept)}
            rows.append(row | accuracy.columns("accuracy"))
    return pd.DataFrame(rows)


def differences_from_regression(runs: list[Run], from_votes: SplitPredictions) -> pd.DataFrame:
    """Compare the accuracy of experiments with that of the logistic regression from the votes.

    Args:
        runs: all runs with predictions on PrivateTest.
        from_votes: as `predict_labels_from_votes` returns them.

    Returns:
        One row for each of `CEILING_MODELS` and split, as one family: `experiment`, `split`,
        `seeds` (how many); `accuracy_difference`, the mean over seeds, with the limits `_low` and
        `_high` of its 95 % interval over images and seeds; `holm_p_value`; and `verdict` on whether
        the experiment is more accurate. NaN for an experiment without runs.
    """
    regression = PredictedRun(REGRESSION, {}, {"private_test": from_votes})
    by_name = {name: [run for run in runs if run.name == name] for name in CEILING_MODELS}
    pool, rows, differences = same_budget(runs, by_name), [], []
    for split in _SPLITS:
        samples = SeedSamples({REGRESSION: [regression], **by_name}, split, pool=pool)
        for name in CEILING_MODELS:
            rows.append({"experiment": name, "split": split, "seeds": len(by_name[name])})
            differences.append(
                total_mean(
                    samples.values[name] - samples.values[REGRESSION],
                    samples.resampled[name] - samples.resampled[REGRESSION],
                    samples.seeds[name],
                )
                if by_name[name]
                else None
            )
    return pd.DataFrame(rows).join(decide_family(differences))
