"""Tables and phrases on how far the numbers can be trusted: copies, doubtful labels, confidence,
robustness.

What needs FER2013's images or the votes of FER+ is read from its record, the same in both profiles;
the rest is computed from the runs shown.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from fer_lib.analysis.comparison import accuracy, accuracy_unseen
from fer_lib.analysis.grad_cam import DELETION_PATH
from fer_lib.analysis.label_noise import LABEL_NOISE_PATH
from fer_lib.analysis.leakage import LEAKAGE_PATH
from fer_lib.analysis.robustness import CORRUPTIONS, ROBUSTNESS_PATH
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.calibration import (
    brier_score,
    expected_calibration_error,
    fit_temperature,
    nll,
    selective_accuracy,
)
from fer_lib.experiments import EXPERIMENTS
from fer_lib.io import read_json
from fer_lib.report.format import NOT_RECORDED, percent, points, score, signed
from fer_lib.runs.run import Run, parse_run_key

ANSWERED = 0.8  # the share of images that the phrase on abstaining looks at
FEWEST = 50  # images that a phrase on a share of them needs


def recorded(path: Path, run: Run | None, under: str | None = None) -> dict | None:
    """What a record under `results/analysis/` holds of a run, or None where it holds nothing of it.

    Args:
        under: the record's key that holds the runs, where they do not stand at its top.
    """
    if run is None or not path.is_file():
        return None
    record = read_json(path)
    return (record[under] if under else record).get(run.key)


def copies() -> pd.DataFrame:
    """How many pictures stand in FER2013 more than once, a row for each way to count."""
    record = read_json(LEAKAGE_PATH)
    exact, seen = record["exact"], record["in_training"]
    rows = {
        "images": exact["images"],
        "exact copies of another": exact["duplicates"],
        "groups of equal pictures": exact["groups"],
        "groups whose labels differ": exact["conflicting_groups"],
        "pictures that show nothing": exact["flat"],
        **{f"{pair}, pixel for pixel": number for pair, number in exact["across"].items()},
        "pairs of pictures that show one photograph, not pixel for pixel": record["near_pairs"],
        "of them one mirrored": record["mirrored_pairs"],
        "of them labelled differently": record["conflicting_pairs"],
        "PrivateTest in Training, not pixel for pixel": len(seen["private_test"]["near"]),
        "PublicTest in Training, not pixel for pixel": len(seen["public_test"]["near"]),
    }
    return pd.DataFrame({"what": list(rows), "number": list(rows.values())})


def without_copies(runs: dict[str, Run | None]) -> pd.DataFrame:
    """Accuracy on PrivateTest, and on what is left of it without the pictures that Training holds,
    a row for each run."""
    rows = [
        {
            "model": title,
            "all of PrivateTest": accuracy(run, "private_test"),
            "without exact copies": accuracy_unseen(run),
            "without any copy": accuracy_unseen(run, near=True),
        }
        for title, run in runs.items()
    ]
    return pd.DataFrame(rows)


def against_votes(runs: dict[str, Run | None]) -> pd.DataFrame:
    """Each run against FER2013's labels and against FER+ on the same images of PrivateTest, a row
    each."""
    rows = []
    for title, run in runs.items():
        found = recorded(LABEL_NOISE_PATH, run, "runs")
        row = {"model": title, "accuracy against the label": NOT_RECORDED}
        if found:
            row |= {
                "accuracy against the label": percent(found["accuracy_label"]),
                "accuracy against the majority": percent(found["accuracy_majority"]),
                "NLL against the votes": score(found["nll"]),
                "Brier score against the votes": score(found["brier"]),
            }
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def successors_against_votes() -> pd.DataFrame:
    """What followed the long run: how much more often it is right than the long run of its seed, on
    the images of PrivateTest with a majority.

    A row for each run recorded.
    """
    rows = []
    for key, found in read_json(LABEL_NOISE_PATH)["follow_ups"].items():
        name, seed = parse_run_key(key)
        row = {"network": f"{EXPERIMENTS[name].title}, seed\N{NO-BREAK SPACE}{seed}"}
        for heading, measure in (
            ("by the label, points", "accuracy_label"),
            ("by the majority, points", "accuracy_majority"),
        ):
            difference, *limits = found[measure]
            row[heading] = points(difference, limits)
        rows.append(row)
    return pd.DataFrame(rows or [{"network": NOT_RECORDED}])


def successors_reading() -> str:
    """How many of `successors_against_votes` are right more often, by the label and by the
    majority, as a clause."""
    found = list(read_json(LABEL_NOISE_PATH)["follow_ups"].values())
    if not found:
        return NOT_RECORDED
    label, majority = (
        sum(each[name][1] > 0 for each in found) for name in ("accuracy_label", "accuracy_majority")
    )
    return (
        f"of {len(found)} that were taught so, the difference by the majority lies above 0 with its whole interval for {majority}, "
        f"that by the label for {label}"
    )


def confidence(runs: dict[str, Run | None]) -> pd.DataFrame:
    """Calibration on PrivateTest before and after temperature scaling, a row each; the temperature
    is fitted on PublicTest."""
    rows = []
    for title, run in runs.items():
        row = {"model": title, "temperature": NOT_RECORDED}
        if run is not None:
            logits, labels, temperature = calibrated(run)
            row["temperature"] = f"{temperature:.2f}"
            for heading, measure in _MEASURES.items():
                for when, values in (("", logits), (", scaled", logits / temperature)):
                    row[heading + when] = score(measure(values, labels))
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


_MEASURES = {
    "calibration error": expected_calibration_error,
    "NLL": nll,
    "Brier score": brier_score,
}


def calibrated(run: Run) -> tuple[np.ndarray, np.ndarray, float]:
    """A run's logits and labels on PrivateTest, and the temperature that its PublicTest asks
    for."""
    p = run.predictions
    temperature = fit_temperature(p["public_test_logits"], p["public_test_labels"])
    return p["private_test_logits"], p["private_test_labels"], temperature


def robustness(runs: dict[str, Run | None]) -> pd.DataFrame:
    """Accuracy on clean images, and its mean over the five severities of each corruption, a column
    for each run."""
    columns = {"images": ["clean", *CORRUPTIONS, "all corruptions"]}
    for title, run in runs.items():
        columns[title] = [NOT_RECORDED] * len(columns["images"])
        if found := recorded(ROBUSTNESS_PATH, run, "runs"):
            means = [np.mean(found[name]) for name in CORRUPTIONS]
            columns[title] = [percent(value) for value in (found["clean"], *means, np.mean(means))]
    return pd.DataFrame(columns)


def phrases(run: Run | None) -> dict[str, str]:
    """What the page says of the votes, and of one run, as text."""
    labels = read_json(LABEL_NOISE_PATH)["labels"]
    agreement = np.array(labels["confusion"], float)
    agreement = agreement.diagonal() / agreement.sum(axis=1)
    first, last = agreement.argmin(), agreement.argmax()
    texts = {
        "no_majority": percent(1 - labels["with_majority"] / labels["images"]),
        "no_face": f"{labels['no_face']:,}",
        "agreement": percent(labels["agreement"]),
        "least_agreed": f"{EMOTION_NAMES[first]} ({percent(agreement[first])})",
        "most_agreed": f"{EMOTION_NAMES[last]} ({percent(agreement[last])})",
        "plurality_ceiling": percent(labels["ceilings"]["plurality"]),
        "fitted_ceiling": percent(labels["ceilings"]["fitted"]),
    }
    return (
        texts
        | {"votes_reading": _votes_reading(run), "confidence_reading": _confidence_reading(run)}
        | _recorded_readings(run)
    )


def _votes_reading(run: Run | None) -> str:
    found = recorded(LABEL_NOISE_PATH, run, "runs")
    if not found:
        return NOT_RECORDED
    (few, _, few_right, _), *_, (many, _, many_right, _) = [
        row for row in found["by_votes"] if row[1] >= FEWEST
    ]
    return (
        f"where {few} of the ten annotators agree, {percent(few_right)} of its answers are FER2013's label, "
        f"where {many} agree {percent(many_right)}"
    )


def _confidence_reading(run: Run | None) -> str:
    if run is None:
        return NOT_RECORDED
    logits, labels, temperature = calibrated(run)
    share, accuracy = selective_accuracy(logits, labels)
    before, after = (
        expected_calibration_error(values, labels) for values in (logits, logits / temperature)
    )
    return (
        f"its temperature is {temperature:.2f}, which takes its calibration error from {score(before)} to {score(after)}; if it answers only "
        f"the {percent(ANSWERED)} of the images that it is surest of, {percent(accuracy[np.searchsorted(share, ANSWERED)])} of the answers are right"
    )


def _recorded_readings(run: Run | None) -> dict[str, str]:
    texts = dict.fromkeys(("robustness_reading", "deletion_reading"), NOT_RECORDED)
    if found := recorded(ROBUSTNESS_PATH, run, "runs"):
        losses = {name: np.mean(found[name]) - found["clean"] for name in CORRUPTIONS}
        worst, mildest = min(losses, key=losses.get), max(losses, key=losses.get)
        texts["robustness_reading"] = (
            f"it loses most under “{worst}” ({signed(100 * losses[worst], 1)} points, the mean over the severities) and least under "
            f"“{mildest}” ({signed(100 * losses[mildest], 1)})"
        )
    if found := recorded(DELETION_PATH, run):
        curves = found["deletion"]
        at = curves["fraction_removed"].index(0.3)
        texts["deletion_reading"] = (
            f"with 30 % of the pixels gone the mean probability of its answer is {score(curves['grad_cam'][at])} where Grad-CAM chose them and "
            f"{score(curves['random'][at])} where a random map did, from {score(curves['random'][0])}"
        )
    return texts
