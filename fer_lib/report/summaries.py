"""What a page tells of an experiment and its run: settings, layers, how it was trained."""

from dataclasses import fields

import pandas as pd

from fer_lib.analysis.architectures import load_layers
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.experiments import Experiment
from fer_lib.runs.predictions import Predictor
from fer_lib.runs.run import Run


def class_counts(counts: dict[str, dict[str, int]]) -> pd.DataFrame:
    """Images by emotion: one row per emotion and one for all, one column per split."""
    table = pd.DataFrame(counts)
    table.loc["all"] = table.sum()
    return table.rename_axis("emotion").reset_index()


def configuration(experiment: Experiment) -> pd.DataFrame:
    """The settings of an experiment: `setting` and `value`.

    Settings that are off by default are left out where they are off.
    """
    off = {
        setting.name
        for setting in fields(experiment)
        if not setting.default and not getattr(experiment, setting.name)
    }
    off |= set() if experiment.teachers else {"teacher_tta"}
    return _frame({name: value for name, value in _settings(experiment).items() if name not in off})


def side_by_side(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Several tables of `setting` and `value` as one: `setting`, and a column per title.

    Settings are in the order in which the tables bring them; None where a table lacks one.
    """
    settings = dict.fromkeys(name for table in tables.values() for name in table["setting"])
    columns = {
        title: dict(zip(table["setting"], table["value"], strict=True))
        for title, table in tables.items()
    }
    rows = [[name, *(values.get(name) for values in columns.values())] for name in settings]
    return pd.DataFrame(rows, columns=["setting", *columns], dtype=object)


def changed_settings(experiment: Experiment, baseline: Experiment) -> pd.DataFrame:
    """The settings in which an experiment differs from another.

    Returns:
        `setting`, and the values of both in columns named by their titles.
    """
    values, base = _settings(experiment), _settings(baseline)
    changed = [
        name for name in values | base if name != "title" and values.get(name) != base.get(name)
    ]
    rows = [[name, values.get(name), base.get(name)] for name in changed]
    columns = ["setting", experiment.title, baseline.title]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _settings(experiment: Experiment) -> dict:
    values = experiment.to_dict()
    options = values.pop("model_options")
    return values | {f"model: {name}": value for name, value in options.items()}


def _frame(values: dict) -> pd.DataFrame:
    return pd.DataFrame(list(values.items()), columns=["setting", "value"], dtype=object)


def layers(experiment: Experiment) -> pd.DataFrame:
    """The layers of an experiment's network that have parameters, with a row of sums.

    Returns:
        `layer`, `kind`, `output`, `parameters`, `trainable` and `multiply_adds`, as
        `complexity.layer_table` has them.
    """
    table = load_layers(experiment)
    numbers = ["parameters", "trainable", "multiply_adds"]
    table = table.loc[table["parameters"] > 0, ["layer", "kind", "output", *numbers]]
    total = {"layer": "all", "kind": "", "output": "", **table[numbers].sum()}
    return pd.concat([table, pd.DataFrame([total])], ignore_index=True)


def run_details(run: Run | None) -> pd.DataFrame:
    """What a reader needs to trust or repeat a run: `setting` and `value`, empty without a run."""
    if run is None:
        return _frame({})
    config, swa_epochs = run.config, run.experiment.swa_epochs
    epoch = {"swa_epochs": swa_epochs} if swa_epochs else {"best_epoch": config["best_epoch"]}
    details = {name: config[name] for name in ("profile", "seed", "epochs_run", "stopped_by")}
    details |= epoch | {name: config[name] for name in ("hours", "images_per_second")}
    details |= {name: config["hardware"][name] for name in ("processor", "cores")}
    details["versions"] = [f"{name} {version}" for name, version in config["versions"].items()]
    for name in ("data_sha256", "pretrained_weights_sha256"):
        details[name] = config[name] and config[name][:16] + "…"
    return _frame(details)


def per_class(predictor: Predictor | None, split: str) -> pd.DataFrame:
    """`precision`, `recall`, `f1` and `support` of each emotion; NaN where it is not recorded."""
    metrics = predictor.metrics[split]["per_class"] if predictor else {}
    columns = ["precision", "recall", "f1", "support"]
    table = pd.DataFrame(metrics, index=columns, columns=EMOTION_NAMES, dtype=float).T
    return table.rename_axis("emotion").reset_index()
