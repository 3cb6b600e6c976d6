"""Records of answers averaged over shifts: what each scheme is worth on PublicTest, and the small
networks' under the chosen one."""

import numpy as np

from fer_lib import evaluation, networks
from fer_lib.data import Dataset
from fer_lib.experiments import SHIFTS
from fer_lib.files import read_arrays, read_json, replacing, sha256_of, write_json
from fer_lib.profiles import RESULTS
from fer_lib.runs import Run, RunError
from fer_lib.shifts import SCHEMES, shifted

RECORD = RESULTS / "analysis" / "shifts.json"
PREDICTIONS = RESULTS / "analysis" / "shifts.npz"


def record_schemes(run: Run, dataset: Dataset) -> None:
    """Write to `RECORD` what each scheme, with and without the mirror image, reaches on PublicTest
    with a run's network.

    The answers of `PREDICTIONS` stay as they are, and what `RECORD` says of them.
    """
    network, split, rows = networks.load(run), dataset.public_test, []
    every = dict.fromkeys(shift for shifts in SCHEMES.values() for shift in shifts)
    plain, mirrored = {}, {}
    for shift in every:
        images = shifted(split.images, *shift)
        plain[shift] = evaluation.probabilities(networks.predict(network, images))
        mirrored[shift] = evaluation.probabilities(networks.predict(network, images[:, :, ::-1]))
    for title, shifts in SCHEMES.items():
        for sides in ((plain,), (plain, mirrored)):
            mean = np.mean([answers[shift] for answers in sides for shift in shifts], axis=0)
            metrics = evaluation.metrics(mean, split.labels)
            kept = {name: metrics[name] for name in ("accuracy", "macro_f1", "intervals")}
            rows.append(
                {
                    "places": title,
                    "mirrored": len(sides) == 2,
                    "passes": len(shifts) * len(sides),
                    **kept,
                }
            )
    there = read_json(RECORD) if RECORD.is_file() else {}
    write_json(RECORD, {**there, "run": run.key, "rows": rows})


def record(runs: list[Run], dataset: Dataset) -> None:
    """Add to `PREDICTIONS` the answers under `SHIFTS` of runs that are not in it yet, for the
    splits that each run's record has.

    `RECORD` keeps the file's SHA-256.

    Raises:
        DataError: this copy of the data set lacks an image of a run's record.
    """
    there = _stored()
    for run in runs:
        digest = sha256_of(run.weights)
        if there.get(f"{run.key}/weights_sha256") == digest:
            continue
        network = networks.load(run)
        for name in _logits(run):
            title = name.removesuffix("_logits")
            split, hashes, labels = (
                getattr(dataset, title),
                run.predictions[f"{title}_hashes"],
                run.predictions[f"{title}_labels"],
            )
            rows = split.require(hashes, labels, f"{run.folder}, {title},")
            there[f"{run.key}/{name}"] = networks.predict(
                network, split.images[rows], run.experiment.flip_averaging, SHIFTS
            )
        there[f"{run.key}/weights_sha256"] = np.array(digest)
    with replacing(PREDICTIONS) as aside:
        np.savez_compressed(aside, **{**there, "scheme": np.array(SHIFTS)})
    write_json(RECORD, {**read_json(RECORD), "predictions_sha256": sha256_of(PREDICTIONS)})


def predictions(run: Run) -> dict[str, np.ndarray] | None:
    """As `Run.predictions`, with answers under `SHIFTS`; None where they are not recorded.

    Raises:
        RunError: those that are recorded are of other weights. ValueError: as `read_arrays`.
    """
    there = _stored()
    digest = there.get(f"{run.key}/weights_sha256")
    if digest is None:
        return None
    if run.weights and digest != sha256_of(run.weights):
        raise RunError(
            f"{PREDICTIONS}: its answers of {run.key} are of other weights; python -m fer_lib shifts makes them anew"
        )
    return {**run.predictions, **{name: there[f"{run.key}/{name}"] for name in _logits(run)}}


def _logits(run: Run) -> list[str]:
    return [name for name in run.predictions if name.endswith("_logits")]


def _stored() -> dict[str, np.ndarray]:
    """What is recorded; nothing where it is of another scheme."""
    stored = read_arrays(PREDICTIONS) if PREDICTIONS.is_file() else {}
    return stored if stored.get("scheme") == SHIFTS else {}
