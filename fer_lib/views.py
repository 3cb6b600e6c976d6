"""What answers averaged over several places of a picture are worth, and the small networks' under the chosen scheme."""

import numpy as np

from fer_lib import evaluation, training
from fer_lib.data import DataError, Dataset
from fer_lib.files import replacing, write_json
from fer_lib.profiles import RESULTS
from fer_lib.runs import Run
from fer_lib.shifts import SCHEMES, shifted

RECORD = RESULTS / "analysis" / "shifts.json"
PREDICTIONS = RESULTS / "analysis" / "shifts.npz"


def record_schemes(run: Run, dataset: Dataset) -> None:
    """Write to `RECORD` what each scheme, with and without the mirror image, reaches on PublicTest with a run's network."""
    network, split, rows = training.load(run), dataset.public_test, []
    every = dict.fromkeys(shift for shifts in SCHEMES.values() for shift in shifts)
    plain, mirrored = {}, {}
    for shift in every:
        images = shifted(split.images, *shift)
        plain[shift] = evaluation.probabilities(training.predict(network, images))
        mirrored[shift] = evaluation.probabilities(training.predict(network, images[:, :, ::-1]))
    for title, shifts in SCHEMES.items():
        for sides in ((plain,), (plain, mirrored)):
            mean = np.mean([answers[shift] for answers in sides for shift in shifts], axis=0)
            metrics = evaluation.metrics(mean, split.labels)
            kept = {name: metrics[name] for name in ("accuracy", "macro_f1", "intervals")}
            rows.append({"places": title, "mirrored": len(sides) == 2, "passes": len(shifts) * len(sides), **kept})
    write_json(RECORD, {"run": run.key, "rows": rows})


def record(runs: list[Run], dataset: Dataset, scheme: str) -> None:
    """Add to `PREDICTIONS` the answers under one of `SCHEMES` of runs that are not in it yet, for the splits that each run's record has.

    Raises:
        DataError: this copy of the data set does not hold the images of a run's record, in their order.
    """
    there = {}
    if PREDICTIONS.is_file():
        with np.load(PREDICTIONS) as stored:
            there = dict(stored) if stored["scheme"] == scheme else {}
    for run in runs:
        missing = [name for name in run.predictions if name.endswith("_logits") and f"{run.key}/{name}" not in there]
        network, flip_averaging = training.load(run), run.config["configuration"]["flip_averaging"]
        for name in missing:
            split = getattr(dataset, name.removesuffix("_logits"))
            if not np.array_equal(split.hashes, run.predictions[name.replace("_logits", "_hashes")]):
                raise DataError(f"this copy of FER2013 does not hold the images of {run.folder} in their order; expected Kaggle's CSV")
            there[f"{run.key}/{name}"] = training.predict(network, split.images, flip_averaging, scheme)
    with replacing(PREDICTIONS) as aside:
        np.savez_compressed(aside, **{**there, "scheme": np.array(scheme)})


def predictions(run: Run) -> dict[str, np.ndarray] | None:
    """As `Run.predictions`, under the scheme that is recorded; None where the run's answers are not."""
    with np.load(PREDICTIONS) as stored:
        found = {name: stored[key] for name in run.predictions if name.endswith("_logits") and (key := f"{run.key}/{name}") in stored}
    return {**run.predictions, **found} if found else None
