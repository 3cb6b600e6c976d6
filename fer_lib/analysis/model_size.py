"""Parameters, multiply-adds and accuracy of recorded models and of published ones."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fer_lib.analysis.architectures import load_layers
from fer_lib.analysis.comparison import PUBLISHED_PATH, Estimate, estimate
from fer_lib.analysis.headline import headline_table
from fer_lib.evaluation.ensembles import Ensemble
from fer_lib.experiments import ENSEMBLE_TTA, Experiment
from fer_lib.io import read_json
from fer_lib.runs.predictions import Predictor
from fer_lib.runs.run import Run
from fer_lib.tta import views

_SCORES = (
    ("public_test", "accuracy"),
    ("private_test", "accuracy"),
    ("private_test", "macro_f1"),
)


class NetworkSize(NamedTuple):
    """A network's parameters, and the multiply-adds of one forward pass."""

    parameters: int
    multiply_adds: int


def network_size(experiment: Experiment) -> NetworkSize:
    """Return the size of an experiment's network, by its layers (`architectures.load_layers`)."""
    layers = load_layers(experiment)
    return NetworkSize(int(layers["parameters"].sum()), int(layers["multiply_adds"].sum()))


def parameters(predictors: list[Predictor]) -> float:
    """Trained numbers of a model, from the configuration of its first run; NaN where unknown."""
    for run in predictors:
        members = getattr(run, "members", (run,))
        sizes = [member.config.get("parameters") for member in members]
        if None not in sizes:
            return float(sum(sizes))
    return math.nan


def model_sizes(models: list[Ensemble]) -> pd.DataFrame:
    """Size and scores of recorded models; a single model is an ensemble of one.

    Returns:
        One row per model: `model` (its title); `seed`, <NA> for several members; `members`;
        `forward_passes` per prediction; `parameters`; `multiply_adds` per prediction, every
        forward pass counted; `public_test_accuracy`, `private_test_accuracy` and
        `private_test_macro_f1`, each with its interval, NaN where PrivateTest was not evaluated.
    """
    experiments = {run.name: run.experiment for model in models for run in model.members}
    networks = {name: network_size(experiment) for name, experiment in experiments.items()}
    rows = []
    for model in models:
        schemes = [ENSEMBLE_TTA if model.shift_tta else run.experiment.tta for run in model.members]
        row = [
            model.title,
            model.members[0].seed if len(model.members) == 1 else None,
            len(model.members),
            model.forward_passes,
            sum(networks[run.name].parameters for run in model.members),
            sum(
                networks[run.name].multiply_adds * len(views(scheme))
                for run, scheme in zip(model.members, schemes, strict=True)
            ),
        ]
        rows.append(row + [limit for score in _SCORES for limit in estimate(model, *score)])
    columns = ["model", "seed", "members", "forward_passes", "parameters", "multiply_adds"]
    scores = [name for score in _SCORES for name in Estimate().columns("_".join(score))]
    dtypes = {"seed": "Int64", **dict.fromkeys(scores, float)}
    return pd.DataFrame(rows, columns=columns + scores).astype(dtypes)


def mean_model_sizes(models: list[Ensemble], pool: Iterable[Run] = ()) -> pd.DataFrame:
    """Size and accuracy of recorded models, with the seeds of a single network in one row.

    Args:
        models: as `model_sizes`; the title of a single network says its seed, as in “SE-CNN, seed
            0, shift TTA”, which the row leaves out.
        pool: as `headline.headline_table`.

    Returns:
        One row per model: `model`, `seeds` (how many); `members`, `forward_passes`, `parameters`
        and `multiply_adds` as `model_sizes`; the mean `public_test_accuracy`, and the mean
        `private_test_accuracy` with its interval over images and seeds. An ensemble counts as a
        network of one seed.
    """
    groups = {}
    for model in models:
        groups.setdefault(re.sub(r", seed \d+", "", model.title), []).append(model)
    titles = [title for title, group in groups.items() for _ in group]
    sizes = model_sizes([model for group in groups.values() for model in group])
    columns = ["members", "forward_passes", "parameters", "multiply_adds", "public_test_accuracy"]
    means = sizes[columns].groupby(titles, sort=False).mean()
    counts = dict.fromkeys(columns[:4], int)
    means = means.astype(counts).rename_axis("model").reset_index()
    scores = headline_table(groups, "private_test", "accuracy", list(pool))
    means.insert(1, "seeds", scores.pop("seeds"))
    return means.merge(scores.drop(columns="private_test_accuracy_sd"), on="model")


def published_networks(path: Path = PUBLISHED_PATH) -> pd.DataFrame:
    """Published accuracies on FER2013, as their authors give them.

    Returns:
        `model`, `parameters`, `multiply_adds` (NaN where they are not published), `accuracy` (0–1),
        `measured_on`, and `differs_in`: in what the protocol differs from this report's, None where
        nothing is known.
    """
    table = pd.DataFrame(read_json(path)["networks"]["rows"]).rename(columns={"name": "model"})
    table["accuracy"] = table["accuracy_percent"] / 100
    columns = ["model", "parameters", "multiply_adds", "accuracy", "measured_on", "differs_in"]
    return table[columns]


def pareto_front(sizes: pd.DataFrame) -> pd.DataFrame:
    """The models that no other beats on PublicTest with as few multiply-adds.

    Args:
        sizes: as `model_sizes` returns them.

    Returns:
        Its rows on the front, the fewest multiply-adds first.
    """
    ordered = sizes.sort_values(["multiply_adds", "public_test_accuracy"], ascending=[True, False])
    accuracy = ordered["public_test_accuracy"]
    return ordered[accuracy > accuracy.cummax().shift(fill_value=float("-inf"))]
