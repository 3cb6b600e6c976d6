"""Models compared on the same images."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from fer_lib.analysis.benchmarks import speed_reading
from fer_lib.analysis.leakage import without_leakage
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import paired_difference
from fer_lib.evaluation.metrics import classification_metrics
from fer_lib.experiments import CONTROLS, EXPERIMENTS
from fer_lib.io import read_json
from fer_lib.models.complexity import multiply_adds
from fer_lib.models.registry import build_model
from fer_lib.paths import RESULTS
from fer_lib.report.format import (
    NOT_RECORDED,
    SPLIT_TITLES,
    count,
    percent,
    points,
    score,
    score_change,
)
from fer_lib.runs.run import Run
from fer_lib.training.baselines import chance_scores, majority_logits

UNSEEN = "PrivateTest without what Training holds"
_NOT_RECORDED_SENTENCE = "This experiment is not recorded yet."


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
    for name, base in CONTROLS:
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
        name for pair in CONTROLS for name in pair if EXPERIMENTS[name].model == "mobilenetv2"
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
    paired = paired_difference(ours.predictions, theirs.predictions, split)
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
        name: np.array([split[emotion] for emotion in EMOTION_NAMES])
        for name, split in counts.items()
    }
    tests = {"public_test": by_split["PublicTest"], "private_test": by_split["PrivateTest"]}
    tests["both"] = sum(tests.values())
    labels = {
        split: np.repeat(np.arange(len(EMOTION_NAMES)), numbers) for split, numbers in tests.items()
    }
    return {
        "Chance": {split: chance_scores(values) for split, values in labels.items()},
        "Largest class": {
            split: classification_metrics(
                majority_logits(len(values), by_split["Training"]), values
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
    if averaged := run.experiment.swa_epochs:
        passed = history["val_accuracy"].iloc[-averaged:]
        return (
            f"The run took {len(history)} epochs. The weights after each of the last {averaged} are averaged; with them alone, and without "
            f"the mirror image, the accuracy on PublicTest lies between {percent(passed.min())} and {percent(passed.max())}. The average of "
            f"the weights reaches {accuracy(run, 'public_test')}{', with the mirror image' if run.experiment.tta == 'flip' else ''}. In the "
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
    rows = without_leakage(run.predictions, "private_test", near)
    values = classification_metrics(
        *(run.predictions[f"private_test_{name}"][rows] for name in ("logits", "labels"))
    )
    return _cell(values, "accuracy", percent)


def _largest_confusion(confusion: list[list[int]]) -> str:
    counts = np.array(confusion, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    true, predicted = np.unravel_index(shares.argmax(), shares.shape)
    return f"{EMOTION_NAMES[true]} taken for {EMOTION_NAMES[predicted]} ({percent(shares[true, predicted])})"


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
    from fer_lib.experiments import EXPERIMENTS
    from fer_lib.report.format import count

    network = build_model(EXPERIMENTS[name], pretrained=False)
    return {
        "best": EXPERIMENTS[name].title,
        "best_parameters": count(network.count_params()),
        "best_multiply_adds": count(multiply_adds(network) * EXPERIMENTS[name].forward_passes),
        "best_private": accuracy(run, "private_test"),
        "best_unseen": accuracy_unseen(run),
    }


def _source_report() -> dict[str, str]:
    """The source report's accuracies by experiment, with the 95 % Wilson interval that their number
    of images gives."""
    source = read_json(RESULTS / "published.json")["source_report"]
    texts = {}
    for name, value in source["accuracy_percent"].items():
        interval = binomtest(round(value / 100 * source["images"]), source["images"]).proportion_ci(
            method="wilson"
        )
        texts[name] = (
            f"{value}\N{NO-BREAK SPACE}% ({100 * interval.low:.1f}–{100 * interval.high:.1f})"
        )
    return texts
