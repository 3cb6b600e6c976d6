"""Whether a record holds: its files are those that were recorded, metrics from its predictions,
predictions from its weights, its experiment from the table."""

from dataclasses import dataclass, field

import numpy as np

from fer_lib import baselines, evaluation, networks, shifted_answers
from fer_lib.data import DataError, Dataset
from fer_lib.experiments import EXPERIMENTS, SHIFTS, Experiment
from fer_lib.files import read_json, sha256_of
from fer_lib.runs import CHECKSUMS, WEIGHTS, Run, find, keeps_weights, parts_of

# Another machine's arithmetic moves a probability a little; these bounds are far above that and far
# below a wrong weight.
PROBABILITY_TOLERANCE = 2e-3
LABEL_TOLERANCE = 0.002
UNMATCHED_TOLERANCE = 0.005
# Answers over shifted pictures take many passes: of each split, one image in so many is asked
# again.
SHIFTED_SAMPLE = 56


@dataclass
class Findings:
    """What a check found: `problems` break the record, `notes` do not."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    metrics: dict | None = None  # recomputed from the weights, where weights and data are there


def check(run: Run, dataset: Dataset | None, recorded: bool = False) -> Findings:
    """Recompute a finished run.

    Args:
        dataset: FER2013, to predict with the run's weights; None leaves that part out, and a
            note says so. The copy's rows
            may stand in any order: images are matched by the hash of their pixels.
        recorded: also what only a record must have: checksums, a place in the experiments'
            table, and the weights of a headline.
    """
    findings = Findings()
    _check_files(run, findings, recorded)
    if not findings.problems and run.config["experiment"] != baselines.HOG:
        _check_configuration(run, findings)
    if findings.problems:
        return findings  # what is broken cannot be recomputed
    _check_experiment(run, findings)
    _check_taken_up(run, findings)
    if recorded and keeps_weights(run) and run.weights is None:
        findings.problems.append(
            f"{WEIGHTS} is missing: seed 0 of a headline experiment and the members of an ensemble keep their weights"
        )
    if ("private_test_logits" in run.predictions) != run.config["configuration"].get(
        "opens_private_test", True
    ):
        findings.problems.append(
            "PrivateTest is predicted where the experiment leaves it closed, or is not where it opens it"
        )
    if evaluation.metrics_of_splits(run.predictions) != run.metrics:
        findings.problems.append("metrics.json is not what predictions.npz gives")
    if run.weights is None:
        findings.notes.append("keeps no weights: its predictions are taken as recorded")
    elif dataset is None:
        findings.notes.append(
            "FER2013 is not on this machine: predictions were not recomputed from the weights"
        )
    else:
        _check_predictions(run, dataset, findings)
    if recorded:
        _check_shifted(run, dataset, findings)
    return findings


def require_images(recorded: list[Run], dataset: Dataset) -> None:
    """Refuse a copy of the data set that is another than the recorded runs': what is computed from
    it would stand beside them.

    Raises:
        DataError: its PublicTest was drawn from Training, or more images of a run are missing than
        another sound copy lacks.
    """
    if dataset.public_test_drawn:
        raise DataError(
            "this copy's PublicTest was drawn from Training; records are made with FER2013's own splits"
        )
    for run in recorded:
        for name in (
            name.removesuffix("_logits") for name in run.predictions if name.endswith("_logits")
        ):
            hashes, labels = run.predictions[f"{name}_hashes"], run.predictions[f"{name}_labels"]
            getattr(dataset, name).require(
                hashes, labels, f"{run.folder}, {name},", UNMATCHED_TOLERANCE
            )


def _check_files(run: Run, findings: Findings, recorded: bool) -> None:
    checksums = run.folder / CHECKSUMS
    if not checksums.is_file():
        place = findings.problems if recorded else findings.notes
        place.append(
            f"there is no {CHECKSUMS}: its files cannot be told from those that were recorded"
        )
        return
    lines = [line.split(maxsplit=1) for line in checksums.read_text(encoding="utf-8").splitlines()]
    if any(len(line) != 2 for line in lines):
        findings.problems.append(
            f"{CHECKSUMS} is broken: expected a checksum and a file's name in every line"
        )
        return
    sums = {name: digest for digest, name in lines}
    there = {path.name for path in run.folder.iterdir()} - {CHECKSUMS}
    findings.problems += [
        f"{name} was recorded and is missing" for name in sorted(sums.keys() - there)
    ]
    findings.problems += [
        f"{name} is there and was not recorded" for name in sorted(there - sums.keys())
    ]
    for name in sorted(sums.keys() & there):
        if (digest := sha256_of(run.folder / name)) != sums[name]:
            findings.problems.append(
                f"{name} is not the file that was recorded: its SHA-256 is {digest}, recorded was {sums[name]}"
            )


def _check_configuration(run: Run, findings: Findings) -> None:
    try:
        Experiment.from_dict(run.config["configuration"])
    except ValueError as error:
        findings.problems.append(f"config.json: {error}")


def _check_experiment(run: Run, findings: Findings) -> None:
    name = run.config["experiment"]
    if run.config["profile"] != "full":
        return
    if name == baselines.HOG:
        if run.config["configuration"] != baselines.CONFIGURATION:
            findings.problems.append(
                f"its configuration was {run.config['configuration']}, now it is {baselines.CONFIGURATION}"
            )
        return
    if name not in EXPERIMENTS:
        findings.problems.append(
            f"there is no experiment {name} in the table any more; its row must stay as it was"
        )
        return
    recorded = run.experiment.to_dict()
    now = EXPERIMENTS[name].to_dict()
    for key in recorded.keys() - {"title"}:  # what tables call it may change
        if recorded[key] != now[key]:
            findings.problems.append(
                f"{key} was {recorded[key]!r} when it was recorded and is {now[key]!r} in the table now; "
                "copy the row under a new name"
            )


def _check_taken_up(run: Run, findings: Findings) -> None:
    """Whether the runs that it started from or was taught by, where they stand beside it, have the
    weights that it took up."""
    for key, expected in run.config.get("weights_sha256_of", {}).items():
        other = find(run.folder.parent.parent, *parts_of(key))
        if other is None or other.weights is None:
            findings.notes.append(f"took up the weights of {key}, which is not beside it")
        elif (digest := sha256_of(other.weights)) != expected:
            findings.problems.append(
                f"took up weights of {key} with the SHA-256 {expected}; those beside it have {digest}"
            )


def _check_predictions(run: Run, dataset: Dataset, findings: Findings) -> None:
    network, recomputed = networks.load(run), {}
    for split in (
        name.removesuffix("_logits") for name in run.predictions if name.endswith("_logits")
    ):
        hashes, labels, logits = (
            run.predictions[f"{split}_{name}"] for name in ("hashes", "labels", "logits")
        )
        here = getattr(dataset, split)
        rows = here.rows_of(hashes, labels)
        matched = rows >= 0
        if (missing := int((~matched).sum())) > 0:
            serious = missing > UNMATCHED_TOLERANCE * len(hashes)
            place = findings.problems if serious else findings.notes
            place.append(
                f"{split}: {missing} of {len(hashes)} images are not in this copy of the data under their label"
            )
        if not matched.any():
            continue
        again = networks.predict(network, here.images[rows[matched]], run.experiment.flip_averaging)
        recomputed |= {f"{split}_logits": again, f"{split}_labels": labels[matched]}
        difference = _largest_difference(again, logits[matched])
        changed = int((again.argmax(axis=1) != logits[matched].argmax(axis=1)).sum())
        summary = f"{split}: {len(again)} images, largest difference of a probability {difference:.1e}, {changed} other labels"
        wrong = difference > PROBABILITY_TOLERANCE or changed > LABEL_TOLERANCE * len(again)
        (findings.problems if wrong else findings.notes).append(summary)
    findings.metrics = evaluation.metrics_of_splits(recomputed)


def _check_shifted(run: Run, dataset: Dataset | None, findings: Findings) -> None:
    """Whether the file of answers over shifted pictures is the recorded one, and whether the
    weights give those of a sample of the images."""
    try:
        answers = shifted_answers.predictions(run)
    except ValueError as error:
        findings.problems.append(str(error))
        return
    if answers is None:
        return
    if (digest := sha256_of(shifted_answers.PREDICTIONS)) != read_json(shifted_answers.RECORD)[
        "predictions_sha256"
    ]:
        findings.problems.append(
            f"{shifted_answers.PREDICTIONS.name} is not the file that was recorded: its SHA-256 is {digest}"
        )
    if dataset is None or run.weights is None:
        return
    network = networks.load(run)
    for split in (name.removesuffix("_logits") for name in answers if name.endswith("_logits")):
        hashes, labels, logits = (
            answers[f"{split}_{name}"][::SHIFTED_SAMPLE] for name in ("hashes", "labels", "logits")
        )
        here = getattr(dataset, split)
        rows = here.rows_of(hashes, labels)
        there = rows >= 0
        if not there.any():  # `_check_predictions` has said so
            continue
        again = networks.predict(
            network, here.images[rows[there]], run.experiment.flip_averaging, SHIFTS
        )
        difference = _largest_difference(again, logits[there])
        place = findings.problems if difference > PROBABILITY_TOLERANCE else findings.notes
        place.append(
            f"{split}, over shifted pictures: {there.sum()} images, largest difference of a probability {difference:.1e}"
        )


def _largest_difference(logits: np.ndarray, others: np.ndarray) -> float:
    """Between the probabilities that they stand for."""
    return float(
        np.abs(evaluation.probabilities(logits) - evaluation.probabilities(others)).max(initial=0)
    )
