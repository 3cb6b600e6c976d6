"""Verify a run: files by checksums, metrics from predictions, predictions from weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fer_lib.data.dataset import Dataset, Split
from fer_lib.data.readers import DataError
from fer_lib.evaluation.inference import load_model, predict_run
from fer_lib.evaluation.metrics import metrics_by_split
from fer_lib.evaluation.tta_predictions import TTA_PATH, tta_predictions, tta_predictions_path
from fer_lib.experiments import ENSEMBLE_TTA, EXPERIMENTS, HOG, HOG_CONFIGURATION, Experiment
from fer_lib.io import read_json, sha256_of
from fer_lib.runs.manifest import CHECKSUMS_FILE, checksum_problems, covered_files, links
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import WEIGHTS_FILE, Run, parse_run_key
from fer_lib.runs.store import find_run, keeps_weights

# Probabilities differ slightly between machines. These tolerances are far above such differences
# and far below the effect of a wrong weight.
PROBABILITY_TOLERANCE = 2e-3  # absolute
CLASS_TOLERANCE = 0.002  # fraction of the images whose predicted class may differ
UNMATCHED_TOLERANCE = 0.005  # fraction of the images that a copy of the data set may lack
# TTA takes many forward passes, so only every 56th image is predicted again.
TTA_SAMPLE = 56
NOT_OF_RECORDS = (ImportError, MemoryError, NameError)  # but of the machine or the library
_REWRITE = "python -m fer_lib checksums writes it anew"


@dataclass
class VerificationReport:
    """The result of a verification.

    Attributes:
        problems: findings that invalidate the record.
        notes: findings that do not.
        metrics: recomputed from the weights, if weights and data are available.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    metrics: dict | None = None

    def require(self, valid: bool, problem: str) -> None:
        """Add a problem unless a condition holds."""
        if not valid:
            self.problems.append(problem)

    def add_error(self, error: Exception) -> None:
        """Add an exception as a problem of one line."""
        self.problems.append(f"{type(error).__name__}: {' '.join(str(error).split())}")


def verify_run(
    run: Run,
    load_dataset: Callable[[str], Dataset | None],
    recorded: bool = False,
    experiments: Mapping[str, Experiment] = EXPERIMENTS,
) -> VerificationReport:
    """Verify a finished run by recomputing it.

    Errors in its files become problems of the report rather than exceptions, so that one damaged
    record does not prevent the verification of others.

    Args:
        load_dataset: takes the name of the run's profile and returns its data set, with rows in any
            order, to predict again with the run's weights. If it returns None, this part is
            skipped and noted. It is not called for runs without weights.
        recorded: also require what only recorded runs have: checksums, the folder that matches the
            key, and the weights that records keep.
        experiments: the table with which the run's configuration must agree.

    Raises:
        DataError: from `load_dataset`.
    """
    report = VerificationReport()
    try:
        _verify_checksums(run, report, recorded)
        if not report.problems:  # nothing can be recomputed from damaged files
            _verify_configuration(run, report, experiments)
            _verify_dependencies(run, report)
            dataset = load_dataset(run.config["profile"]) if run.weights else None
            _verify_content(run, dataset, report)
            if recorded:
                _verify_record(run, dataset, report)
    except (DataError, *NOT_OF_RECORDS):
        raise
    except Exception as error:  # damaged files raise whatever NumPy, HDF5 and zlib raise
        report.add_error(error)
    return report


def verify_files(results: Path) -> VerificationReport:
    """Verify that all that is recorded under `results` is there, unchanged, and nothing else is.

    The files within a run are verified with it (`verify_run`).
    """
    report = VerificationReport()
    if not (results / CHECKSUMS_FILE).is_file():
        report.problems.append(f"there is no {CHECKSUMS_FILE}; {_REWRITE}")
        return report
    try:
        names = covered_files(results)
        report.problems += checksum_problems(results, names)
        report.problems += [f"{name} is a link, not a record" for name in links(results)]
        report.notes.append(f"{len(names)} files")
    except (ValueError, OSError) as error:
        report.add_error(error)
    if report.problems:
        report.notes.append(f"where the change is wanted, {_REWRITE}")
    return report


def require_same_images(runs: list[Run], dataset: Dataset) -> None:
    """Require that a data set contains the images of recorded runs.

    Raises:
        DataError: PublicTest was drawn from Training, or images of a run are missing.
    """
    if dataset.public_test_drawn:
        raise DataError(
            "PublicTest of this copy was drawn from Training; records need FER2013's own splits"
        )
    for run in runs:
        for name, predictions in run.predictions.items():
            split, owner = getattr(dataset, name), f"{run.folder}, {name},"
            split.require(predictions.hashes, predictions.labels, owner, UNMATCHED_TOLERANCE)


def _verify_checksums(run: Run, report: VerificationReport, recorded: bool) -> None:
    if not (run.folder / CHECKSUMS_FILE).is_file():
        where = report.problems if recorded else report.notes
        where.append(f"there is no {CHECKSUMS_FILE}: its files cannot be verified")
        return
    names = {path.name for path in run.folder.iterdir() if not path.name.startswith(".")}
    report.problems += checksum_problems(run.folder, names - {CHECKSUMS_FILE})


def _verify_configuration(
    run: Run, report: VerificationReport, experiments: Mapping[str, Experiment]
) -> None:
    """Check that the settings are valid and, for a run on FER2013, agree with the table."""
    is_hog = run.name == HOG
    recorded = run.config["configuration"] if is_hog else run.experiment.to_dict()
    if run.config["profile"] == "full":
        in_table = is_hog or run.name in experiments
        report.require(in_table, f"experiment {run.name} is missing from the table")
        now = HOG_CONFIGURATION if is_hog else experiments.get(run.name, run.experiment).to_dict()
        for setting in sorted(recorded.keys() - {"title"}):
            value, current = recorded[setting], now.get(setting)
            report.require(
                value == current,
                f"{setting} was {value!r} when it was recorded and is {current!r} in the table "
                "now; copy the row under a new name",
            )


def _verify_dependencies(run: Run, report: VerificationReport) -> None:
    """Check that the weights of the run's dependencies are those that it was trained with."""
    for key, expected in run.config.get("dependency_weights_sha256", {}).items():
        dependency = find_run(run.root, *parse_run_key(key))
        if dependency is None or dependency.weights is None:
            report.notes.append(f"the weights of {key}, which it depends on, are not beside it")
            continue
        digest = sha256_of(dependency.weights)
        report.require(
            digest == expected,
            f"trained with weights of {key} with SHA-256 {expected}; those beside it have {digest}",
        )


def _verify_content(run: Run, dataset: Dataset | None, report: VerificationReport) -> None:
    evaluated = run.config["configuration"]["evaluate_private_test"]
    splits = ", ".join(run.predictions)
    report.require(
        ("private_test" in run.predictions) == evaluated,
        f"evaluate_private_test is {evaluated}, its predictions are of {splits}",
    )
    report.require(
        metrics_by_split(run.predictions) == run.metrics,
        "metrics.json differs from the metrics of predictions.npz",
    )
    if run.weights is None:
        report.notes.append("no weights are kept: predictions were not recomputed")
    elif dataset is None:
        report.notes.append("FER2013 is not on this machine: predictions were not recomputed")
    else:
        for name, recorded in run.predictions.items():
            rows = getattr(dataset, name).rows_of(recorded.hashes, recorded.labels)
            missing, n = int((rows < 0).sum()), len(rows)
            if missing:
                (report.problems if missing > UNMATCHED_TOLERANCE * n else report.notes).append(
                    f"{name}: {missing} of {n} images are not in this copy under their label"
                )
        again = _predict_again(run, run.predictions, dataset, report)
        report.metrics = metrics_by_split(again)


def _verify_record(run: Run, dataset: Dataset | None, report: VerificationReport) -> None:
    folder = f"{run.folder.parent.name}/{run.folder.name}"
    report.require(folder == run.key, f"the folder of {run.key} is {folder}")
    report.require(
        bool(run.weights) or not keeps_weights(run), f"{WEIGHTS_FILE} is missing from the record"
    )
    _verify_tta_predictions(run, dataset, report)


def _verify_tta_predictions(run: Run, dataset: Dataset | None, report: VerificationReport) -> None:
    """Check the file of TTA predictions, and recompute a sample of it."""
    predictions = tta_predictions(run)
    if predictions is None:
        return
    path = tta_predictions_path(run)
    digest = sha256_of(path)
    report.require(
        digest == read_json(path.with_name(TTA_PATH.name))["predictions_sha256"],
        f"{path.name}: its SHA-256 is {digest}, which is not the recorded one",
    )
    if dataset and run.weights:
        samples = {name: recorded[::TTA_SAMPLE] for name, recorded in predictions.items()}
        _predict_again(run, samples, dataset, report, ENSEMBLE_TTA)


def _predict_again(
    run: Run,
    predictions: Mapping[str, SplitPredictions],
    dataset: Dataset,
    report: VerificationReport,
    tta: str | None = None,
) -> dict[str, SplitPredictions]:
    """Predict the images of a data set again with a run's weights, and compare.

    Args:
        predictions: recorded predictions by split.
        tta: a scheme instead of the run's own.
    """
    model, predicted = load_model(run), {}
    for name, recorded in predictions.items():
        split: Split = getattr(dataset, name)
        rows = split.rows_of(recorded.hashes, recorded.labels)
        recorded, rows = recorded[rows >= 0], rows[rows >= 0]
        if len(rows):
            logits = predict_run(run, split.images[rows], tta, model)
            predicted[name] = replace(recorded, logits=logits)
            _compare(f"{name}, {tta}" if tta else name, predicted[name], recorded, report)
    return predicted


def _compare(
    name: str, again: SplitPredictions, recorded: SplitPredictions, report: VerificationReport
) -> None:
    """Check that recomputed and recorded predictions agree within the tolerances.

    The predicted class of one image may always differ.
    """
    difference = float(np.abs(again.probabilities - recorded.probabilities).max())
    changed = int((again.predicted != recorded.predicted).sum())
    allowed = max(1, CLASS_TOLERANCE * len(again))
    wrong = difference > PROBABILITY_TOLERANCE or changed > allowed
    (report.problems if wrong else report.notes).append(
        f"{name}: {len(again)} images, largest difference of a probability {difference:.1e}, "
        f"{changed} predicted classes differ"
    )
