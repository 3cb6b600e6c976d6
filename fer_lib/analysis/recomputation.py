"""The recorded analyses, `results/analysis/`: how each is written, and a sample of it recomputed.

Files of `benchmarks/` (`MEASURED`) hold times of one machine, or take hours: only their checksums
are verified.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd

from fer_lib.analysis.architectures import LAYERS_PATH, build_layers, record_layers
from fer_lib.analysis.example_faces import EXAMPLES_PATH, predict_examples
from fer_lib.analysis.grad_cam import DELETION_PATH, GRAD_CAM_PATH, deletion_of, sample_maps
from fer_lib.analysis.label_noise.agreement import label_agreement, vote_scores
from fer_lib.analysis.label_noise.record import LABEL_NOISE_PATH, record_label_noise
from fer_lib.analysis.leakage import LEAKAGE_PATH, duplicate_analysis, exact_duplicates
from fer_lib.analysis.non_faces import NON_FACES_PATH, record_non_faces, sample_non_faces
from fer_lib.analysis.records import record
from fer_lib.analysis.robustness import ROBUSTNESS_PATH, accuracies_of, record_robustness
from fer_lib.data.dataset import Dataset
from fer_lib.data.ferplus import Votes, find_votes, load_votes
from fer_lib.evaluation.flip_tta import FLIP_TTA_PATH, other_scheme, record_flip_tta
from fer_lib.evaluation.inference import predict_run
from fer_lib.evaluation.metrics import classification_metrics
from fer_lib.evaluation.tta_predictions import (
    TTA_PATH,
    TTA_PREDICTIONS_PATH,
    record_tta_predictions,
    record_tta_schemes,
    tta_predictions,
)
from fer_lib.evaluation.verify import TTA_SAMPLE
from fer_lib.experiments import (
    ACCURACY_STEPS,
    ENSEMBLE_TTA,
    EXPERIMENTS,
    MAIN_MODELS,
    SE_CNN_EXPERIMENTS,
)
from fer_lib.io import read_arrays, read_json, write_json
from fer_lib.paths import RESULTS
from fer_lib.runs.run import Run, RunError
from fer_lib.runs.store import find_run, find_runs

MEASURED = (
    "custom_cnn_trials.json",
    "edge.json",
    "exports.json",
    "face_detection.json",
    "gpu_throughput.json",
    "gpu_trials.json",
    "interval_coverage.json",
    "packages.json",
    "playground.json",
    "predict_faces.json",
    "speed.json",
    "video.json",
)
Pairs = Iterator[tuple[str, object, object]]  # where it is, what is recorded, what is recomputed


@dataclass(frozen=True)
class Inputs:
    """What the analyses are computed from.

    Attributes:
        dataset: FER2013, the copy that the recorded runs were trained on.
        results: the folder of recorded runs.
    """

    dataset: Dataset
    results: Path = RESULTS

    @cached_property
    def votes(self) -> dict[str, Votes] | None:
        """The FER+ votes by split; None where they are not on this machine."""
        path = find_votes()
        return load_votes(path, self.dataset) if path else None

    @cached_property
    def main_models(self) -> list[Run]:
        """Seed 0 of each main model that is recorded with its weights."""
        runs = [find_run(self.results, name, 0) for name in MAIN_MODELS]
        return [run for run in runs if run and run.weights]

    @cached_property
    def evaluated(self) -> list[Run]:
        """The recorded runs that were evaluated on PrivateTest."""
        return [run for run in find_runs(self.results) if "private_test" in run.predictions]

    @cached_property
    def tta_reference(self) -> Run:
        """The run that compares the schemes of TTA.

        Raises:
            RunError: it is not recorded.
        """
        if (run := find_run(self.results, "se_cnn", 0)) is None:
            raise RunError(
                f"{self.results}: seed 0 of se_cnn, which compares the schemes, is not recorded"
            )
        return run


@dataclass(frozen=True)
class Analysis:
    """One recorded analysis.

    Attributes:
        verb: of the command line, that records it.
        files: their names; the first one is given to `write`.
        write: writes it to a path, and further files beside it.
        sample: recomputes a part of what is recorded at a path, in seconds.
        of_votes: whether it needs the FER+ votes.
    """

    verb: str
    files: tuple[str, ...]
    write: Callable[[Inputs, Path], None]
    sample: Callable[[Inputs, Path], Pairs]
    of_votes: bool = False


# How each is written, and what of it is recomputed in seconds.


def _write_dataset(inputs: Inputs, path: Path) -> None:
    dataset = inputs.dataset
    write_json(path, {"sha256": dataset.sha256, "class_counts": dataset.class_counts})


def _sample_dataset(inputs: Inputs, path: Path) -> Pairs:
    yield "class_counts", read_json(path)["class_counts"], inputs.dataset.class_counts


def _sample_layers(inputs: Inputs, path: Path) -> Pairs:
    recorded = pd.read_csv(path, keep_default_na=False)
    name = recorded["experiment"][0]
    built = io.StringIO(build_layers(EXPERIMENTS[name]).to_csv(index=False))
    rows = recorded[recorded["experiment"] == name].drop(columns="experiment").to_dict("records")
    yield name, rows, pd.read_csv(built, keep_default_na=False).to_dict("records")


def _sample_label_noise(inputs: Inputs, path: Path) -> Pairs:
    recorded = read_json(path)
    yield "labels", recorded["labels"], label_agreement(inputs.dataset, inputs.votes)
    for run in inputs.evaluated:
        if run.key in recorded["runs"]:
            scores = vote_scores(run, inputs.dataset, inputs.votes)
            yield run.key, recorded["runs"][run.key], scores


def _sample_of_first_run(
    inputs: Inputs, path: Path, analysis: Callable[[Run, Dataset], dict]
) -> Pairs:
    recorded = read_json(path)
    run = next(run for run in inputs.main_models if run.key in recorded)
    yield run.key, recorded[run.key], analysis(run, inputs.dataset)


def _write_of_runs(inputs: Inputs, path: Path, analysis: Callable[[Run, Dataset], dict]) -> None:
    record(inputs.main_models, partial(analysis, dataset=inputs.dataset), path)


def _examples(run: Run, dataset: Dataset) -> dict:
    return predict_examples(run)  # whose faces are not FER2013's


def _sample_deletion(inputs: Inputs, path: Path) -> Pairs:
    """Before anything is deleted, the curves begin at the mean confidence on PrivateTest."""
    recorded = read_json(path)
    for run in inputs.main_models:
        if run.key in recorded:
            confidence = float(run.predictions["private_test"].probabilities.max(axis=1).mean())
            for name in ("grad_cam", "random"):
                yield f"{run.key}, {name}", recorded[run.key]["deletion"][name][0], confidence


def _write_leakage(inputs: Inputs, path: Path) -> None:
    write_json(path, duplicate_analysis(inputs.dataset))


def _sample_leakage(inputs: Inputs, path: Path) -> Pairs:
    recorded, dataset = read_json(path), inputs.dataset
    yield "exact", recorded["exact"], exact_duplicates(dataset)
    for name in ("public_test", "private_test"):
        hashes = np.unique(getattr(dataset, name).hashes)
        exact = hashes[np.isin(hashes, dataset.training.hashes)].tolist()
        yield f"in_training, {name}", recorded["in_training"][name]["exact"], exact


def _sample_robustness(inputs: Inputs, path: Path) -> Pairs:
    """The accuracies by the recorded arrays, and on clean images by the runs' predictions."""
    recorded, correct = read_json(path)["runs"], read_arrays(path.with_suffix(".npz"))
    for key, values in correct.items():
        yield key, recorded[key], accuracies_of(values)
    for run in inputs.evaluated:
        if run.key in recorded:
            clean = float(run.predictions["private_test"].correct.mean())
            yield f"{run.key}, clean", recorded[run.key]["clean"], clean


def _write_tta(inputs: Inputs, path: Path) -> None:
    record_tta_schemes(inputs.tta_reference, inputs.dataset, path)
    runs = [run for name in SE_CNN_EXPERIMENTS for run in find_runs(inputs.results, name)]
    with_weights = [run for run in runs if run.weights]
    record_tta_predictions(with_weights, inputs.dataset, path.with_name(TTA_PREDICTIONS_PATH.name))


def _sample_tta(inputs: Inputs, path: Path) -> Pairs:
    """The schemes of which the reference has predictions; those are verified with the run."""
    rows, run = {row["tta"]: row for row in read_json(path)["rows"]}, inputs.tta_reference
    by_scheme = {run.experiment.tta: run.predictions, ENSEMBLE_TTA: tta_predictions(run)}
    for scheme, predictions in by_scheme.items():
        if predictions and scheme in rows:
            split = predictions["public_test"]
            metrics = classification_metrics(split.logits, split.labels)
            for name in ("accuracy", "macro_f1", "intervals"):
                yield f"{scheme}, {name}", rows[scheme][name], metrics[name]


def _steps(inputs: Inputs) -> list[Run]:
    return [run for name in ACCURACY_STEPS for run in find_runs(inputs.results, name)]


def _sample_flip_tta(inputs: Inputs, path: Path) -> Pairs:
    """Every `TTA_SAMPLE`-th image of the first run whose weights are recorded."""
    run = next(run for run in _steps(inputs) if run.weights)
    split, recorded = inputs.dataset.public_test, run.predictions["public_test"][::TTA_SAMPLE]
    images = split.images[split.require(recorded.hashes, recorded.labels, run.key)]
    logits = predict_run(run, images, other_scheme(run))
    yield run.key, read_arrays(path)[run.key][::TTA_SAMPLE], logits


def _of_runs(path: Path, analysis: Callable, sample: Callable | None = None) -> Analysis:
    """An analysis of each main model."""
    write = partial(_write_of_runs, analysis=analysis)
    return Analysis(
        "analyze", (path.name,), write, sample or partial(_sample_of_first_run, analysis=analysis)
    )


ANALYSES = (
    Analysis("analyze", (LAYERS_PATH.name,), lambda _, path: record_layers(path), _sample_layers),
    Analysis("analyze", ("dataset.json",), _write_dataset, _sample_dataset),
    Analysis(
        "analyze",
        (LABEL_NOISE_PATH.name,),
        lambda inputs, path: record_label_noise(
            inputs.evaluated, inputs.dataset, inputs.votes, path
        ),
        _sample_label_noise,
        of_votes=True,
    ),
    _of_runs(GRAD_CAM_PATH, sample_maps),
    _of_runs(DELETION_PATH, deletion_of, _sample_deletion),
    _of_runs(EXAMPLES_PATH, _examples),
    Analysis("analyze", (LEAKAGE_PATH.name,), _write_leakage, _sample_leakage),
    Analysis(
        "analyze",
        (NON_FACES_PATH.name,),
        lambda _, path: record_non_faces(path),
        lambda _, path: sample_non_faces(path),
    ),
    Analysis(
        "robustness",
        (ROBUSTNESS_PATH.name, ROBUSTNESS_PATH.with_suffix(".npz").name),
        lambda inputs, path: record_robustness(inputs.main_models, inputs.dataset, path),
        _sample_robustness,
    ),
    Analysis("tta", (TTA_PATH.name, TTA_PREDICTIONS_PATH.name), _write_tta, _sample_tta),
    Analysis(
        "tta",
        (FLIP_TTA_PATH.name,),
        lambda inputs, path: record_flip_tta(_steps(inputs), inputs.dataset, path),
        _sample_flip_tta,
    ),
)
