"""The record of label noise: what is computed from the FER+ votes, written and read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer_lib.analysis.comparison import Estimate
from fer_lib.analysis.label_noise.agreement import label_agreement, vote_scores
from fer_lib.analysis.label_noise.ceilings import (
    ceilings,
    differences_from_regression,
    predict_labels_from_votes,
)
from fer_lib.analysis.label_noise.differences import (
    comparison_records,
    vote_difference,
    vote_leads,
)
from fer_lib.analysis.records import records_of
from fer_lib.analysis.verdict import Verdict
from fer_lib.data.dataset import Dataset
from fer_lib.data.ferplus import Votes
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.experiments import EXPERIMENTS, FOLLOW_UPS
from fer_lib.io import read_json, write_json
from fer_lib.paths import ANALYSIS
from fer_lib.runs.run import Run, parse_run_key

LABEL_NOISE_PATH = ANALYSIS / "label_noise.json"


def record_label_noise(
    runs: list[Run], dataset: Dataset, votes: dict[str, Votes], path: Path
) -> None:
    """Record the comparisons of labels, runs, follow-ups, leads and predictions from votes.

    Follow-ups are the pairs of `FOLLOW_UPS` with equal seeds.
    """
    by_key = {run.key: run for run in runs}
    pairs = [
        (run, by_key.get(f"{baseline}/seed-{run.seed}"))
        for name, baseline in FOLLOW_UPS
        for run in runs
        if run.name == name
    ]
    from_votes = predict_labels_from_votes(dataset, votes)
    write_json(path, {
        "labels": label_agreement(dataset, votes),
        "runs": {run.key: vote_scores(run, dataset, votes) for run in runs},
        "follow_ups": {
            run.key: vote_difference(run, baseline, dataset, votes)
            for run, baseline in pairs
            if baseline
        },
        "leads": comparison_records(vote_leads(runs, dataset, votes)),
        "ceilings": ceilings(from_votes, votes["PrivateTest"]).to_dict("records"),
        "differences_from_regression": comparison_records(
            differences_from_regression(runs, from_votes)
        ),
    })  # fmt: skip


@dataclass(frozen=True)
class LabelNoise:
    """Agreement of FER2013's labels with the FER+ votes, over all images of FER2013.

    Attributes:
        no_majority: share of the images on which none of the seven emotions has more than half of
            the votes.
        no_face: number of images on which more than half of the annotators see no face.
        agreement: share of the images with a majority vote on which it equals FER2013's label.
        confusion: counts int [7, 7], label by row, majority vote by column.
    """

    no_majority: float
    no_face: int
    agreement: float
    confusion: np.ndarray

    @property
    def agreement_by_class(self) -> pd.DataFrame:
        """One row per label: `emotion`, `images` with a majority vote, and `agreement`."""
        images = self.confusion.sum(axis=1)
        agreement = self.confusion.diagonal() / images
        return pd.DataFrame({"emotion": EMOTION_NAMES, "images": images, "agreement": agreement})

    def majority_share(self, label: str, majority: str) -> float:
        """Return the share of a label's images with a majority vote that have a given majority."""
        row = self.confusion[EMOTION_NAMES.index(label)]
        return float(row[EMOTION_NAMES.index(majority)] / row.sum())


def label_noise(path: Path = LABEL_NOISE_PATH) -> LabelNoise:
    """Return the recorded agreement of labels and votes."""
    labels = read_json(path)["labels"]
    return LabelNoise(
        no_majority=1 - labels["with_majority"] / labels["images"],
        no_face=labels["no_face"],
        agreement=labels["agreement"],
        confusion=np.array(labels["confusion"]),
    )


def accuracy_against_votes(
    runs: dict[str, Run | None], path: Path = LABEL_NOISE_PATH
) -> pd.DataFrame:
    """Return the recorded `vote_scores` of runs by title, one row each; NaN without a record.

    Returns:
        `model`, `images`, `label_accuracy`, `majority_accuracy`, `voted`, `nll` and `brier`.
    """
    records = records_of(runs, path, "runs")
    columns = ["images", "label_accuracy", "majority_accuracy", "voted", "nll", "brier"]
    rows = [{"model": title, **records.get(title, {})} for title in runs]
    return pd.DataFrame(rows, columns=["model", *columns])


def accuracy_by_agreement(
    runs: dict[str, Run | None], path: Path = LABEL_NOISE_PATH
) -> pd.DataFrame:
    """Return accuracy on PrivateTest by annotator agreement, one row per model and vote count.

    Returns:
        `model`, `votes` for the most frequent emotion, `images`, `label_accuracy` and
        `plurality_accuracy`, as in `vote_scores`. Runs without a record are left out.
    """
    rows = [
        {"model": title, **row}
        for title, record in records_of(runs, path, "runs").items()
        for row in record["by_votes"]
    ]
    columns = ["model", "votes", "images", "label_accuracy", "plurality_accuracy"]
    return pd.DataFrame(rows, columns=columns)


def follow_up_differences(path: Path = LABEL_NOISE_PATH) -> pd.DataFrame:
    """Return the recorded `vote_difference` between each of `FOLLOW_UPS` and its baseline.

    Returns:
        `model` (a title), `seed`, `baseline` (a title), `label_accuracy_difference` and
        `majority_accuracy_difference`, each with its interval, `_low` and `_high`. Both runs have
        the same seed.
    """
    rows = []
    for key, record in read_json(path)["follow_ups"].items():
        (name, seed), (baseline, _) = parse_run_key(key), parse_run_key(record["compared_with"])
        row = {
            "model": EXPERIMENTS[name].title,
            "seed": seed,
            "baseline": EXPERIMENTS[baseline].title,
        }
        for target in ("label_accuracy", "majority_accuracy"):
            row |= Estimate(*record[target]).columns(f"{target}_difference")
        rows.append(row)
    return pd.DataFrame(rows)


def recorded_leads(path: Path = LABEL_NOISE_PATH) -> pd.DataFrame:
    """Return the recorded `differences.vote_leads`."""
    return _comparisons(path, "leads")


def recorded_ceilings(path: Path = LABEL_NOISE_PATH) -> pd.DataFrame:
    """Return the recorded `ceilings.ceilings`."""
    return pd.DataFrame(read_json(path)["ceilings"])


def recorded_differences_from_regression(path: Path = LABEL_NOISE_PATH) -> pd.DataFrame:
    """Return the recorded `ceilings.differences_from_regression`."""
    return _comparisons(path, "differences_from_regression")


def _comparisons(path: Path, name: str) -> pd.DataFrame:
    table = pd.DataFrame(read_json(path)[name])
    return table.assign(verdict=table["verdict"].map(Verdict.__getitem__))
