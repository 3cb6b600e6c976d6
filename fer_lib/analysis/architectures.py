"""The layers of the report's networks, recorded so that a page can show them without Keras."""

from pathlib import Path

import pandas as pd

from fer_lib.experiments import EXPERIMENTS, Experiment
from fer_lib.io import atomic_write
from fer_lib.paths import ANALYSIS

LAYERS_PATH = ANALYSIS / "layers.csv"


def load_layers(experiment: Experiment, path: Path = LAYERS_PATH) -> pd.DataFrame:
    """Return `complexity.layer_table` of an experiment's network.

    It is read from the record where that has the network, of this or of another experiment, and
    else built with Keras.
    """
    if not path.exists():
        return build_layers(experiment)
    table = pd.read_csv(path, keep_default_na=False)
    for name, rows in table.groupby("experiment", sort=False):
        if _network(EXPERIMENTS[name]) == _network(experiment):
            return rows.drop(columns="experiment").reset_index(drop=True)
    return build_layers(experiment)


def build_layers(experiment: Experiment) -> pd.DataFrame:
    """Build an experiment's network with Keras, and return its `complexity.layer_table`."""
    from fer_lib.models.complexity import layer_table
    from fer_lib.models.registry import build_model

    return layer_table(build_model(experiment, pretrained=False))


def record_layers(path: Path) -> None:
    """Write the layer tables of all experiments' networks, each once."""
    networks = {}
    for name, experiment in EXPERIMENTS.items():
        networks.setdefault(_network(experiment), name)
    tables = [build_layers(EXPERIMENTS[name]).assign(experiment=name) for name in networks.values()]
    table = pd.concat(tables)
    columns = ["experiment", *table.columns.drop("experiment")]
    with atomic_write(path) as tmp:
        table.to_csv(tmp, index=False, columns=columns, lineterminator="\n")


def _network(experiment: Experiment) -> str:
    options = experiment.to_dict()["model_options"]
    options.pop("weights", None)  # they leave the layers as they are
    return f"{experiment.model} {sorted(options.items())}"
