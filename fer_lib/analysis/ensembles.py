"""Test-time augmentation schemes, and the SE-CNNs alone and as ensembles."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from fer_lib.analysis.comparison import Estimate, paired_differences
from fer_lib.analysis.headline import SeedSamples, predictions_on, same_budget
from fer_lib.analysis.verdict import decide_family
from fer_lib.evaluation.bootstrap import (
    bootstrap_confusions,
    confusion_matrix,
    confusion_scores,
    percentile_interval,
)
from fer_lib.evaluation.ensembles import SHIFT_TTA_SUFFIX, Ensemble, recorded_ensembles
from fer_lib.evaluation.tta_predictions import TTA_PATH, tta_predictions
from fer_lib.experiments import SE_CNN_EXPERIMENTS
from fer_lib.io import read_json
from fer_lib.runs.run import Run
from fer_lib.runs.store import find_runs

HEADLINE_MARGIN = 0.002  # of accuracy on PublicTest: 0.2 points


def tta_schemes(path: Path = TTA_PATH) -> pd.DataFrame:
    """Scores of each TTA scheme on PublicTest, with the one run that the scheme was selected with.

    Args:
        path: the file that `evaluation.tta_predictions.record_tta_schemes` writes.

    Returns:
        One row per scheme: `tta`, `forward_passes`, `accuracy` and `macro_f1`, each score with its
        interval.
    """
    rows = []
    for scheme in read_json(path)["rows"]:
        row = {"tta": scheme["tta"], "forward_passes": scheme["forward_passes"]}
        for measure in ("accuracy", "macro_f1"):
            score = Estimate(scheme[measure], *scheme["intervals"][measure])
            row |= score.columns(measure)
        rows.append(row)
    return pd.DataFrame(rows)


def shift_tta_gains(models: Mapping[str, Ensemble]) -> pd.DataFrame:
    """What shift TTA (`ENSEMBLE_TTA`) gains over a network's own TTA on PrivateTest.

    Args:
        models: by title, as `se_cnn_models` names them.

    Returns:
        One row per single network with both predictions: `model`, and the columns of
        `comparison.paired_differences` without `baseline`; empty without any.
    """
    gains = [
        paired_differences(model, {title: models[title]})
        for model in models.values()
        if model.shift_tta and len(model.members) == 1
        if (title := model.title.removesuffix(SHIFT_TTA_SUFFIX)) in models
    ]
    columns = ["model", "accuracy_difference"]
    table = pd.concat(gains) if gains else pd.DataFrame(columns=columns, dtype=float)
    return table.rename(columns={"baseline": "model"}).reset_index(drop=True)


def shift_tta_side_by_side(sizes: pd.DataFrame) -> pd.DataFrame:
    """Put the accuracy of each model with shift TTA beside that with its own TTA.

    Args:
        sizes: as `analysis.model_size.model_sizes` returns them, of models by the names of
            `se_cnn_models`.

    Returns:
        One row per model with its own TTA: `model`, `parameters`, `multiply_adds`;
        `public_test_accuracy` and `private_test_accuracy`, and the same with shift TTA as
        `…_shift_tta`, NaN where that is not recorded.
    """
    accuracies = ["public_test_accuracy", "private_test_accuracy"]
    is_shifted = sizes["model"].str.endswith(SHIFT_TTA_SUFFIX)
    shifted = sizes.loc[is_shifted, ["model", *accuracies]]
    shifted["model"] = shifted["model"].str.removesuffix(SHIFT_TTA_SUFFIX)
    own = sizes.loc[~is_shifted, ["model", "parameters", "multiply_adds", *accuracies]]
    return own.merge(shifted, "left", on="model", suffixes=("", "_shift_tta"))


def se_cnn_models(root: Path) -> list[Ensemble]:
    """The recorded SE-CNNs under `root`, seed by seed, then their ensembles.

    Each is listed with its own TTA, and with `ENSEMBLE_TTA` where those predictions are recorded.
    A single model is an ensemble of one.
    """
    models = []
    for run in find_runs(root):
        if run.name in SE_CNN_EXPERIMENTS:
            title = f"{run.experiment.title}, seed {run.seed}"
            models.append(Ensemble(title, (run,)))
            if tta_predictions(run):
                models.append(Ensemble(f"{title}{SHIFT_TTA_SUFFIX}", (run,), shift_tta=True))
    return models + recorded_ensembles(root)


def best_ensemble(models: list[Ensemble]) -> Ensemble | None:
    """The most accurate on PublicTest of those with several members; None without any."""
    return max(
        (model for model in models if len(model.members) > 1),
        key=lambda model: model.metrics["public_test"]["accuracy"],
        default=None,
    )


def headline_ensemble(models: list[Ensemble], sizes: pd.DataFrame) -> Ensemble | None:
    """The ensemble whose accuracy the report gives, by a rule fixed before its result was known.

    It is the one with the fewest multiply-adds per prediction of those within `HEADLINE_MARGIN` of
    the most accurate ensemble on PublicTest.

    Args:
        sizes: of these models, as `analysis.model_size.model_sizes` returns them.

    Returns:
        None where no model has several members.
    """
    ensembles = sizes[sizes["members"] > 1]
    accuracy = ensembles["public_test_accuracy"]
    near = ensembles[accuracy >= accuracy.max() - HEADLINE_MARGIN]
    return models[near["multiply_adds"].idxmin()] if len(near) else None


def ensembles_against_single(
    ensembles: Iterable[Ensemble], runs: list[Run], experiment: str, split: str = "private_test"
) -> pd.DataFrame:
    """What each ensemble gains over a single network: the mean over the seeds of an experiment.

    The intervals hold the variance of images and seeds. An ensemble counts as one network of one
    seed, independent of the experiment's runs; both overstate the variance where its members are
    among them. `gain_over_members` compares an ensemble with these alone.

    Args:
        runs: finished runs, of the experiment and of others, whose variance across seeds is pooled.
        split: as `headline.SeedSamples`.

    Returns:
        One row per ensemble: `ensemble` (its title), `accuracy_difference` with the limits `_low`
        and `_high` of its 95 % interval, `holm_p_value`, corrected for these ensembles, and
        `verdict` on whether the ensemble raises accuracy. Without a run of the experiment the
        numbers are NaN, without two seeds of any the interval and the p-value; the verdict is then
        `NOT_RECORDED`.
    """
    by_title = {each.title: [each] for each in ensembles}
    models = by_title | {experiment: [run for run in runs if run.name == experiment]}
    samples = SeedSamples(models, split, pool=same_budget(runs, models))
    gains = decide_family(samples.difference(title, experiment) for title in by_title)
    return pd.DataFrame({"ensemble": list(by_title)}).join(gains)


def gain_over_members(ensemble: Ensemble, split: str = "private_test") -> Estimate:
    """The accuracy of an ensemble minus the mean accuracy of its members, on the same images.

    The 95 % interval is a paired percentile bootstrap over the images. The networks are taken as
    given: it excludes the variance across seeds.

    Args:
        ensemble: its members predict with the TTA with which it averages them.
        split: as `headline.SeedSamples`; the ensemble was evaluated on it.
    """
    members = [Ensemble(run.key, (run,), ensemble.shift_tta) for run in ensemble.members]
    predictions = [predictions_on(model, split) for model in (ensemble, *members)]
    observed = confusion_scores(np.stack(list(map(confusion_matrix, predictions))))["accuracy"]
    resampled = [confusion_scores(each)["accuracy"] for each in bootstrap_confusions(*predictions)]
    gain, gains = (each[0] - np.mean(each[1:], axis=0) for each in (observed, resampled))
    return Estimate(float(gain), *percentile_interval(gains))
