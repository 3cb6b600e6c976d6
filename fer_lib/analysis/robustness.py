"""Robustness: accuracy on PrivateTest under the eleven corruptions of `corruptions`.

The record has the accuracies, the SHA-256 of the corrupted images, and beside it, in an array, on
which images each run is correct, so that two runs can be compared on the same images.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from fer_lib.analysis.corruptions import CORRUPTIONS, SEVERITIES, corrupted_sets
from fer_lib.analysis.leakage import occurs_in_training
from fer_lib.analysis.records import records_of
from fer_lib.analysis.verdict import decide_family
from fer_lib.data.dataset import Dataset
from fer_lib.evaluation.seed_variance import TotalEstimate
from fer_lib.io import atomic_write, read_arrays, read_json, sha256_of, write_json
from fer_lib.paths import ANALYSIS
from fer_lib.runs.run import Run

ROBUSTNESS_PATH = ANALYSIS / "robustness.json"
CLEAN, MEAN = "clean", "mean"


def record_robustness(runs: list[Run], dataset: Dataset, path: Path) -> None:
    """Measure runs that a record lacks, on each corruption and severity, and add them to it.

    The record has `runs`, by key of the run the accuracy on `clean` PrivateTest and five accuracies
    per corruption; `weights_sha256`, by key; `sha256`, the checksum of the corrupted images by
    corruption; and the `versions` of the libraries that made the images. The file `.npz` beside it
    has, by key of the run, on which images the run is correct, bool [56, n]: clean, then severities
    1 to 5 of each of `CORRUPTIONS`.

    Raises:
        ValueError: the record is of other corrupted images.
    """
    from fer_lib.evaluation.inference import load_model, predict_run  # which imports Keras

    empty = {"sha256": {}, "weights_sha256": {}, "runs": {}}
    record = read_json(path) if path.is_file() else empty
    correct = _correct(path)
    weights = {run.key: sha256_of(run.weights) for run in runs}
    kept = {key for key in correct if record["weights_sha256"].get(key) == weights.get(key)}
    missing = [run for run in runs if run.key not in kept]
    if not missing:
        return
    private, models = dataset.private_test, {run: load_model(run) for run in missing}

    def add(run: Run, images: np.ndarray) -> None:
        predicted = predict_run(run, images, model=models[run]).argmax(axis=1)
        measured[run.key].append(predicted == private.labels)

    sha256, measured = {}, {run.key: [] for run in missing}
    for run in missing:
        add(run, private.images)
    for name, by_severity in corrupted_sets(private.images):
        sha256[name] = hashlib.sha256(by_severity).hexdigest()
        for run in missing:
            for images in by_severity:
                add(run, images)
    if record["sha256"] not in ({}, sha256):
        raise ValueError(
            f"{path}: its runs were measured on other corrupted images; "
            "remove it to measure all of them again"
        )
    correct |= {key: np.stack(rows) for key, rows in measured.items()}
    with atomic_write(path.with_suffix(".npz")) as tmp:
        np.savez_compressed(tmp, **correct)
    accuracies = {key: accuracies_of(correct[key]) for key in measured}
    write_json(path, {
        "sha256": sha256,
        "versions": {package: version(package) for package in ("numpy", "scipy", "pillow")},
        "weights_sha256": {**record["weights_sha256"], **weights},
        "runs": {**record["runs"], **accuracies},
    })  # fmt: skip


def _correct(path: Path) -> dict[str, np.ndarray]:
    """On which images each run of a record is correct, bool [56, n] by its key."""
    arrays = path.with_suffix(".npz")
    return read_arrays(arrays) if arrays.is_file() else {}


def accuracies_of(correct: np.ndarray) -> dict[str, float | list[float]]:
    """The accuracies of a run by corruption, as the record has them."""
    clean, *rows = correct.mean(axis=1).tolist()
    k = len(SEVERITIES)
    by_name = {name: rows[k * i : k * (i + 1)] for i, name in enumerate(CORRUPTIONS)}
    return {CLEAN: clean, **by_name}


def corruption_accuracies(
    runs: dict[str, Run | None], path: Path = ROBUSTNESS_PATH
) -> pd.DataFrame:
    """Return recorded accuracies, one row per model, corruption and severity.

    Args:
        runs: by title; None for a run that is not recorded.

    Returns:
        `model`, `corruption` (a key of `CORRUPTIONS`, or `clean` with severity 0), `severity` and
        `accuracy`. Runs without a record are left out.
    """
    rows = []
    for title, record in records_of(runs, path, "runs").items():
        rows.append((title, CLEAN, 0, record[CLEAN]))
        rows += [
            (title, name, severity, accuracy)
            for name in CORRUPTIONS
            for severity, accuracy in zip(SEVERITIES, record[name], strict=True)
        ]
    return pd.DataFrame(rows, columns=["model", "corruption", "severity", "accuracy"])


def mean_accuracies(accuracies: pd.DataFrame) -> pd.DataFrame:
    """Return mean accuracy over severities, one row per corruption and one column per model.

    Args:
        accuracies: as `corruption_accuracies` returns them.

    Returns:
        `corruption` and a column per model. The first row is `clean`; the last, `mean`, is the mean
        over the corruptions.
    """
    table = accuracies.pivot_table("accuracy", "corruption", "model", "mean", sort=False)
    table.loc[MEAN] = table.drop(index=CLEAN, errors="ignore").mean()
    return table.rename_axis(columns=None).reset_index()


def robustness_summary(accuracies: pd.DataFrame) -> pd.DataFrame:
    """Summarize robustness, one row per model.

    Args:
        accuracies: as `corruption_accuracies` returns them.

    Returns:
        `model`; `clean_accuracy`; `corrupted_accuracy`, the mean over corruptions of the mean over
        severities; `retained_share`, the second over the first; `hardest_corruption`, the key of
        the corruption with the lowest mean over severities, and `hardest_accuracy`, that mean.
    """
    means = mean_accuracies(accuracies).set_index("corruption")
    corrupted = means.drop(index=[CLEAN, MEAN], errors="ignore")
    rows = [
        {
            "model": model,
            "clean_accuracy": means.at[CLEAN, model],
            "corrupted_accuracy": means.at[MEAN, model],
            "retained_share": means.at[MEAN, model] / means.at[CLEAN, model],
            "hardest_corruption": corrupted[model].idxmin(),
            "hardest_accuracy": corrupted[model].min(),
        }
        for model in means
    ]
    columns = ["model", "clean_accuracy", "corrupted_accuracy", "retained_share"]
    return pd.DataFrame(rows, columns=[*columns, "hardest_corruption", "hardest_accuracy"])


def severity_differences(
    model: Run | None,
    baseline: Run | None,
    deduplicated: bool = False,
    path: Path = ROBUSTNESS_PATH,
) -> pd.DataFrame:
    """Compare two runs on the same images, for each corruption and severity.

    Args:
        model, baseline: None for one that is not recorded.
        deduplicated: leave out images that also occur in Training.

    Returns:
        One row for clean images (`corruption` is `clean`, `severity` 0) and one per corruption and
        severity, as one family: `corruption`, `severity`; `accuracy_difference`, model − baseline,
        with the limits `_low` and `_high` of its 95 % paired interval over images, which excludes
        the variance across seeds; `holm_p_value`; and `verdict` on whether the model is more
        accurate. Empty without a record of both.
    """
    rows = [(CLEAN, 0), *((name, severity) for name in CORRUPTIONS for severity in SEVERITIES)]
    differences = _differences(model, baseline, deduplicated, path)
    return _compared(pd.DataFrame(rows, columns=["corruption", "severity"]), differences)


def mean_differences(
    model: Run | None,
    baseline: Run | None,
    deduplicated: bool = False,
    path: Path = ROBUSTNESS_PATH,
) -> pd.DataFrame:
    """Compare two runs on the same images, for each corruption as the mean over severities.

    Args:
        model, baseline, deduplicated: as in `severity_differences`.

    Returns:
        One row per corruption and, last, one of their mean, `mean`, as one family; the columns of
        `severity_differences` without the severity. Empty without a record of both.
    """
    differences = _differences(model, baseline, deduplicated, path)
    if differences is not None:
        means = differences[1:].reshape(len(CORRUPTIONS), len(SEVERITIES), -1).mean(axis=1)
        differences = np.vstack([means, means.mean(axis=0)])
    return _compared(pd.DataFrame({"corruption": [*CORRUPTIONS, MEAN]}), differences)


def _differences(
    model: Run | None, baseline: Run | None, deduplicated: bool, path: Path
) -> np.ndarray | None:
    """Correct (1) or not (0) of a model minus a baseline, [56, n]; None without a record."""
    correct = _correct(path)
    pair = [correct.get(run.key) if run else None for run in (model, baseline)]
    if any(each is None for each in pair):
        return None
    difference = np.subtract(*pair, dtype=float)
    if not deduplicated:
        return difference
    hashes = model.predictions["private_test"].hashes
    return difference[:, ~occurs_in_training(hashes, "private_test")]


def _compared(table: pd.DataFrame, differences: np.ndarray | None) -> pd.DataFrame:
    """Add the means of differences [rows, n], with intervals over the n images and verdicts."""
    if differences is None:
        table, differences = table[:0], np.empty((0, 2))
    n = differences.shape[1]
    errors = differences.std(axis=1, ddof=1) / np.sqrt(n)
    means = zip(differences.mean(axis=1), errors, strict=True)
    estimates = [TotalEstimate(mean, error, n - 1) for mean, error in means]
    return table.join(decide_family(estimates))
