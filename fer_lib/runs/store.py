"""Find runs, write finished runs, and record them in `results/`."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.experiments import DEPLOYMENT_CANDIDATES, ENSEMBLES, EXPERIMENTS, HOG
from fer_lib.io import TMP_PREFIX, atomic_write, read_arrays, read_json, write_json
from fer_lib.runs.environment import hardware, versions
from fer_lib.runs.ledger import add_to_ledger
from fer_lib.runs.manifest import manifest_updated, write_checksums
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.run import (
    CONFIG_FILE,
    HISTORY_FILE,
    METRICS_FILE,
    PREDICTIONS_FILE,
    SHARED_SPLITS_FILE,
    WEIGHTS_FILE,
    Run,
    RunError,
    parse_run_key,
    run_folder,
)

RECORDED_FILES = (CONFIG_FILE, HISTORY_FILE, PREDICTIONS_FILE, METRICS_FILE)
_SPLIT_TITLES = {"public_test": "PublicTest", "private_test": "PrivateTest"}


def find_run(root: Path, experiment: str, seed: int) -> Run | None:
    """Return the finished run of an experiment and a seed under `root`; None if there is none."""
    run = Run(run_folder(root, experiment, seed))
    return run if run.finished else None


def find_runs(root: Path, experiment: str | None = None) -> list[Run]:
    """Return the finished runs under `root`, of one experiment or of all.

    They are sorted by the experiments' table, then by seed. No file is read, so that a damaged run
    does not hide the others; a folder that no run is named like is passed over.
    """
    position = {name: index for index, name in enumerate(EXPERIMENTS)}
    ranks = []
    for path in root.glob(f"{experiment or '*'}/seed-[0-9]*/{METRICS_FILE}"):
        with suppress(RunError):
            name, seed = parse_run_key(path.parent.relative_to(root).as_posix())
            if path.parent.name == f"seed-{seed}":  # and not seed-00
                ranks.append((position.get(name, len(position)), name, seed))
    return [Run(run_folder(root, name, seed)) for _, name, seed in sorted(ranks)]


def best_single_run(root: Path) -> Run | None:
    """Return the run under `root` whose model is deployed; None if there is none.

    It is seed 0 of the experiment among `DEPLOYMENT_CANDIDATES` with the highest accuracy on
    PublicTest and recorded weights. Experiments are selected, seeds are not.
    """
    runs = [find_run(root, name, 0) for name in DEPLOYMENT_CANDIDATES]
    candidates = [run for run in runs if run and run.weights]
    return max(candidates, key=lambda run: run.metrics["public_test"]["accuracy"], default=None)


def write_run(
    folder: Path, config: dict, predictions: dict[str, SplitPredictions], metrics: dict
) -> Run:
    """Write the predictions, the configuration and, last, the metrics of a finished run.

    Args:
        config: configuration; versions and hardware are added if they are missing.
        predictions: by split, in the order of the data set.
        metrics: as `evaluation.metrics.metrics_by_split` returns them.
    """
    arrays = {
        f"{split}_{name}": getattr(values, name)
        for split, values in predictions.items()
        for name in ("logits", "labels", "hashes")
    }
    with atomic_write(folder / PREDICTIONS_FILE) as tmp:
        np.savez_compressed(tmp, **arrays)
    environment = {"versions": versions(), "hardware": hardware()}
    write_json(folder / CONFIG_FILE, config | environment | config)
    write_json(folder / METRICS_FILE, metrics)
    return Run(folder)


def keeps_weights(run: Run) -> bool:
    """Return whether the record of a run keeps its weights.

    To keep the repository small, only members of ensembles, teachers, and seed 0 of networks
    evaluated on PrivateTest do.
    """
    teachers = (experiment.teachers for experiment in EXPERIMENTS.values())
    is_first = run.seed == 0 and run.config["configuration"]["evaluate_private_test"]
    is_read = any(run.key in keys for keys in (*ENSEMBLES.values(), *teachers))
    return run.name != HOG and (is_first or is_read)


def record_run(run: Run, results: Path) -> Run:
    """Copy a finished run to `results/`, with checksums of its files (`runs.manifest`).

    Where the run was evaluated on PrivateTest, the ledger gets a row.

    Args:
        results: folder of the recorded runs; `analysis/dataset.json` there has FER2013's class
            counts.

    Raises:
        RunError: the run is unfinished, was not trained on FER2013, or is already recorded.
    """
    _require_recordable(run, results)
    target = run_folder(results, run.name, run.seed)
    if target.exists():
        raise RunError(f"{target}: recorded already; remove it first if it is to be replaced")
    with manifest_updated(results):
        _copy(run, target, results)
    return Run(target)


def _copy(run: Run, target: Path, results: Path) -> None:
    kept = [*RECORDED_FILES, *([WEIGHTS_FILE] if keeps_weights(run) else [])]
    names = [name for name in kept if (run.folder / name).is_file()]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=TMP_PREFIX) as tmp:
        copy = Path(tmp) / "run"
        copy.mkdir()
        for name in names:
            shutil.copyfile(run.folder / name, copy / name)
        store_shared_splits(copy / PREDICTIONS_FILE, results / SHARED_SPLITS_FILE)
        write_checksums(copy, names)
        copy.rename(target)
    if "private_test" in run.predictions:
        add_to_ledger(results, "run", run.key, "listed experiment")


def _require_recordable(run: Run, results: Path) -> None:
    if not run.finished:
        raise RunError(f"{run.folder}: unfinished (there is no metrics.json); train it to its end")
    profile = run.config["profile"]
    if profile != "full":
        raise RunError(f"{run.folder}: of the {profile} profile; only runs on FER2013 are recorded")
    if run.config.get("public_test_drawn"):
        raise RunError(
            f"{run.folder}: its PublicTest was drawn from Training; "
            "only runs on FER2013's own splits are recorded"
        )
    counts = read_json(results / "analysis" / "dataset.json")["class_counts"]
    for split, predictions in run.predictions.items():
        title = _SPLIT_TITLES[split]
        expected = [counts[title][name] for name in EMOTION_NAMES]
        if np.bincount(predictions.labels, minlength=len(EMOTION_NAMES)).tolist() != expected:
            raise RunError(
                f"{run.folder}: its {title} ({len(predictions)} images) has other class counts "
                "than FER2013's"
            )


def store_shared_splits(predictions: Path, shared: Path) -> None:
    """Remove labels and hashes from a record's predictions if all records share them.

    Args:
        predictions: the record's `predictions.npz`, rewritten if they are equal to the shared ones.
        shared: file of the shared labels and hashes; missing splits are added.
    """
    arrays = read_arrays(predictions)
    logits = {name: values for name, values in arrays.items() if name.endswith("_logits")}
    images = {name: values for name, values in arrays.items() if name not in logits}
    stored = read_arrays(shared) if shared.is_file() else {}
    if any(
        not np.array_equal(stored[name], images[name]) for name in stored.keys() & images.keys()
    ):
        return
    if not images.keys() <= stored.keys():
        with atomic_write(shared) as tmp:
            np.savez_compressed(tmp, **(stored | images))
    if images:
        with atomic_write(predictions) as tmp:
            np.savez_compressed(tmp, **logits)
