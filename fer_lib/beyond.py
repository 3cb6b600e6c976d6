"""What goes beyond the source report: its ablations, the imbalance answered after training, and where the networks stand among others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from fer_lib import evaluation, models, profiles, runs, training
from fer_lib.emotions import NAMES
from fer_lib.experiments import ABLATIONS, ENSEMBLES, EXPERIMENTS, SMALL_HEADLINES, TRANSFERS, Experiment
from fer_lib.files import read_json
from fer_lib.runs import Run
from fer_lib.tables import NOT_RECORDED, SPLIT_TITLES, accuracy, count, percent, points, score, signed

ADJUSTMENTS = np.linspace(0, 1.5, 31)
MEASURES = ("accuracy", "macro_f1")


def paired_differences(every: list[Run], pairs: Mapping[str, str]) -> dict[str, dict]:
    """What each of some experiments does to accuracy and macro-F1 on PublicTest, over the seeds recorded of it and of what it is compared with.

    Args:
        every: every finished run.
        pairs: what each is compared with, by the experiments' names: `ABLATIONS` or `TRANSFERS`.

    Returns:
        By the experiment's name: `seeds`; and for `accuracy` and `macro_f1` the mean difference over the seeds with its 95 % paired
        bootstrap interval, [difference, low, high]: the images are resampled, the seeds are not.
    """
    found = {}
    for name, base in pairs.items():
        ours, theirs = ({run.config["seed"]: run for run in every if run.config["experiment"] == key} for key in (name, base))
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


def ablations(every: list[Run]) -> pd.DataFrame:
    """The ablations, a row each: what was changed, and what came of it."""
    found, rows = paired_differences(every, ABLATIONS), []
    for name, base in ABLATIONS.items():
        row = {"changed": EXPERIMENTS[name].title, "compared with": EXPERIMENTS[base].title}
        rows.append(row | _difference(found.get(name)))
    return pd.DataFrame(rows).fillna("")


def _difference(found: dict | None) -> dict[str, str]:
    if found is None:
        return {"seeds": NOT_RECORDED}
    (difference, *limits), (f1, low, high) = (found[measure] for measure in MEASURES)
    return {
        "seeds": ", ".join(map(str, found["seeds"])),
        "accuracy, points": points(difference, limits),
        "macro-F1": f"{signed(f1, 3)} ({signed(low, 3)} to {signed(high, 3)})",
    }


def transfers(every: list[Run]) -> pd.DataFrame:
    """What a start from other faces buys, by the share of Training that is seen: a row each."""
    found, rows = paired_differences(every, TRANSFERS), []
    first = {name: next((run for run in every if run.config["experiment"] == name), None) for pair in TRANSFERS.items() for name in pair}
    for name, base in TRANSFERS.items():
        row = {"share of Training": f"{100 * EXPERIMENTS[name].training_share:.0f}\N{NO-BREAK SPACE}%", "epochs": EXPERIMENTS[name].epochs}
        row |= {"from weights of its own": accuracy(first[base], "public_test"), "from other faces": accuracy(first[name], "public_test")}
        rows.append(row | _difference(found.get(name)))
    return pd.DataFrame(rows).fillna("")


@dataclass(frozen=True)
class Ensemble:
    """Runs whose probabilities are averaged. It has what tables ask of a run: predictions and metrics.

    Attributes:
        title: how tables call it. members: runs that were scored on the same images.
    """

    title: str
    members: tuple[Run, ...]

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """As `Run.predictions`: the logarithms of the averaged probabilities stand in for logits; rows as in the first member's.

        Raises:
            RunError: a member was scored on other images, or in another order.
        """
        first = self.members[0].predictions
        result = {name: values for name, values in first.items() if not name.endswith("_logits")}
        for member in self.members:
            if not all(np.array_equal(member.predictions.get(name), values) for name, values in result.items()):
                raise runs.RunError(f"{member.folder}: not scored on the images of {self.members[0].folder}, in their order")
        for name in first.keys() - result.keys():
            mean = np.mean([evaluation.probabilities(member.predictions[name]) for member in self.members], axis=0)
            result[name] = np.log(mean).astype(np.float32)
        return result

    @cached_property
    def metrics(self) -> dict:
        """As `Run.metrics`."""
        return evaluation.metrics_of_splits(self.predictions)


def ensembles(root: Path) -> dict[str, Ensemble | None]:
    """The ensembles by title, of the runs under `root`; None where a member is not there yet."""
    found = {}
    for title, keys in ENSEMBLES.items():
        members = [runs.find(root, *runs.parts_of(key)) for key in keys]
        found[title] = None if None in members else Ensemble(title, tuple(members))
    return found


def small_networks(every: list[Run], together: Iterable[Ensemble | None]) -> pd.DataFrame:
    """Size and scores of our small networks, seed by seed, and of the ensembles: a row each.

    Args:
        every: every finished run. together: ensembles of them.
    """
    ours = [(f"{_experiment(run).title}, seed {run.config['seed']}", run, [run]) for run in every if run.config["experiment"] in SMALL_HEADLINES]
    ours += [(ensemble.title, ensemble, ensemble.members) for ensemble in together if ensemble]
    rows = []
    for title, scored, members in ours:
        sizes = np.sum([_size(_experiment(run)) for run in members], axis=0)
        row = {"network": title, "parameters": count(sizes[0]), "multiply-adds an answer": count(sizes[1])}
        for split, heading in SPLIT_TITLES.items():
            row[f"accuracy, {heading}"] = accuracy(scored, split)
        private = scored.metrics["private_test"]
        row["macro-F1, PrivateTest"] = score(private["macro_f1"], private["intervals"]["macro_f1"])
        rows.append(row)
    return pd.DataFrame(rows or [{"network": NOT_RECORDED}])


def _experiment(run: Run) -> Experiment:
    return EXPERIMENTS[run.config["experiment"]]


def _size(experiment: Experiment) -> tuple[int, int]:
    """Parameters, and the multiply-adds of an answer."""
    network = training.build(experiment, pretrained=False)
    return network.count_params(), models.multiply_adds(network) * experiment.passes


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


def sizes(networks: dict[str, Run | None], together: Iterable[Ensemble | None] = ()) -> list[dict]:
    """Parameters, multiply-adds of an answer and accuracy on PrivateTest of our networks and of published ones, for a picture.

    Args:
        networks: ours, by the experiments' names. together: ensembles of ours. What is None is left out.

    Returns:
        A list of `name`, `parameters`, `multiply_adds` (None where unknown), `accuracy` (0–1), `interval` (of ours; else None) and `fault`.
    """
    ours = [(EXPERIMENTS[name].title, run, [EXPERIMENTS[name]]) for name, run in networks.items() if run]
    ours += [(ensemble.title, ensemble, [_experiment(run) for run in ensemble.members]) for ensemble in together if ensemble]
    rows = []
    for title, scored, experiments in ours:
        parameters, multiply_adds = np.sum([_size(experiment) for experiment in experiments], axis=0)
        private = scored.metrics["private_test"]
        rows.append({
            "name": title,
            "parameters": int(parameters),
            "multiply_adds": int(multiply_adds),
            "accuracy": private["accuracy"],
            "interval": private["intervals"]["accuracy"],
            "fault": None,
        })  # fmt: skip
    published = read_json(profiles.RESULTS / "published.json")["networks"]["rows"]
    return rows + [{**row, "accuracy": row["accuracy_percent"] / 100, "interval": None} for row in published]


def published() -> pd.DataFrame:
    """The published accuracies of the picture, with what their protocols lack."""
    table = pd.DataFrame(read_json(profiles.RESULTS / "published.json")["networks"]["rows"])
    table["accuracy"] = [f"{value:g}\N{NO-BREAK SPACE}%" for value in table["accuracy_percent"]]
    table["parameters"] = [f"{value / 1e6:g} million" for value in table["parameters"]]
    return table[["name", "parameters", "accuracy", "measured_on", "fault"]].fillna("none known")
