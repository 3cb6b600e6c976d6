"""Recorded predictions with TTA: each scheme on PublicTest, and the runs under the chosen one."""

from dataclasses import replace

import numpy as np

from fer_lib.data.dataset import Dataset, Split
from fer_lib.evaluation.inference import load_model, mean_probability_logits, predict_logits
from fer_lib.evaluation.metrics import classification_metrics
from fer_lib.experiments import ENSEMBLE_TTA
from fer_lib.io import atomic_write, read_arrays, read_json, sha256_of, write_json
from fer_lib.paths import RESULTS
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import Run, RunError
from fer_lib.tta import SCHEMES

TTA_PATH = RESULTS / "analysis" / "tta.json"
TTA_PREDICTIONS_PATH = RESULTS / "analysis" / "tta_predictions.npz"


def record_tta_schemes(run: Run, dataset: Dataset) -> None:
    """Write to `TTA_PATH` the metrics of each TTA scheme on PublicTest with one run's model.

    What the file says of `TTA_PREDICTIONS_PATH` stays.
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
    stored = read_json(TTA_PATH) if TTA_PATH.is_file() else {}
    write_json(TTA_PATH, {**stored, "run": run.key, "rows": rows})


def record_tta_predictions(runs: list[Run], dataset: Dataset) -> None:
    """Add to `TTA_PREDICTIONS_PATH` the logits under `ENSEMBLE_TTA` of runs that it lacks.

    `TTA_PATH` holds the file's SHA-256.

    Raises:
        DataError: this copy of the data set lacks an image of a run's record.
    """
    stored = _stored()
    for run in runs:
        digest = sha256_of(run.weights)
        if stored.get(f"{run.key}/weights_sha256") == digest:
            continue
        model = load_model(run)
        for name, recorded in run.predictions.items():
            split: Split = getattr(dataset, name)
            rows = split.require(recorded.hashes, recorded.labels, f"{run.folder}, {name},")
            logits = predict_logits(model, split.images[rows], ENSEMBLE_TTA)
            stored[f"{run.key}/{name}_logits"] = logits
        stored[f"{run.key}/weights_sha256"] = np.array(digest)
    with atomic_write(TTA_PREDICTIONS_PATH) as tmp:
        np.savez_compressed(tmp, **{**stored, "scheme": np.array(ENSEMBLE_TTA)})
    record = {**read_json(TTA_PATH), "predictions_sha256": sha256_of(TTA_PREDICTIONS_PATH)}
    write_json(TTA_PATH, record)


def tta_predictions(run: Run) -> dict[str, SplitPredictions] | None:
    """As `Run.predictions`, under `ENSEMBLE_TTA`; None where they are not recorded.

    Raises:
        RunError: the recorded ones are of other weights. ValueError: as `read_arrays`.
    """
    stored = _stored()
    digest = stored.get(f"{run.key}/weights_sha256")
    if digest is None:
        return None
    if run.weights and digest != sha256_of(run.weights):
        raise RunError(
            f"{TTA_PREDICTIONS_PATH}: its predictions of {run.key} are of other weights; "
            "recompute them with: python -m fer_lib tta"
        )
    return {
        name: replace(recorded, logits=stored[f"{run.key}/{name}_logits"])
        for name, recorded in run.predictions.items()
    }


def _stored() -> dict[str, np.ndarray]:
    """What is recorded; nothing where it is of another scheme."""
    stored = read_arrays(TTA_PREDICTIONS_PATH) if TTA_PREDICTIONS_PATH.is_file() else {}
    return stored if stored.get("scheme") == ENSEMBLE_TTA else {}
