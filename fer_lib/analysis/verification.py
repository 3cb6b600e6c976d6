"""Verify a recorded analysis by recomputing it."""

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from fer_lib.analysis.recomputation import Analysis, Inputs, Pairs
from fer_lib.evaluation.verify import (
    CLASS_TOLERANCE,
    NOT_OF_RECORDS,
    PROBABILITY_TOLERANCE,
    VerificationReport,
)
from fer_lib.io import read_arrays, read_json
from fer_lib.runs.predictions import softmax

MAX_DIFFERENCES = 3


def verify_analysis(
    analysis: Analysis, inputs: Inputs, folder: Path, in_full: bool = False
) -> VerificationReport:
    """Recompute an analysis, and compare it with what is recorded in a folder.

    Probabilities and shares may differ by `PROBABILITY_TOLERANCE`, counts may not.

    Args:
        in_full: all of it, which takes up to an hour, in place of a sample.
    """
    report = VerificationReport()
    try:
        if analysis.of_votes and inputs.votes is None:
            report.notes.append("FER+ is not on this machine: not recomputed")
            return report
        if in_full:
            pairs = _recomputed(analysis, inputs, folder)
        else:
            pairs = analysis.sample(inputs, folder / analysis.files[0])
        problems = [text for at, *both in pairs for text in differences(*both, at)]
    except NOT_OF_RECORDS:
        raise
    except Exception as error:  # what is damaged raises whatever its reader raises
        report.add_error(error)
        return report
    report.problems += problems[:MAX_DIFFERENCES]
    if (more := len(problems) - MAX_DIFFERENCES) > 0:
        report.problems.append(f"{more} further differences")
    report.notes.append("recomputed" if in_full else "a sample was recomputed")
    return report


def _recomputed(analysis: Analysis, inputs: Inputs, folder: Path) -> Pairs:
    with tempfile.TemporaryDirectory() as tmp:
        analysis.write(inputs, Path(tmp) / analysis.files[0])
        for name in analysis.files:
            recorded, recomputed = _read(folder / name), _read(Path(tmp) / name)
            if name.endswith(".npz"):  # not of each run are arrays recorded
                recomputed = {key: recomputed.get(key) for key in recorded}
            yield name, recorded, recomputed


def _read(path: Path):
    if path.suffix == ".npz":
        return read_arrays(path)
    if path.suffix == ".csv":
        return pd.read_csv(path, keep_default_na=False).to_dict("records")
    value = read_json(path)
    value.pop("predictions_sha256", None)  # of compressed bytes, whose content is compared
    return value


def differences(recorded, recomputed, at: str) -> Iterator[str]:
    """Yield a message for each value of nested dictionaries, lists and arrays that differs."""
    if isinstance(recorded, dict) and isinstance(recomputed, dict):
        for key in recorded.keys() ^ recomputed.keys():
            yield f"{at}: {key} is only {'recorded' if key in recorded else 'recomputed'}"
        for key in recorded.keys() & recomputed.keys():
            yield from differences(recorded[key], recomputed[key], f"{at}, {key}")
    elif isinstance(recorded, list) and isinstance(recomputed, list):
        if len(recorded) != len(recomputed):
            yield f"{at}: {len(recorded)} values, recomputed are {len(recomputed)}"
            return
        for index, (a, b) in enumerate(zip(recorded, recomputed, strict=True)):
            yield from differences(a, b, f"{at}[{index}]")
    elif not _agree(recorded, recomputed):
        yield f"{at} is {str(recorded)[:40]}, recomputed {str(recomputed)[:40]}"


def _agree(a, b) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.shape == b.shape and a.ndim:
        if a.dtype == bool:
            return bool((a != b).mean() <= CLASS_TOLERANCE)
        if a.dtype.kind == "f":
            return bool(np.abs(softmax(a) - softmax(b)).max() <= PROBABILITY_TOLERANCE)
    if isinstance(a, float) and isinstance(b, float | int):
        tolerance = PROBABILITY_TOLERANCE
        return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
    return bool(np.array_equal(a, b))
