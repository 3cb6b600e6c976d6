"""What goes beyond the source report: its ablations, the imbalance answered after training, and
where the networks stand among others."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from fer_lib.analysis.comparison import accuracy
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import bootstrap_confusions, confusion_scores, percentile_interval
from fer_lib.evaluation.metrics import classification_metrics, metrics_by_split
from fer_lib.evaluation.tta_predictions import TTA_PATH, tta_predictions
from fer_lib.experiments import (
    ENSEMBLE_TTA,
    ENSEMBLES,
    EXPERIMENTS,
    SE_CNN_EXPERIMENTS,
    TRANSFERS,
    Experiment,
)
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
    signed,
)
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import Run, RunError, parse_run_key
from fer_lib.runs.store import find_run, find_runs
from fer_lib.tta import FLIP, NO_TTA, views

ADJUSTMENTS = np.linspace(0, 1.5, 31)
MEASURES: Mapping[str, str] = MappingProxyType(
    {"accuracy": "accuracy", "macro_f1": "macro-F1"}
)  # what texts call them


def paired_differences(every: list[Run], pairs: Mapping[str, str]) -> dict[str, dict]:
    """What each of some experiments does to accuracy and macro-F1 on PublicTest, over the seeds
    recorded of it and of what it is compared with.

    Args:
        every: every finished run.
        pairs: what each is compared with, by the experiments' names: `ABLATIONS`, `SUCCESSORS`
            or `TRANSFERS`.

    Returns:
        By the experiment's name: `seeds`; for `accuracy` and `macro_f1` the mean difference over
        the seeds with its 95 % paired
        bootstrap interval, [difference, low, high]: the images are resampled, the seeds are not;
        and `by_seed`, for each of the two the
        differences of the single seeds.
    """
    found = {}
    for name, base in pairs:
        ours, theirs = (
            {run.config["seed"]: run for run in every if run.config["experiment"] == key}
            for key in (name, base)
        )
        seeds = sorted(ours.keys() & theirs.keys())
        if not seeds:
            continue
        drawn, there = [], []
        for seed in seeds:
            pair = [ours[seed], theirs[seed]]
            confusions = bootstrap_confusions([run.predictions for run in pair], "public_test")
            drawn.append([confusion_scores(confusion) for confusion in confusions])
            there.append([run.metrics["public_test"] for run in pair])
        found[name] = {
            "seeds": seeds,
            "by_seed": {
                measure: [a[measure] - b[measure] for a, b in there] for measure in MEASURES
            },
        }
        for measure, differences in found[name]["by_seed"].items():
            samples = np.mean([a[measure] - b[measure] for a, b in drawn], axis=0)
            found[name][measure] = [float(np.mean(differences)), *percentile_interval(samples)]
    return found


def changes(every: list[Run], pairs: Mapping[str, str]) -> pd.DataFrame:
    """The recorded experiments of `ABLATIONS` or `SUCCESSORS`, a row each: what was changed, and
    what came of it.

    `changes_reading` names the others.
    """
    pairs = dict(pairs)
    found = paired_differences(every, pairs.items())
    rows = [
        {
            "changed": EXPERIMENTS[name].title,
            "compared with": EXPERIMENTS[pairs[name]].title,
            **_difference(values),
        }
        for name, values in found.items()
    ]
    return pd.DataFrame(rows or [{"changed": NOT_RECORDED}])


def changes_reading(every: list[Run], pairs: Mapping[str, str]) -> str:
    """Which changes raise and lower either measure, by its interval, and of which accuracy does not
    decide, in whole sentences.

    The numbers stand in `changes`.
    """
    pairs = dict(pairs)
    found = paired_differences(every, pairs.items())
    verdicts = {}
    for measure, title in MEASURES.items():
        raises, lowers, undecided = [], [], []
        for name, values in found.items():
            _, low, high = values[measure]
            against = (
                ""
                if pairs[name] in ("ablation_baseline", "ablation_baseline_float32")
                else f" against {EXPERIMENTS[pairs[name]].title}"
            )
            (raises if low > 0 else lowers if high < 0 else undecided).append(
                EXPERIMENTS[name].title + against
            )
        verdicts |= {f"Raises {title}": raises, f"Lowers {title}": lowers}
        if measure == "accuracy":
            verdicts["Not decided, the interval holds 0"] = undecided
    sentences = [f"{verdict}: {'; '.join(names)}." for verdict, names in verdicts.items() if names]
    if missing := [EXPERIMENTS[name].title for name in pairs if name not in found]:
        sentences.append(f"Not recorded yet: {'; '.join(missing)}.")
    return " ".join(sentences)


def seeds_reading(every: list[Run], pairs: Mapping[str, str]) -> str:
    """How far the seeds of one change lie apart on PublicTest, and where they contradict each
    other, in whole sentences.

    No interval of the images knows it.

    Args:
        as `paired_differences`.
    """
    found = {
        name: values["by_seed"]
        for name, values in paired_differences(every, pairs).items()
        if len(values["seeds"]) > 1
    }
    if not found:
        return "No change is recorded with more than one seed."
    accuracy_apart, macro_f1_apart = (
        [np.ptp(by_seed[measure]) for by_seed in found.values()] for measure in MEASURES
    )
    sentences = [
        f"With another seed the same change gives another difference; of those recorded with several ({len(found)} of {len(pairs)}) the seeds lie apart "
        f"by {100 * np.median(accuracy_apart):.1f} points of accuracy in the median and {100 * max(accuracy_apart):.1f} at most, "
        f"and by {np.median(macro_f1_apart):.3f} and {max(macro_f1_apart):.3f} of macro-F1."
    ]
    contrary = [
        EXPERIMENTS[name].title
        for name, by_seed in found.items()
        if min(by_seed["accuracy"]) < 0 < max(by_seed["accuracy"])
    ]
    if contrary:
        sentences.append(
            f"They contradict each other on whether accuracy rises: {'; '.join(contrary)}."
        )
    return " ".join(sentences)


def _difference(found: dict | None) -> dict[str, str]:
    if found is None:
        return {"seeds": NOT_RECORDED}
    (accuracy_change, *accuracy_limits), (macro_f1_change, *macro_f1_limits) = (
        found["accuracy"],
        found["macro_f1"],
    )
    return {
        "seeds": ", ".join(map(str, found["seeds"])),
        "accuracy, points": points(accuracy_change, accuracy_limits),
        "macro-F1": score_change(macro_f1_change, macro_f1_limits),
    }


def transfers(every: list[Run]) -> pd.DataFrame:
    """What a start from other faces buys on PublicTest, by the share of Training that is seen: a
    row each, means over the common seeds."""
    found, rows = paired_differences(every, TRANSFERS), []
    for name, base in TRANSFERS:
        experiment = EXPERIMENTS[name]
        row = {"share of Training": _share(experiment), "epochs": experiment.epochs}
        if name in found:
            for key, heading in ((base, "accuracy without"), (name, "accuracy with")):
                mine = [
                    run
                    for run in every
                    if run.config["experiment"] == key
                    and run.config["seed"] in found[name]["seeds"]
                ]
                row[heading] = percent(
                    np.mean([run.metrics["public_test"]["accuracy"] for run in mine])
                )
        rows.append(row | _difference(found.get(name)))
    return pd.DataFrame(rows).fillna("")


def transfers_reading(every: list[Run]) -> str:
    """Which other faces the recorded transfers started from, and what that does to accuracy, in
    whole sentences."""
    faces = {
        str(run.config["pretraining"]): run.config["pretraining"]
        for run in every
        if "pretraining" in run.config
    }
    sentences = [
        f"The other faces: {mine['name']}, {mine['images']:,} of {', '.join(mine['classes'])}."
        for mine in faces.values()
    ]
    found = paired_differences(every, TRANSFERS)
    changes = []
    for name, values in found.items():
        difference, *limits = values["accuracy"]
        changes.append(
            f"at {_share(EXPERIMENTS[name])} of Training by {points(difference, limits)} points"
        )
    if changes:
        sentences.append(f"Starting from them changes accuracy {'; '.join(changes)}.")
    if missing := [_share(EXPERIMENTS[name]) for name, _ in TRANSFERS if name not in found]:
        sentences.append(f"Not recorded yet: at {', '.join(missing)}.")
    return " ".join(sentences)


def _share(experiment: Experiment) -> str:
    return f"{100 * experiment.train_fraction:.0f}\N{NO-BREAK SPACE}%"


@dataclass(frozen=True)
class Ensemble:
    """Runs whose probabilities are averaged. It has what tables ask of a run: predictions and
    metrics.

    Attributes:
        title: how tables call it. members: runs that were scored on the same images; one alone
            is what it is.
        shifted: each member's answers are those averaged over shifted pictures
            (`shifted_answers.predictions`).
    """

    title: str
    members: tuple[Run, ...]
    shifted: bool = False

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """As `Run.predictions`: the logarithms of the averaged probabilities stand in for logits;
        rows as in the first member's.

        Raises:
            RunError: a member was scored on other images, or in another order.
        """
        parts = [
            tta_predictions(member) if self.shifted else member.predictions
            for member in self.members
        ]
        result = {name: values for name, values in parts[0].items() if not name.endswith("_logits")}
        for member, part in zip(self.members, parts, strict=True):
            if not all(np.array_equal(part.get(name), values) for name, values in result.items()):
                raise RunError(
                    f"{member.folder}: not scored on the images of {self.members[0].folder}, in their order"
                )
        for name in parts[0].keys() - result.keys():
            mean = np.mean([softmax(part[name]) for part in parts], axis=0)
            result[name] = np.log(mean).astype(np.float32)
        return result

    @cached_property
    def metrics(self) -> dict:
        """As `Run.metrics`."""
        return metrics_by_split(self.predictions)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Parameters, and the multiply-adds of an answer."""
        forward_passes = len(views(ENSEMBLE_TTA)) // 2 if self.shifted else 1
        parameters, multiply_adds = np.sum([_size(run.experiment) for run in self.members], axis=0)
        return int(parameters), forward_passes * int(multiply_adds)


def small_networks(root: Path) -> list[Ensemble]:
    """The small networks recorded under `root`, seed by seed, and the ensembles of which every
    member is; each also over shifted pictures.

    Over shifted pictures where answers to them are recorded, which is so for runs on FER2013 with
    weights.
    """
    named = [(f"{EXPERIMENTS[name].title}, seed\N{NO-BREAK SPACE}{run.config['seed']}", (run,))
             for run in find_runs(root) if (name := run.config["experiment"]) in SE_CNN_EXPERIMENTS]  # fmt: skip
    for title, keys in ENSEMBLES.items():
        members = tuple(find_run(root, *parse_run_key(key)) for key in keys)
        if None not in members:
            named.append((title, members))
    found = []
    for title, members in named:
        found.append(Ensemble(title, members))
        if all(
            member.config["profile"] == "full" and tta_predictions(member) for member in members
        ):
            found.append(Ensemble(f"{title}, over shifted pictures", members, shifted=True))
    return found


def best_ensemble(networks: list[Ensemble]) -> Ensemble | None:
    """Of those with several members the most accurate on PublicTest; None where there is none."""
    return max(
        (n for n in networks if len(n.members) > 1),
        key=lambda n: n.metrics["public_test"]["accuracy"],
        default=None,
    )


def pareto_front(networks: list[Ensemble]) -> list[Ensemble]:
    """Those that none beats on PublicTest with as few multiply-adds or fewer, the cheapest first.
    Of single networks seed 0 competes alone."""
    kept, competing = (
        [],
        [n for n in networks if len(n.members) > 1 or n.members[0].config["seed"] == 0],
    )
    for network in sorted(
        competing,
        key=lambda network: (network.size[1], -network.metrics["public_test"]["accuracy"]),
    ):
        if (
            not kept
            or network.metrics["public_test"]["accuracy"]
            > kept[-1].metrics["public_test"]["accuracy"]
        ):
            kept.append(network)
    return kept


def small_networks_table(networks: list[Ensemble]) -> pd.DataFrame:
    """Size and scores of `small_networks`, a row each."""
    rows = []
    for network in networks:
        parameters, multiply_adds = network.size
        row = {
            "network": network.title,
            "parameters": count(parameters),
            "multiply-adds an answer": f"{multiply_adds / 1e6:,.0f} million",
        }
        row |= {
            f"accuracy, {SPLIT_TITLES[split]}": accuracy(network, split)
            for split in ("public_test", "private_test")
        }
        private = network.metrics["private_test"]
        rows.append(
            row
            | {
                "macro-F1, PrivateTest": score(
                    private["macro_f1"], private["intervals"]["macro_f1"]
                )
            }
        )
    return pd.DataFrame(rows or [{"network": NOT_RECORDED}])


def shift_schemes() -> pd.DataFrame:
    """What averaging over shifted pictures does on PublicTest, as `shifted_answers.record_schemes`
    wrote it: a row for each scheme."""
    rows = []
    for row in read_json(TTA_PATH)["rows"]:
        scores = {
            name: phrase(row[name], row["intervals"][name])
            for name, phrase in (("accuracy", percent), ("macro_f1", score))
        }
        rows.append({"TTA": row["tta"], "forward passes": row["forward_passes"],
                     "accuracy, PublicTest": scores["accuracy"], "macro-F1, PublicTest": scores["macro_f1"]})  # fmt: skip
    return pd.DataFrame(rows)


def shifts_reading() -> str:
    """What the mirror image and the chosen scheme gain on PublicTest with the network that chose
    it, in a sentence."""
    rows = {row["tta"]: row for row in read_json(TTA_PATH)["rows"]}
    plain, mirrored, chosen = (rows[key] for key in (NO_TTA, FLIP, ENSEMBLE_TTA))
    gained, more = (
        signed(100 * (after["accuracy"] - before["accuracy"]), 1)
        for before, after in ((plain, mirrored), (mirrored, chosen))
    )
    return (
        f"The mirror image changes accuracy on PublicTest by {gained} points for twice the passes, and {ENSEMBLE_TTA} by another {more} for "
        f"{chosen['forward_passes'] // mirrored['forward_passes']} times as many."
    )


def _size(experiment: Experiment) -> tuple[int, int]:
    """Parameters, and the multiply-adds of an answer."""
    network = build_model(experiment, pretrained=False)
    return network.count_params(), multiply_adds(network) * experiment.forward_passes


def logit_adjusted(logits: np.ndarray, counts: np.ndarray, strength: float) -> np.ndarray:
    """Logits from which the logarithm of each class's share of Training is taken (Menon et al.
    2021), times `strength`.

    Args:
        logits: float [n, 7]. counts: integers [7], images of each emotion in Training.
    """
    return logits - strength * np.log(counts / counts.sum())


def adjustment(run: Run | None, counts: dict[str, int]) -> pd.DataFrame:
    """What adjusting the logits does: the strength with the highest macro-F1 on PublicTest, and
    accuracy and macro-F1 with and without it.

    Args:
        counts: images of Training by emotion.
    """
    if run is None:
        return pd.DataFrame({"adjustment": [NOT_RECORDED]})
    shares, p = np.array([counts[name] for name in EMOTION_NAMES]), run.predictions

    def metrics(split: str, strength: float) -> dict:
        return classification_metrics(
            logit_adjusted(p[f"{split}_logits"], shares, strength), p[f"{split}_labels"]
        )

    best = max(ADJUSTMENTS, key=lambda strength: metrics("public_test", strength)["macro_f1"])
    rows = []
    for title, strength in (
        ("none", 0.0),
        (f"{best:.2f}, the best on PublicTest", best),
        ("1, all classes alike", 1.0),
    ):
        row = {"adjustment": title}
        for split, heading in (("public_test", "PublicTest"), ("private_test", "PrivateTest")):
            values = metrics(split, strength)
            row[f"accuracy, {heading}"] = percent(
                values["accuracy"], values["intervals"]["accuracy"]
            )
            row[f"macro-F1, {heading}"] = score(values["macro_f1"], values["intervals"]["macro_f1"])
        rows.append(row)
    return pd.DataFrame(rows)


def sizes(networks: list[Ensemble]) -> list[dict]:
    """Parameters, multiply-adds of an answer and accuracy on PrivateTest of our networks, for a
    picture.

    Returns:
        A list of `name`, `parameters`, `multiply_adds` (None where unknown), `accuracy` (0–1),
        `interval` (of ours; else None) and `fault`.
    """
    rows = []
    for network in networks:
        private, (parameters, multiply_adds) = network.metrics["private_test"], network.size
        rows.append({
            "name": network.title,
            "parameters": parameters,
            "multiply_adds": multiply_adds,
            "accuracy": private["accuracy"],
            "interval": private["intervals"]["accuracy"],
            "protocol_issue": None,
        })  # fmt: skip
    return rows


def published_sizes() -> list[dict]:
    """As `sizes`, of the published networks; `accuracy` as it is claimed, and the `fault` of its
    protocol, None where none is known."""
    published = read_json(RESULTS / "published.json")["networks"]["rows"]
    return [
        {**row, "accuracy": row["accuracy_percent"] / 100, "interval": None} for row in published
    ]


def published() -> pd.DataFrame:
    """The published accuracies of the picture, with what their protocols lack."""
    table = pd.DataFrame(read_json(RESULTS / "published.json")["networks"]["rows"])
    table["accuracy"] = [f"{value:g}\N{NO-BREAK SPACE}%" for value in table["accuracy_percent"]]
    table["parameters"] = [f"{value / 1e6:g} million" for value in table["parameters"]]
    return table[["name", "parameters", "accuracy", "measured_on", "protocol_issue"]].fillna(
        "none known"
    )
