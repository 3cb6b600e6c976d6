"""Differences between runs on the images that have a majority vote of FER+'s annotators."""

from dataclasses import replace

import numpy as np
import pandas as pd

from fer_lib.analysis.comparison import Estimate
from fer_lib.analysis.headline import compare_experiments
from fer_lib.data.dataset import Dataset
from fer_lib.data.ferplus import Votes
from fer_lib.data.readers import DataError
from fer_lib.evaluation.bootstrap import paired_difference
from fer_lib.experiments import STEPS
from fer_lib.runs.predictions import PredictedRun, SplitPredictions
from fer_lib.runs.run import Run

# Pairs (experiment, baseline) that are compared over all seeds of both: the steps to the best
# single model, and all steps beyond the SE-CNN together.
LEADS = (*STEPS, (STEPS[-1][0], "se_cnn"))
TARGETS = ("label", "majority")


def with_votes(
    run: Run, dataset: Dataset, votes: dict[str, Votes]
) -> tuple[SplitPredictions, Votes]:
    """Return a run's PrivateTest predictions, and the votes in the same order.

    Images are matched by pixel hash and label; images equal in both are matched in their order.
    """
    predictions, split = run.predictions["private_test"], dataset.private_test
    order = np.lexsort((split.labels, split.hashes))
    if not np.array_equal(split.hashes[order], predictions.hashes[predictions.order]):
        raise DataError(
            f"{run.folder}: its PrivateTest is not that of this copy of FER2013, pixel for pixel"
        )
    return predictions, votes["PrivateTest"][order[np.argsort(predictions.order)]]


def vote_difference(run: Run, baseline: Run, dataset: Dataset, votes: dict[str, Votes]) -> dict:
    """Compare two runs on the images of PrivateTest with a majority vote.

    Returns:
        `compared_with`, the baseline's key; and `label_accuracy` and `majority_accuracy`, the
        differences run − baseline in accuracy against FER2013's label and against the majority
        vote, as [difference, low, high] with a 95 % paired bootstrap interval, which excludes the
        variance across seeds.

    Raises:
        DataError: a run's images are not those of the data set.
    """
    pairs = {"label_accuracy": [], "majority_accuracy": []}
    for each in (run, baseline):
        predictions, private = with_votes(each, dataset, votes)
        relabeled, known = replace(predictions, labels=private.majority), private.majority >= 0
        pairs["label_accuracy"].append(predictions[known])
        pairs["majority_accuracy"].append(relabeled[known])
    differences = {name: paired_difference(*pair) for name, pair in pairs.items()}
    return {"compared_with": baseline.key} | {
        name: list(Estimate.of(difference, "accuracy")) for name, difference in differences.items()
    }


def vote_leads(runs: list[Run], dataset: Dataset, votes: dict[str, Votes]) -> pd.DataFrame:
    """Compare the pairs of `LEADS` over all seeds, on the images with a majority vote.

    Returns:
        A row for each pair and target as `headline.compare_experiments` returns it for the pairs of
        one target, with the column `target`, one of `TARGETS`: FER2013's label or the majority
        vote.

    Raises:
        DataError: a run's images are not those of the data set.
    """
    voted = []
    for run in runs:
        predictions, private = with_votes(run, dataset, votes)
        known = private.majority >= 0
        relabeled = replace(predictions, labels=private.majority)
        by_target = dict(zip(TARGETS, (predictions[known], relabeled[known]), strict=True))
        voted.append(PredictedRun(run.name, run.config, by_target))
    tables = [compare_experiments(voted, LEADS, name).assign(target=name) for name in TARGETS]
    return pd.concat(tables, ignore_index=True)


def comparison_records(comparisons: pd.DataFrame) -> list[dict]:
    """The rows of comparisons as JSON stores them: the name of a verdict, None for NaN."""
    names = [verdict.name for verdict in comparisons["verdict"]]
    return (
        comparisons.assign(verdict=names).astype(object).replace({np.nan: None}).to_dict("records")
    )
