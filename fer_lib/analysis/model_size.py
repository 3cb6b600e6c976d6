"""Accuracy against parameters and multiply-adds: recorded models, and published ones."""

from pathlib import Path

import pandas as pd

from fer_lib.analysis.scores import score_columns
from fer_lib.evaluation.ensembles import Ensemble
from fer_lib.io import read_json
from fer_lib.models.complexity import multiply_adds
from fer_lib.models.registry import build_model
from fer_lib.paths import RESULTS
from fer_lib.tta import views

PUBLISHED_PATH = RESULTS / "published.json"


def model_sizes(models: list[Ensemble]) -> pd.DataFrame:
    """Size and scores of recorded models; a single model is an ensemble of one.

    Returns:
        One row per model: `model` (its title); `seed`, <NA> for several members; `n_members`;
        `forward_passes` per prediction; `parameters`; `multiply_adds` per prediction, every
        forward pass counted; and the columns of `score_columns` for both test splits, with the
        prefixes `public_test_` and `private_test_`.
    """
    networks, rows = {}, []  # of each experiment: parameters, and multiply-adds of a forward pass
    for model in models:
        for run in model.members:
            if run.name not in networks:
                network = build_model(run.experiment, pretrained=False)
                networks[run.name] = network.count_params(), multiply_adds(network)
        row = {
            "model": model.title,
            "seed": model.members[0].seed if len(model.members) == 1 else None,
            "n_members": len(model.members),
            "forward_passes": model.forward_passes,
            "parameters": sum(networks[run.name][0] for run in model.members),
            "multiply_adds": sum(
                networks[run.name][1] * len(views(model.tta or run.experiment.tta))
                for run in model.members
            ),
        }
        for split in ("public_test", "private_test"):
            row |= score_columns(model.metrics.get(split), f"{split}_")
        rows.append(row)
    columns = ["model", "seed", "n_members", "forward_passes", "parameters", "multiply_adds"]
    columns += [name for s in ("public", "private") for name in score_columns(None, f"{s}_test_")]
    return pd.DataFrame(rows, columns=columns).astype({"seed": "Int64"})


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
