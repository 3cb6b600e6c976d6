"""Tables and phrases: numbers become text here, each accuracy with its interval."""

import re
from dataclasses import fields

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from fer_lib import baselines, duplicates, evaluation, profiles
from fer_lib.emotions import NAMES
from fer_lib.experiments import CONTROLS, EXPERIMENTS, Experiment
from fer_lib.files import read_json
from fer_lib.runs import Run

_BRACKETS = re.compile(r"\([^)]*\d\)")
NOT_RECORDED = "not recorded yet"
UNSEEN = "PrivateTest without what Training holds"
_NOT_RECORDED_SENTENCE = "This experiment is not recorded yet."
SPLIT_TITLES = {
    "public_test": "PublicTest",
    "private_test": "PrivateTest",
    "both": "both (contains the selection set)",
}


def percent(value: float, interval: list[float] | None = None) -> str:
    """`67.8 %`, or with an interval `67.8 % (66.3–69.4)`; the arguments are shares, 0–1."""
    text = f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
    return f"{text} ({100 * interval[0]:.1f}–{100 * interval[1]:.1f})" if interval else text


def score(value: float, interval: list[float] | None = None) -> str:
    """`0.661`, or with an interval `0.661 (0.640–0.681)`."""
    return f"{value:.3f} ({interval[0]:.3f}–{interval[1]:.3f})" if interval else f"{value:.3f}"


def points(difference: float, interval: list[float]) -> str:
    """`+2.1 (+0.8 to +3.4)`: a difference of two shares, in percentage points, with its
    interval."""
    return f"{signed(100 * difference, 1)} ({signed(100 * interval[0], 1)} to {signed(100 * interval[1], 1)})"


def score_change(difference: float, interval: list[float]) -> str:
    """`+0.020 (+0.003 to +0.037)`: a difference of two scores, with its interval."""
    return f"{signed(difference, 3)} ({signed(interval[0], 3)} to {signed(interval[1], 3)})"


def signed(value: float, digits: int) -> str:
    """`+0.012` or `−0.012`, with a true minus sign."""
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def count(value: int) -> str:
    """`1.19 million` for a large number, the number itself for a small one."""
    return f"{value / 1e6:.2f} million" if value >= 1e5 else f"{value:,}"


def show(table: pd.DataFrame):
    """The table as notebooks display it: no index, thousands grouped, no underscores above, a line
    broken only before an interval."""
    table = table.rename(
        columns=lambda name: name.replace("multiply_adds", "multiply-adds").replace("_", " ")
    )
    texts = [column for column in table if not pd.api.types.is_numeric_dtype(table[column])]
    style = table.style.hide(axis="index").format(thousands=",", precision=3)
    return style.format(
        lambda value: _BRACKETS.sub(r'<span style="white-space: nowrap">\g<0></span>', str(value)),
        subset=texts,
    )


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
        off.append("teachers_places")
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
    from fer_lib import (
        models,
        networks,
    )  # Keras takes seconds to import, and most tables do without

    table = models.layer_table(networks.build(experiment, pretrained=False))
    sums = table[["parameters", "trainable", "multiply_adds"]].sum()
    return pd.concat(
        [table, pd.DataFrame([{"layer": "all", "kind": "", "output": "", **sums}])],
        ignore_index=True,
    )


def trials() -> pd.DataFrame:
    """The trials that chose the custom CNN, as `benchmarks/custom_cnn_trials.py` recorded them:
    what differs between them."""
    table = _trials()
    table["best epoch"] = [
        f"{best} of {ran}" for best, ran in zip(table["best_epoch"], table["epochs"], strict=True)
    ]
    table["blocks"] = [
        "; ".join(f"{depth}×{width}" for width, depth in blocks) for blocks in table["blocks"]
    ]
    table["dropout"] = [
        f"{block:g}, head {head:g}"
        for block, head in zip(table["block_dropout"], table["head_dropout"], strict=True)
    ]
    table["momentum"] = table["momentum"].map("{:g}".format)
    table["augmentation"] = table["augmentation"].str.replace("_", " ")  # may break
    return table[
        [
            "candidate",
            "best epoch",
            "loss",
            "accuracy, PublicTest",
            "blocks",
            "dropout",
            "momentum",
            "augmentation",
        ]
    ]


def _trials() -> pd.DataFrame:
    table = pd.DataFrame(read_json(profiles.RESULTS / "analysis" / "custom_cnn_trials.json"))
    table["accuracy, PublicTest"] = [
        percent(*pair) for pair in zip(table["accuracy"], table["accuracy_interval"], strict=True)
    ]
    return table.rename(columns={"val_loss": "loss"})


def trial_phrases() -> dict[str, str]:
    """The numbers that the custom CNN's page puts into its prose about the trials, as text."""
    table = _trials()
    fewest = table["epochs"].min()
    short, long = table[table["epochs"] == fewest], table[table["epochs"] > fewest]
    phrases = {
        "short_trial_epochs": str(fewest),
        "best_short_trial": short.loc[short["loss"].idxmin(), "candidate"],
    }
    for which, (_, row) in zip(("first", "second"), long.iterrows(), strict=True):
        phrases |= {
            f"{which}_long_trial_epochs": str(row["epochs"]),
            f"{which}_long_trial_best_epoch": str(row["best_epoch"]),
            f"{which}_long_trial_loss": f"{row['loss']:.4f}",
            f"{which}_long_trial_accuracy": row["accuracy, PublicTest"],
        }
    return phrases


def speed() -> pd.DataFrame:
    """How fast each experiment trains and predicts, as `benchmarks/training.py` recorded it."""
    table = pd.DataFrame(_speed()["rows"])
    table["share_of_peak"] = table["share_of_peak"].map(percent)
    for column in ("training_images_per_second", "prediction_images_per_second"):
        table[column] = table[column].round().astype(int)
    return table


def ways() -> pd.DataFrame:
    """Ways to train the small CNN, by images a second, as `benchmarks/training.py` recorded
    them."""
    record = _speed()
    if "ways" not in record:
        return pd.DataFrame({"way": [NOT_RECORDED]})
    ours = record["ways"][0]["training_images_per_second"]
    rows = [
        {
            "way": row["way"],
            "precision": row["precision"],
            "images a second": round(row["training_images_per_second"]),
            "share of the peak": percent(row["share_of_peak"]),
            "ours ÷ this": f"{ours / row['training_images_per_second']:.1f}",
        }
        for row in record["ways"]
    ]
    return pd.DataFrame(rows)


def speed_reading() -> str:
    """On what `speed` was measured, in a sentence."""
    record = _speed()
    hardware, peaks = record["hardware"], record["peak_multiply_adds_per_second"]
    listed = " and ".join(
        f"{value / 1e9:,.0f} billion multiply-adds a second in {name}"
        for name, value in peaks.items()
    )
    return f"Here it is {listed} ({hardware['processor']}, cores: {hardware['cores']})."


def _speed() -> dict:
    return read_json(profiles.RESULTS / "analysis" / "speed.json")


def edge() -> pd.DataFrame:
    """What each network costs in each form, a row each, as `benchmarks/edge.py` recorded it."""
    rows = [
        {
            "network": row["network"],
            "form": row["form"],
            "file, MB": f"{row['bytes'] / 1e6:.2f}",
            "multiply-adds": count(row["multiply_adds"]),
            "one face, ms (95th percentile)": f"{row['median_ms']:.1f} ({row['percentile_95_ms']:.1f})",
            "images a second": round(row["images_per_second"]),
            "accuracy on PublicTest": percent(row["accuracy"], row["interval"]),
        }
        for row in edge_record()["rows"]
    ]
    return pd.DataFrame(rows)


def edge_reading() -> str:
    """On what `edge` was measured, and what the exporter's check said of each 8-bit file, in
    sentences."""
    record = edge_record()
    hardware = record["hardware"]
    text = f"Measured on {hardware['processor']}, {record['repetitions']} times each."
    for row in record["rows"]:
        if row["check"].startswith("refused"):
            text += f" The exporter refuses {row['network']} as {row['form']}: {row['check'].removeprefix('refused: ')}."
    return text


def edge_record() -> dict:
    """What `benchmarks/edge.py` wrote."""
    return read_json(profiles.RESULTS / "analysis" / "edge.json")


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
            if (n := run.experiment.averaged_epochs)
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
        return pd.DataFrame({"emotion": NAMES, "state": NOT_RECORDED})
    table = pd.DataFrame(run.metrics[split]["per_class"]).T.rename_axis("emotion").reset_index()
    return table.astype({"support": int})


def comparison(runs: dict[str, Run | None], counts: dict[str, dict[str, int]]) -> pd.DataFrame:
    """Every model beside chance and the largest class, a row each.

    Args:
        runs: by title; None for a run that is not recorded yet.
        counts: images by split, then by emotion, from which the first two rows follow.
    """
    known = {title: run.metrics if run else {} for title, run in runs.items()}
    source = {EXPERIMENTS[name].title: text for name, text in _source_report().items()}
    rows = []
    for title, metrics in {**_without_images(counts), **known}.items():
        row = {"model": title}
        for split, split_title in SPLIT_TITLES.items():
            row[f"accuracy, {split_title}"] = _cell(metrics.get(split), "accuracy", percent)
        row[f"accuracy, {UNSEEN}"] = accuracy_unseen(runs[title]) if title in runs else ""
        row["the source report, both"] = source.get(title, "")
        row["balanced accuracy, PrivateTest"] = _cell(
            metrics.get("private_test"), "balanced_accuracy", score
        )
        row["macro-F1, PrivateTest"] = _cell(metrics.get("private_test"), "macro_f1", score)
        rows.append(row)
    return pd.DataFrame(rows)


def _cell(metrics: dict | None, name: str, phrase) -> str:
    return (
        NOT_RECORDED
        if metrics is None
        else phrase(metrics[name], metrics.get("intervals", {}).get(name))
    )


def differences(ours: Run | None, runs: dict[str, Run | None]) -> pd.DataFrame:
    """What a model gains over each of the others on the same images of PrivateTest, a row each.

    Args:
        runs: the others, by title; None for a run that is not recorded yet.
    """
    return pd.DataFrame(
        [
            {"compared with": title, **_paired(ours, run, "private_test")}
            for title, run in runs.items()
        ]
    ).fillna("")


def controls(runs: dict[str, Run | None]) -> pd.DataFrame:
    """What each control gains on PublicTest over the experiment that it differs from in one
    setting, a row each.

    Args:
        runs: by the experiments' names; None for a run that is not recorded yet.
    """
    rows = []
    for name, base in CONTROLS.items():
        row = {
            "control": EXPERIMENTS[name].title,
            "accuracy, PublicTest": accuracy(runs[name], "public_test"),
        }
        rows.append(
            row
            | {
                "compared with": EXPERIMENTS[base].title,
                **_paired(runs[name], runs[base], "public_test"),
            }
        )
    return (
        pd.DataFrame(rows)
        .fillna("")
        .drop(columns=["only ours right", "only theirs right"], errors="ignore")
    )


def controls_reading(runs: dict[str, Run | None]) -> str:
    """Whether a control of MobileNetV2 changes the order of the models, in whole sentences.

    Args:
        runs: as `controls`.
    """
    mobile = [
        name
        for pair in CONTROLS.items()
        for name in pair
        if EXPERIMENTS[name].model == "mobilenetv2"
    ]
    known = {name: runs[name] for name in dict.fromkeys(mobile) if runs[name] is not None}
    missing = [EXPERIMENTS[name].title for name in dict.fromkeys(mobile) if runs[name] is None]
    custom = runs["custom_cnn"]
    if not known or custom is None:
        return _NOT_RECORDED_SENTENCE
    best = max(known, key=lambda name: known[name].metrics["public_test"]["accuracy"])
    lead = (
        custom.metrics["public_test"]["accuracy"] > known[best].metrics["public_test"]["accuracy"]
    )
    return (
        f"The most accurate form of MobileNetV2 on PublicTest is “{EXPERIMENTS[best].title}” with {accuracy(known[best], 'public_test')}; the custom CNN "
        f"has {accuracy(custom, 'public_test')}. " + ("It stays ahead of all of them" if lead else "It is not ahead of all of them")
        + (f"; not recorded yet: {'; '.join(missing)}." if missing else ".")
    )  # fmt: skip


def _paired(ours: Run | None, theirs: Run | None, split: str) -> dict[str, str]:
    if ours is None or theirs is None:
        return {"accuracy, points": NOT_RECORDED}
    paired = evaluation.paired_difference(ours.predictions, theirs.predictions, split)
    return {
        "accuracy, points": points(paired["accuracy"], paired["intervals"]["accuracy"]),
        "macro-F1": score_change(paired["macro_f1"], paired["intervals"]["macro_f1"]),
        "only ours right": f"{paired['only_ours']:,}",
        "only theirs right": f"{paired['only_theirs']:,}",
        "McNemar p": "< 0.0001" if paired["p_value"] < 1e-4 else f"{paired['p_value']:.4f}",
    }


def seeds(runs: dict[str, list[Run]]) -> pd.DataFrame:
    """Mean and standard deviation over the seeds of each experiment, a row each; of one seed, the
    value with its interval.

    Args:
        runs: every finished run of an experiment, by its title; an empty list where none is
            recorded.
    """
    rows = []
    for title, mine in runs.items():
        row = {
            "model": title,
            "seeds": ", ".join(str(run.config["seed"]) for run in mine) or NOT_RECORDED,
        }
        for measure, heading in (("accuracy", "accuracy"), ("macro_f1", "macro-F1")):
            for split in ("private_test", "both"):
                phrase = percent if measure == "accuracy" else score
                row[f"{heading}, {SPLIT_TITLES[split]}"] = _spread(
                    [run.metrics[split] for run in mine], measure, phrase
                )
        rows.append(row)
    return pd.DataFrame(rows)


def _spread(metrics: list[dict], measure: str, phrase) -> str:
    if len(metrics) < 2:
        return _cell(metrics[0], measure, phrase) if metrics else ""
    values = [mine[measure] for mine in metrics]
    deviation = np.std(values, ddof=1)
    return (
        f"{phrase(np.mean(values))} ± {100 * deviation:.1f}"
        if phrase is percent
        else f"{phrase(np.mean(values))} ± {phrase(deviation)}"
    )


def _without_images(counts: dict[str, dict[str, int]]) -> dict[str, dict]:
    """Metrics of guessing and of always answering the largest class of Training, by split."""
    by_split = {
        name: np.array([split[emotion] for emotion in NAMES]) for name, split in counts.items()
    }
    tests = {"public_test": by_split["PublicTest"], "private_test": by_split["PrivateTest"]}
    tests["both"] = sum(tests.values())
    labels = {split: np.repeat(np.arange(len(NAMES)), numbers) for split, numbers in tests.items()}
    return {
        "Chance": {split: baselines.chance(values) for split, values in labels.items()},
        "Largest class": {
            split: evaluation.metrics(
                baselines.majority_logits(len(values), by_split["Training"]), values
            )
            for split, values in labels.items()
        },
    }


def curve_reading(run: Run | None) -> str:
    """What a run's curves say, in whole sentences, or that it is not recorded yet."""
    if run is None:
        return _NOT_RECORDED_SENTENCE
    history, best = run.history, run.history.iloc[run.config["best_epoch"] - 1]
    last = history.iloc[-1]
    if averaged := run.experiment.averaged_epochs:
        passed = history["val_accuracy"].iloc[-averaged:]
        return (
            f"The run took {len(history)} epochs. The weights after each of the last {averaged} are averaged; with them alone, and without "
            f"the mirror image, the accuracy on PublicTest lies between {percent(passed.min())} and {percent(passed.max())}. The average of "
            f"the weights reaches {accuracy(run, 'public_test')}{', with the mirror image' if run.experiment.flip_averaging else ''}. In the "
            f"last epoch the accuracy was {percent(last['accuracy'])} on Training, with augmentation and dropout at work."
        )
    return (
        f"The run took {len(history)} epochs; the lowest loss on PublicTest came in epoch {run.config['best_epoch']}. There, the "
        f"accuracy was {percent(best['accuracy'])} on Training, with augmentation and dropout at work and while the weights still "
        f"changed, and {accuracy(run, 'public_test')} on PublicTest. In the last epoch it was {percent(last['accuracy'])} on "
        f"Training; the loss on PublicTest had gone from {best['val_loss']:.4f} to {last['val_loss']:.4f}."
    )


def error_reading(run: Run | None) -> str:
    """Where a run is right and wrong on PrivateTest, in whole sentences, or that it is not recorded
    yet."""
    if run is None:
        return _NOT_RECORDED_SENTENCE
    private = run.metrics["private_test"]
    f1 = {name: values["f1"] for name, values in private["per_class"].items()}
    return (
        f"Accuracy on PrivateTest is {accuracy(run, 'private_test')}, macro-F1 {_cell(private, 'macro_f1', score)}; without the "
        f"images that Training holds too, accuracy is {accuracy_unseen(run)}; on PublicTest and "
        f"PrivateTest together, which contains the selection set, it is {accuracy(run, 'both')}. The emotion with the lowest F1 is "
        f"{min(f1, key=f1.get)} ({min(f1.values()):.2f}), with the highest {max(f1, key=f1.get)} ({max(f1.values()):.2f}). The most "
        f"frequent confusion, as a share of the true class, is {_largest_confusion(private['confusion'])}."
    )


def accuracy(run: Run | None, split: str) -> str:
    """A run's accuracy with its 95 % interval, or that it is not recorded yet."""
    return _cell(run.metrics.get(split) if run else None, "accuracy", percent)


def accuracy_unseen(run: Run | None, near: bool = False) -> str:
    """A run's accuracy with its 95 % interval on the images of PrivateTest that Training does not
    hold, or that it is not recorded yet.

    Args:
        near: leave out those, too, that Training holds in another form.
    """
    if run is None:
        return NOT_RECORDED
    rows = duplicates.unseen(run.predictions, "private_test", near)
    values = evaluation.metrics(
        *(run.predictions[f"private_test_{name}"][rows] for name in ("logits", "labels"))
    )
    return _cell(values, "accuracy", percent)


def _largest_confusion(confusion: list[list[int]]) -> str:
    counts = np.array(confusion, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    true, predicted = np.unravel_index(shares.argmax(), shares.shape)
    return f"{NAMES[true]} taken for {NAMES[predicted]} ({percent(shares[true, predicted])})"


def comparison_phrases(runs: dict[str, Run | None], baseline: Run | None) -> dict[str, str]:
    """The numbers that the comparison, the abstract and the conclusions put into their prose, as
    text.

    Args:
        runs: by the experiments' names; None for a run that is not recorded yet.
        baseline: the classical baseline's run.
    """
    source = _source_report()
    custom = runs.get("custom_cnn")
    phrases = {
        "hog_private": accuracy(baseline, "private_test"),
        "custom_cnn_source": source["custom_cnn"],
        "custom_cnn_parameters": count(custom.config["parameters"]) if custom else NOT_RECORDED,
        "custom_cnn_macro_f1": _cell(
            custom.metrics["private_test"] if custom else None, "macro_f1", score
        ),
        "custom_cnn_reading": error_reading(custom),
    }
    for name, run in runs.items():
        phrases |= {
            f"{name}_private": accuracy(run, "private_test"),
            f"{name}_both": accuracy(run, "both"),
        }
    missing = [EXPERIMENTS[name].title for name, run in runs.items() if run is None]
    phrases["speed_reading"] = speed_reading()
    phrases["recorded_state"] = (
        f"Not recorded yet: {'; '.join(missing)}." if missing else "All networks are recorded."
    )
    return phrases


def card_phrases(name: str, run: Run | None) -> dict[str, str]:
    """What the model card says of an experiment and its run, as text."""
    from fer_lib import models, networks

    network = networks.build(EXPERIMENTS[name], pretrained=False)
    return {
        "best": EXPERIMENTS[name].title,
        "best_parameters": count(network.count_params()),
        "best_multiply_adds": count(models.multiply_adds(network) * EXPERIMENTS[name].passes),
        "best_private": accuracy(run, "private_test"),
        "best_unseen": accuracy_unseen(run),
    }


def _source_report() -> dict[str, str]:
    """The source report's accuracies by experiment, with the 95 % Wilson interval that their number
    of images gives."""
    source = read_json(profiles.RESULTS / "published.json")["source_report"]
    texts = {}
    for name, value in source["accuracy_percent"].items():
        interval = binomtest(round(value / 100 * source["images"]), source["images"]).proportion_ci(
            method="wilson"
        )
        texts[name] = (
            f"{value}\N{NO-BREAK SPACE}% ({100 * interval.low:.1f}–{100 * interval.high:.1f})"
        )
    return texts
