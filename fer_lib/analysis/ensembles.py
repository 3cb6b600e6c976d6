"""Test-time augmentation schemes, and the SE-CNNs alone and as ensembles."""

from pathlib import Path

import pandas as pd

from fer_lib.analysis.scores import score_columns
from fer_lib.evaluation.ensembles import Ensemble, recorded_ensembles
from fer_lib.evaluation.tta_predictions import TTA_PATH, tta_predictions
from fer_lib.experiments import ENSEMBLE_TTA, SE_CNN_EXPERIMENTS
from fer_lib.io import read_json
from fer_lib.runs.store import find_runs


def tta_schemes(path: Path = TTA_PATH) -> pd.DataFrame:
    """Scores of each TTA scheme on PublicTest, with the one run that the scheme was selected with.

    Args:
        path: the file that `evaluation.tta_predictions.record_tta_schemes` writes.

    Returns:
        `tta`, `forward_passes` and the columns of `score_columns`, one row per scheme.
    """
    rows = read_json(path)["rows"]
    return pd.DataFrame(
        [
            {"tta": row["tta"], "forward_passes": row["forward_passes"], **score_columns(row)}
            for row in rows
        ]
    )


def se_cnn_models(root: Path) -> list[Ensemble]:
    """The recorded SE-CNNs under `root`, seed by seed, then their ensembles.

    Each is listed with its own TTA, and with `ENSEMBLE_TTA` where those predictions are recorded.
    A single model is an ensemble of one.
    """
    models = []
    for run in find_runs(root):
        if run.name not in SE_CNN_EXPERIMENTS:
            continue
        title = f"{run.experiment.title}, seed {run.seed}"
        models.append(Ensemble(title, (run,)))
        if run.config["profile"] == "full" and tta_predictions(run):
            models.append(Ensemble(f"{title}, shift TTA", (run,), ENSEMBLE_TTA))
    return models + recorded_ensembles(root)


def best_ensemble(models: list[Ensemble]) -> Ensemble | None:
    """The most accurate on PublicTest of those with several members; None without any."""
    return max(
        (model for model in models if len(model.members) > 1),
        key=lambda model: model.metrics["public_test"]["accuracy"],
        default=None,
    )
