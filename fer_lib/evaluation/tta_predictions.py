"""Recorded predictions with TTA: all schemes on PublicTest, and all runs with the chosen one.

`tta.json` holds the comparison of the schemes, `tta_predictions.npz` the logits of the runs.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_lib.data.dataset import Dataset, Split
from fer_lib.evaluation.inference import load_model, mean_probability_logits, predict_logits
from fer_lib.evaluation.metrics import classification_metrics
from fer_lib.experiments import ENSEMBLE_TTA
from fer_lib.io import atomic_write, read_arrays, read_json, sha256_of, write_json
from fer_lib.paths import ANALYSIS
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import Run, RunError
from fer_lib.tta import SCHEMES

TTA_PATH = ANALYSIS / "tta.json"
TTA_PREDICTIONS_PATH = ANALYSIS / "tta_predictions.npz"


def record_tta_schemes(run: Run, dataset: Dataset, path: Path) -> None:
    """Write the metrics of each TTA scheme, with one run's model on PublicTest, to `path`.

    Other entries of the file are kept.
    """
    model, split = load_model(run), dataset.public_test
    views = dict.fromkeys(view for scheme in SCHEMES.values() for view in scheme)
    logits = {view: predict_logits(model, view(split.images)) for view in views}
    rows = []
    for name, scheme in SCHEMES.items():
        mean = mean_probability_logits([logits[view] for view in scheme])
        metrics = classification_metrics(mean, split.labels)
        kept = {key: metrics[key] for key in ("accuracy", "macro_f1", "intervals")}
        rows.append({"tta": name, "forward_passes": len(scheme), **kept})
    stored = read_json(path) if path.is_file() else {}
    write_json(path, {**stored, "run": run.key, "rows": rows})


def record_tta_predictions(runs: list[Run], dataset: Dataset, path: Path) -> None:
    """Add the logits of missing runs with `ENSEMBLE_TTA` to `path`.

    The SHA-256 of the file is written to `tta.json` beside it, which must exist.

    Raises:
        DataError: the data set lacks an image of a recorded run.
    """
    stored = _stored(path)
    for run in runs:
        digest = sha256_of(run.weights)
        if stored.get(f"{run.key}/weights_sha256") == digest:
            continue
        model = load_model(run)
        for name, recorded in run.predictions.items():
            split: Split = getattr(dataset, name)
            rows = split.require(recorded.hashes, recorded.labels, f"{run.folder}, {name},")
            stored[f"{run.key}/{name}_logits"] = predict_logits(
                model, split.images[rows], ENSEMBLE_TTA
            )
        stored[f"{run.key}/weights_sha256"] = np.array(digest)
    with atomic_write(path) as tmp:
        np.savez_compressed(tmp, **{**stored, "scheme": np.array(ENSEMBLE_TTA)})
    schemes = path.with_name(TTA_PATH.name)
    write_json(schemes, {**read_json(schemes), "predictions_sha256": sha256_of(path)})


def tta_predictions(run: Run) -> dict[str, SplitPredictions] | None:
    """Return predictions as `Run.predictions` does, with `ENSEMBLE_TTA`; None if not recorded.

    Raises:
        RunError: the recorded predictions are of other weights.
        ValueError: as `read_arrays`.
    """
    path = tta_predictions_path(run)
    stored = _stored(path)
    digest = stored.get(f"{run.key}/weights_sha256")
    if digest is None:
        return None
    if run.weights and digest != sha256_of(run.weights):
        raise RunError(
            f"{path}: its predictions of {run.key} are of other weights; "
            "recompute them with: python -m fer_lib tta"
        )
    return {
        name: replace(recorded, logits=stored[f"{run.key}/{name}_logits"])
        for name, recorded in run.predictions.items()
    }


def tta_predictions_path(run: Run) -> Path:
    """Return the file with the TTA predictions of the runs in a run's folder of results."""
    return run.root / ANALYSIS.name / TTA_PREDICTIONS_PATH.name


def _stored(path: Path) -> dict[str, np.ndarray]:
    """Return the recorded arrays, or none if they are of another scheme."""
    stored = read_arrays(path) if path.is_file() else {}
    return stored if stored.get("scheme") == ENSEMBLE_TTA else {}
