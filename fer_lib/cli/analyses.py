"""`analyze`, `robustness`, `tta` and `export-corruptions`: write `results/analysis/`."""

from argparse import Namespace
from functools import partial

from fer_lib.analysis.architectures import LAYERS_PATH, record_layers
from fer_lib.analysis.corruptions import export_corruptions
from fer_lib.analysis.example_faces import EXAMPLES_PATH, predict_examples
from fer_lib.analysis.grad_cam import DELETION_PATH, GRAD_CAM_PATH, deletion_of, sample_maps
from fer_lib.analysis.label_noise import LABEL_NOISE_PATH, record_label_noise
from fer_lib.analysis.leakage import LEAKAGE_PATH, duplicate_analysis
from fer_lib.analysis.records import record
from fer_lib.analysis.robustness import ROBUSTNESS_PATH, record_robustness
from fer_lib.data.dataset import Dataset, load_dataset
from fer_lib.data.ferplus import find_votes, load_votes
from fer_lib.evaluation.tta_predictions import (
    TTA_PATH,
    TTA_PREDICTIONS_PATH,
    record_tta_predictions,
    record_tta_schemes,
)
from fer_lib.evaluation.verify import require_same_images
from fer_lib.experiments import MAIN_MODELS, SE_CNN_EXPERIMENTS
from fer_lib.io import write_json
from fer_lib.paths import ANALYSIS, RESULTS
from fer_lib.runs.run import Run, RunError
from fer_lib.runs.store import find_run, find_runs

DATASET_PATH = ANALYSIS / "dataset.json"


def analyze(options: Namespace) -> None:
    """Record layers, the data set's class counts, its leakage and label noise, and explanations."""
    dataset = _dataset_of_records()
    record_layers()
    print(LAYERS_PATH)
    counts = {"sha256": dataset.sha256, "class_counts": dataset.class_counts}
    write_json(DATASET_PATH, counts)
    print(DATASET_PATH)
    if (votes := find_votes()) is None:
        print(f"{LABEL_NOISE_PATH}: not changed; FER+ is not on this machine (data/README.md)")
    else:
        evaluated = [run for run in find_runs(RESULTS) if "private_test" in run.predictions]
        record_label_noise(evaluated, dataset, load_votes(votes, dataset))
        print(LABEL_NOISE_PATH)
    analyses = {
        GRAD_CAM_PATH: partial(sample_maps, dataset=dataset),
        DELETION_PATH: partial(deletion_of, dataset=dataset),
        EXAMPLES_PATH: predict_examples,
    }
    for path, analysis in analyses.items():
        record(_main_models(), analysis, path)
        print(path)
    write_json(LEAKAGE_PATH, duplicate_analysis(dataset))
    print(LEAKAGE_PATH)


def robustness(options: Namespace) -> None:
    """Record the main models' accuracy on corrupted images."""
    dataset = _dataset_of_records()
    record_robustness(_main_models(), dataset)
    print(ROBUSTNESS_PATH)


def tta(options: Namespace) -> None:
    """Record each TTA scheme with one model, and the SE-CNNs' predictions with the chosen one."""
    dataset, reference = _dataset_of_records(), find_run(RESULTS, "se_cnn", 0)
    if reference is None:
        raise RunError(f"{RESULTS}: seed 0 of se_cnn, which compares the schemes, is not recorded")
    record_tta_schemes(reference, dataset)
    print(TTA_PATH)
    runs = [run for name in SE_CNN_EXPERIMENTS for run in find_runs(RESULTS, name) if run.weights]
    record_tta_predictions(runs, dataset)
    print(TTA_PREDICTIONS_PATH)


def export_corrupted_images(options: Namespace) -> None:
    """Write PrivateTest's corrupted images."""
    export_corruptions(load_dataset(), options.folder)
    print(options.folder)


def _dataset_of_records() -> Dataset:
    """FER2013, for what is recorded: only the copy that the recorded runs were trained on."""
    dataset = load_dataset()
    require_same_images(find_runs(RESULTS), dataset)
    return dataset


def _main_models() -> list[Run]:
    """Seed 0 of each main model that is recorded with its weights."""
    runs = [find_run(RESULTS, name, 0) for name in MAIN_MODELS]
    return [run for run in runs if run and run.weights]
