"""Tables and phrases: numbers become text here, each accuracy with its interval."""

import numpy as np
import pandas as pd

from fer_lib import baselines, evaluation, profiles
from fer_lib.emotions import NAMES
from fer_lib.experiments import Experiment
from fer_lib.files import read_json
from fer_lib.runs import Run

NOT_RECORDED = "not recorded yet"
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


def count(value: int) -> str:
    """`1.19 million` for a large number, the number itself for a small one."""
    return f"{value / 1e6:.2f} million" if value >= 1e5 else f"{value:,}"


def show(table: pd.DataFrame):
    """The table as notebooks display it: no index, numbers grouped by thousands."""
    return table.style.hide(axis="index").format(thousands=",", precision=3)


def class_counts(counts: dict[str, dict[str, int]]) -> pd.DataFrame:
    """One row for each emotion and one for all, one column for each split."""
    table = pd.DataFrame(counts).rename_axis("emotion").reset_index()
    return pd.concat([table, pd.DataFrame([{"emotion": "all", **table[list(counts)].sum()}])], ignore_index=True)


def configuration(experiment: Experiment) -> pd.DataFrame:
    """An experiment's settings, one row each."""
    values = experiment.to_dict()
    values |= {f"model: {key}": value for key, value in values.pop("model_options").items()}
    return pd.DataFrame({"setting": list(values), "value": [str(value) for value in values.values()]})


def layers(experiment: Experiment) -> pd.DataFrame:
    """`models.layer_table` of an experiment's network, with a row of sums."""
    from fer_lib import models, training  # Keras takes seconds to import, and most tables do without

    table = models.layer_table(training.build(experiment, pretrained=False))
    sums = table[["parameters", "trainable", "multiply_adds"]].sum()
    return pd.concat([table, pd.DataFrame([{"layer": "all", "kind": "", "output": "", **sums}])], ignore_index=True)


def trials() -> pd.DataFrame:
    """The trials that chose the custom CNN, as `benchmarks/custom_cnn_trials.py` recorded them."""
    table = pd.DataFrame(read_json(profiles.RESULTS / "analysis" / "custom_cnn_trials.json"))
    table["blocks"] = ["; ".join(f"{depth} × {width}" for width, depth in blocks) for blocks in table["blocks"]]
    pairs = zip(table["accuracy"], table.pop("accuracy_interval"), strict=True)
    table["accuracy"] = [percent(*pair) for pair in pairs]
    order = ["candidate", "epochs", "best_epoch", "val_loss", "accuracy", "blocks", "stem", "block_dropout", "head_dropout"]
    order += ["momentum", "augmentation", "parameters", "multiply_adds", "images_per_second"]
    return table[order].rename(columns={"accuracy": "accuracy, PublicTest", "val_loss": "loss, PublicTest"})


def trial_phrases() -> dict[str, str]:
    """The numbers that the custom CNN's page puts into its prose about the trials, as text."""
    table = trials()
    fewest = table["epochs"].min()
    short, long = table[table["epochs"] == fewest], table[table["epochs"] > fewest]
    phrases = {"short_trial_epochs": str(fewest), "best_short_trial": short.loc[short["loss, PublicTest"].idxmin(), "candidate"]}
    for which, (_, row) in zip(("first", "second"), long.iterrows(), strict=True):
        phrases |= {
            f"{which}_long_trial_epochs": str(row["epochs"]),
            f"{which}_long_trial_best_epoch": str(row["best_epoch"]),
            f"{which}_long_trial_loss": f"{row['loss, PublicTest']:.4f}",
            f"{which}_long_trial_accuracy": row["accuracy, PublicTest"],
        }
    return phrases


def run_details(run: Run | None, profile_name: str) -> pd.DataFrame:
    """What a reader needs to trust or repeat a run: how it ended, how long it took, on what."""
    if run is None:
        return pd.DataFrame({"": ["state"], "run": [NOT_RECORDED]})
    config = run.config
    rows = {
        "profile": profile_name,
        "seed": config["seed"],
        "epochs": f"{config['epochs_run']} (stopped by: {config['stopped_by']})",
        "best epoch": config["best_epoch"],
        "hours": f"{config['hours']:.2f}",
        "images a second, validation included": f"{config['images_per_second']:.0f}",
        "hardware": f"{config['hardware']['processor']}, {config['hardware']['cores']} cores",
        "versions": ", ".join(f"{name} {version}" for name, version in config["versions"].items()),
        "data, SHA-256": config["data_sha256"][:16] + "…",
        "pretrained weights, SHA-256": config["pretrained_weights_sha256"][:16] + "…" if config["pretrained_weights_sha256"] else "none",
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
    rows = []
    for title, metrics in {**_without_images(counts), **known}.items():
        row = {"model": title}
        for split, split_title in SPLIT_TITLES.items():
            row[f"accuracy, {split_title}"] = _cell(metrics.get(split), "accuracy", percent)
        row["balanced accuracy, PrivateTest"] = _cell(metrics.get("private_test"), "balanced_accuracy", score)
        row["macro-F1, PrivateTest"] = _cell(metrics.get("private_test"), "macro_f1", score)
        rows.append(row)
    return pd.DataFrame(rows)


def _cell(metrics: dict | None, name: str, phrase) -> str:
    return NOT_RECORDED if metrics is None else phrase(metrics[name], metrics.get("intervals", {}).get(name))


def differences(ours: Run | None, runs: dict[str, Run | None], split: str = "private_test") -> pd.DataFrame:
    """What a model gains over each of the others on the same images, a row each.

    Args:
        runs: the others, by title; None for a run that is not recorded yet.
    """
    rows = []
    for title, run in runs.items():
        if run is None or ours is None:
            rows.append({"compared with": title, "difference, points": NOT_RECORDED})
            continue
        paired = evaluation.paired_difference(ours.predictions, run.predictions, split)
        low, high = paired["interval"]
        rows.append(
            {
                "compared with": title,
                "difference, points": f"{100 * paired['difference']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})",
                "only ours right": f"{paired['only_ours']:,}",
                "only theirs right": f"{paired['only_theirs']:,}",
                "McNemar p": "< 0.0001" if paired["p_value"] < 1e-4 else f"{paired['p_value']:.4f}",
            }
        )
    return pd.DataFrame(rows).fillna("")


def _without_images(counts: dict[str, dict[str, int]]) -> dict[str, dict]:
    """Metrics of guessing and of always answering the largest class of Training, by split."""
    by_split = {name: np.array([split[emotion] for emotion in NAMES]) for name, split in counts.items()}
    tests = {"public_test": by_split["PublicTest"], "private_test": by_split["PrivateTest"]}
    tests["both"] = sum(tests.values())
    labels = {split: np.repeat(np.arange(len(NAMES)), numbers) for split, numbers in tests.items()}
    return {
        "Chance": {split: baselines.chance(values) for split, values in labels.items()},
        "Largest class": {
            split: evaluation.metrics(baselines.majority_logits(len(values), by_split["Training"]), values)
            for split, values in labels.items()
        },
    }


def run_phrases(run: Run | None) -> dict[str, str]:
    """The numbers that a model's page puts into its prose, as text; each says so where the run is not recorded yet."""
    names = ("epochs", "best_epoch", "best_train", "best_val", "gap", "last_gap", "private", "private_macro_f1", "both")
    names += ("hardest", "easiest", "confusion")
    if run is None:
        return dict.fromkeys(names, NOT_RECORDED)
    history = run.history
    best, last = history.iloc[run.config["best_epoch"] - 1], history.iloc[-1]
    private, both = run.metrics["private_test"], run.metrics["both"]
    f1 = {name: values["f1"] for name, values in private["per_class"].items()}
    phrases = (
        str(len(history)),
        str(run.config["best_epoch"]),
        percent(best["accuracy"]),
        accuracy(run, "public_test"),
        f"{100 * (best['accuracy'] - best['val_accuracy']):.1f}",
        f"{100 * (last['accuracy'] - last['val_accuracy']):.1f}",
        percent(private["accuracy"], private["intervals"]["accuracy"]),
        score(private["macro_f1"], private["intervals"]["macro_f1"]),
        percent(both["accuracy"], both["intervals"]["accuracy"]),
        min(f1, key=f1.get),
        max(f1, key=f1.get),
        _largest_confusion(private["confusion"]),
    )
    return dict(zip(names, phrases, strict=True))


def accuracy(run: Run | None, split: str) -> str:
    """A run's accuracy with its 95 % interval, or that it is not recorded yet."""
    return _cell(run.metrics.get(split) if run else None, "accuracy", percent)


def _largest_confusion(confusion: list[list[int]]) -> str:
    counts = np.array(confusion, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    true, predicted = np.unravel_index(shares.argmax(), shares.shape)
    return f"{NAMES[true]} taken for {NAMES[predicted]} ({percent(shares[true, predicted])})"


def comparison_phrases(runs: dict[str, Run | None], baseline: Run | None) -> dict[str, str]:
    """The numbers that the comparison, the abstract and the conclusions put into their prose, as text.

    Args:
        runs: by the experiments' names; None for a run that is not recorded yet.
        baseline: the classical baseline's run.
    """
    source = read_json(profiles.RESULTS / "published.json")["source_report"]
    phrases = {"hog_private": accuracy(baseline, "private_test")}
    for name, run in runs.items():
        about = run_phrases(run)
        phrases |= {
            f"{name}_private": accuracy(run, "private_test"),
            f"{name}_both": accuracy(run, "both"),
            f"{name}_macro_f1": about["private_macro_f1"],
            f"{name}_source": f"{source[name]}\N{NO-BREAK SPACE}%",
            f"{name}_hardest": about["hardest"],
            f"{name}_easiest": about["easiest"],
            f"{name}_confusion": about["confusion"],
            f"{name}_parameters": count(run.config["parameters"]) if run else NOT_RECORDED,
        }
    missing = [name for name, run in runs.items() if run is None]
    phrases["recorded_state"] = (
        f"Not recorded yet, and therefore absent from the figures below: {', '.join(missing)}." if missing else "All three networks are recorded."
    )
    return phrases
