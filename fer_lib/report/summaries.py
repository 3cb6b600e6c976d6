"""Summaries of an experiment, its layers and its run."""

from dataclasses import fields

import pandas as pd

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.experiments import Experiment
from fer_lib.models.complexity import layer_table
from fer_lib.models.registry import build_model
from fer_lib.report.format import NOT_RECORDED
from fer_lib.runs.run import Run


def class_counts(counts: dict[str, dict[str, int]]) -> pd.DataFrame:
    """One row for each emotion and one for all, one column for each split."""
    table = pd.DataFrame(counts).rename_axis("emotion").reset_index()
    return pd.concat(
        [table, pd.DataFrame([{"emotion": "all", **table[list(counts)].sum()}])], ignore_index=True
    )


def configuration(experiment: Experiment) -> pd.DataFrame:
    """An experiment's settings, one row each, without those that are off by default and stayed
    so."""
    off = [
        setting.name
        for setting in fields(experiment)
        if not setting.default and not getattr(experiment, setting.name)
    ]
    if not experiment.teachers:
        off.append("teacher_tta")
    table = _settings(experiment)
    return table[~table["setting"].isin(off)]


def _settings(experiment: Experiment) -> pd.DataFrame:
    values = experiment.to_dict()
    values |= {f"model: {key}": value for key, value in values.pop("model_options").items()}
    return pd.DataFrame(
        {"setting": list(values), "value": [_setting(value) for value in values.values()]}
    )


def _setting(value) -> str:
    if value in (None, "", []):
        return "none"
    return ", ".join(value) if isinstance(value, list) and isinstance(value[0], str) else str(value)


def changed_settings(experiment: Experiment, base: Experiment) -> pd.DataFrame:
    """The settings in which an experiment differs from another, one row each, with the values of
    both."""
    both = _settings(experiment).merge(
        _settings(base), "outer", "setting", sort=False, suffixes=("", f" of {base.title}")
    )
    both = both[(both["setting"] != "title") & (both.iloc[:, 1] != both.iloc[:, 2])]
    return both.rename(
        columns={"value": experiment.title, f"value of {base.title}": base.title}
    ).fillna("")


def layers(experiment: Experiment) -> pd.DataFrame:
    """`models.layer_table` of an experiment's network, with a row of sums."""

    table = layer_table(build_model(experiment, pretrained=False))
    sums = table[["parameters", "trainable", "multiply_adds"]].sum()
    return pd.concat(
        [table, pd.DataFrame([{"layer": "all", "kind": "", "output": "", **sums}])],
        ignore_index=True,
    )


def run_details(run: Run | None, profile_name: str) -> pd.DataFrame:
    """What a reader needs to trust or repeat a run: how it ended, how long it took, on what."""
    if run is None:
        return pd.DataFrame({"": ["state"], "run": [NOT_RECORDED]})
    config = run.config
    rows = {
        "profile": profile_name,
        "seed": config["seed"],
        "epochs": f"{config['epochs_run']} (stopped by: {config['stopped_by']})",
        **(
            {"averaged": f"the weights of the last {n} epochs"}
            if (n := run.experiment.swa_epochs)
            else {"best epoch": config["best_epoch"]}
        ),
        "hours": f"{config['hours']:.2f}",
        "images a second, validation included": f"{config['images_per_second']:,.0f}",
        "hardware": f"{config['hardware']['processor']}, cores: {config['hardware']['cores']}",
        "versions": ", ".join(f"{name} {version}" for name, version in config["versions"].items()),
        "data, SHA-256": config["data_sha256"][:16] + "…",
        "pretrained weights, SHA-256": config["pretrained_weights_sha256"][:16] + "…"
        if config["pretrained_weights_sha256"]
        else "none",
    }
    return pd.DataFrame({"": list(rows), "run": [str(value) for value in rows.values()]})


def per_class(run: Run | None, split: str) -> pd.DataFrame:
    """Precision, recall, F1 and support by emotion."""
    if run is None:
        return pd.DataFrame({"emotion": EMOTION_NAMES, "state": NOT_RECORDED})
    table = pd.DataFrame(run.metrics[split]["per_class"]).T.rename_axis("emotion").reset_index()
    return table.astype({"support": int})
