"""Parameters, multiply-adds and accuracy of recorded models and of published ones."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fer_lib.analysis.comparison import PUBLISHED_PATH, Estimate, estimate
from fer_lib.evaluation.ensembles import Ensemble
from fer_lib.experiments import ENSEMBLE_TTA, EXPERIMENTS, Experiment
from fer_lib.io import read_json, write_json
from fer_lib.paths import ANALYSIS
from fer_lib.tta import views

NETWORK_SIZES_PATH = ANALYSIS / "network_sizes.json"

_SCORES = (
    ("public_test", "accuracy"),
    ("private_test", "accuracy"),
    ("private_test", "macro_f1"),
)


class NetworkSize(NamedTuple):
    """A network's parameters, and the multiply-adds of one forward pass."""

    parameters: int
    multiply_adds: int


def network_size(experiment: Experiment, path: Path = NETWORK_SIZES_PATH) -> NetworkSize:
    """Return the size of an experiment's network.

    Args:
        path: the file that `record_network_sizes` writes. An architecture that it lacks is built,
            for which Keras is imported.
    """
    architecture = _architecture(experiment)
    for record in read_json(path) if path.is_file() else []:
        if record["architecture"] == architecture:
            return NetworkSize(record["parameters"], record["multiply_adds"])
    return measure_network_size(experiment)


def measure_network_size(experiment: Experiment) -> NetworkSize:
    """Build an experiment's network, and return its size."""
    from fer_lib.models.complexity import multiply_adds  # Keras, which takes seconds to import
    from fer_lib.models.registry import build_model

    network = build_model(experiment, pretrained=False)
    return NetworkSize(network.count_params(), multiply_adds(network))


def record_network_sizes(path: Path = NETWORK_SIZES_PATH) -> None:
    """Write the size of each architecture in the table of experiments, so that pages need not build
    them."""
    records = []
    for experiment in EXPERIMENTS.values():
        architecture = _architecture(experiment)
        if architecture not in [record["architecture"] for record in records]:
            size = measure_network_size(experiment)
            records.append({"architecture": architecture, **size._asdict()})
    write_json(path, records)


def _architecture(experiment: Experiment) -> dict:
    """The settings that determine a network's size; where its weights come from does not."""
    options = experiment.to_dict()["model_options"]
    options.pop("weights", None)
    return {"model": experiment.model, **options}


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


def published_networks(path: Path = PUBLISHED_PATH) -> pd.DataFrame:
    """Published accuracies on FER2013, as their authors give them.

    Returns:
        `model`, `parameters`, `multiply_adds` (NaN where they are not published), `accuracy` (0–1),
        `measured_on`, and `protocol_issue`, None where none is known.
    """
    table = pd.DataFrame(read_json(path)["networks"]["rows"]).rename(columns={"name": "model"})
    table["accuracy"] = table["accuracy_percent"] / 100
    columns = ["model", "parameters", "multiply_adds", "accuracy", "measured_on", "protocol_issue"]
    return table[columns]


def pareto_front(sizes: pd.DataFrame) -> pd.DataFrame:
    """The models that none beats on PublicTest with as few multiply-adds or fewer.

    Args:
        sizes: as `model_sizes` returns them.

    Returns:
        Its rows on the front, the fewest multiply-adds first.
    """
    ordered = sizes.sort_values(["multiply_adds", "public_test_accuracy"], ascending=[True, False])
    accuracy = ordered["public_test_accuracy"]
    return ordered[accuracy > accuracy.cummax().shift(fill_value=float("-inf"))]
