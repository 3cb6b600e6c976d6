"""What goes beyond the source report: its ablations, the imbalance answered after training, and where the networks stand among others."""

import numpy as np
import pandas as pd

from fer_lib import evaluation, models, profiles, training
from fer_lib.emotions import NAMES
from fer_lib.experiments import ABLATIONS, EXPERIMENTS
from fer_lib.files import read_json
from fer_lib.runs import Run
from fer_lib.tables import NOT_RECORDED, percent, points, score, signed

ADJUSTMENTS = np.linspace(0, 1.5, 31)
MEASURES = ("accuracy", "macro_f1")


def ablation_differences(runs: list[Run]) -> dict[str, dict]:
    """What each ablation does to accuracy and macro-F1 on PublicTest, over the seeds that are recorded of it and of what it is compared with.

    Args:
        runs: every finished run.

    Returns:
        By the ablation's name: `seeds`; and for `accuracy` and `macro_f1` the mean difference over the seeds with its 95 % paired
        bootstrap interval, [difference, low, high]: the images are resampled, the seeds are not.
    """
    found = {}
    for name, base in ABLATIONS.items():
        ours, theirs = ({run.config["seed"]: run for run in runs if run.config["experiment"] == key} for key in (name, base))
        seeds = sorted(ours.keys() & theirs.keys())
        if not seeds:
            continue
        drawn, there = [], []
        for seed in seeds:
            pair = [ours[seed], theirs[seed]]
            confusions = evaluation.resampled_confusions([run.predictions for run in pair], "public_test")
            drawn.append([evaluation.scores(confusion) for confusion in confusions])
            there.append([run.metrics["public_test"] for run in pair])
        found[name] = {"seeds": seeds}
        for measure in MEASURES:
            difference = np.mean([a[measure] - b[measure] for a, b in there])
            samples = np.mean([a[measure] - b[measure] for a, b in drawn], axis=0)
            found[name][measure] = [float(difference), *evaluation.interval(samples)]
    return found


def ablations(runs: list[Run]) -> pd.DataFrame:
    """The ablations, a row each: what was changed, and what came of it."""
    found, rows = ablation_differences(runs), []
    for name, base in ABLATIONS.items():
        row = {"changed": EXPERIMENTS[name].title, "compared with": EXPERIMENTS[base].title, "seeds": NOT_RECORDED}
        if name in found:
            values = found[name]
            (difference, *limits), (f1, low, high) = (values[measure] for measure in MEASURES)
            row["seeds"] = ", ".join(map(str, values["seeds"]))
            row["accuracy, points"] = points(difference, limits)
            row["macro-F1"] = f"{signed(f1, 3)} ({signed(low, 3)} to {signed(high, 3)})"
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def adjusted(logits: np.ndarray, counts: np.ndarray, strength: float) -> np.ndarray:
    """Logits from which the logarithm of each class's share of Training is taken (Menon et al. 2021), times `strength`.

    Args:
        logits: float [n, 7]. counts: integers [7], images of each emotion in Training.
    """
    return logits - strength * np.log(counts / counts.sum())


def adjustment(run: Run | None, counts: dict[str, int]) -> pd.DataFrame:
    """What adjusting the logits does: the strength with the highest macro-F1 on PublicTest, and accuracy and macro-F1 with and without it.

    Args:
        counts: images of Training by emotion.
    """
    if run is None:
        return pd.DataFrame({"adjustment": [NOT_RECORDED]})
    shares, p = np.array([counts[name] for name in NAMES]), run.predictions

    def metrics(split: str, strength: float) -> dict:
        return evaluation.metrics(adjusted(p[f"{split}_logits"], shares, strength), p[f"{split}_labels"])

    best = max(ADJUSTMENTS, key=lambda strength: metrics("public_test", strength)["macro_f1"])
    rows = []
    for title, strength in (("none", 0.0), (f"{best:.2f}, the best on PublicTest", best), ("1, all classes alike", 1.0)):
        row = {"adjustment": title}
        for split, heading in (("public_test", "PublicTest"), ("private_test", "PrivateTest")):
            values = metrics(split, strength)
            row[f"accuracy, {heading}"] = percent(values["accuracy"], values["intervals"]["accuracy"])
            row[f"macro-F1, {heading}"] = score(values["macro_f1"], values["intervals"]["macro_f1"])
        rows.append(row)
    return pd.DataFrame(rows)


def sizes(runs: dict[str, Run | None]) -> list[dict]:
    """Parameters, multiply-adds of an answer and accuracy on PrivateTest of our networks and of published ones, for a picture.

    Args:
        runs: ours, by the experiments' names; those that are None are left out.

    Returns:
        A list of `name`, `parameters`, `multiply_adds` (None where unknown), `accuracy` (0–1), `interval` (of ours; else None) and `fault`.
    """
    ours = []
    for name, run in runs.items():
        if run is None:
            continue
        network = training.build(EXPERIMENTS[name], pretrained=False)
        private = run.metrics["private_test"]
        ours.append({
            "name": EXPERIMENTS[name].title,
            "parameters": network.count_params(),
            "multiply_adds": models.multiply_adds(network) * EXPERIMENTS[name].passes,
            "accuracy": private["accuracy"],
            "interval": private["intervals"]["accuracy"],
            "fault": None,
        })  # fmt: skip
    published = read_json(profiles.RESULTS / "published.json")["networks"]["rows"]
    return ours + [{**row, "accuracy": row["accuracy_percent"] / 100, "interval": None} for row in published]


def published() -> pd.DataFrame:
    """The published accuracies of the picture, with what their protocols lack."""
    table = pd.DataFrame(read_json(profiles.RESULTS / "published.json")["networks"]["rows"])
    table["accuracy"] = [f"{value:g}\N{NO-BREAK SPACE}%" for value in table["accuracy_percent"]]
    table["parameters"] = [f"{value / 1e6:g} million" for value in table["parameters"]]
    return table[["name", "parameters", "accuracy", "measured_on", "fault"]].fillna("none known")
