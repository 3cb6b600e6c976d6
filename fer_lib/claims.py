"""The claims of the report that this study started from, each answered by a rule that was fixed before the runs ended.

Every function here takes finished runs and returns a verdict and its evidence in one text; the comparison's page states the
rules. All of them judge on PrivateTest, but for the controls, which leave it closed and are judged on PublicTest.
"""

import numpy as np

from fer_lib import evaluation
from fer_lib.emotions import NAMES
from fer_lib.experiments import EXPERIMENTS
from fer_lib.runs import Run
from fer_lib.tables import accuracy, percent, points, score

NETWORKS = ("custom_cnn", "mobilenetv2_fine_tuned", "mobilenetv2_head_only")  # the source report's order
_TITLES = {name: EXPERIMENTS[name].title for name in NETWORKS}


def order(custom: Run, tuned: Run, head: Run) -> str:
    """Custom network before fine-tuned before head only: confirmed if both paired intervals lie above 0, refuted if one lies below."""
    pairs = [_difference(custom, tuned), _difference(tuned, head)]
    low, high = zip(*(pair["intervals"]["accuracy"] for pair in pairs), strict=True)
    return _verdict(min(low) > 0, min(high) < 0) + (
        f"Custom minus fine-tuned: {points(pairs[0]['accuracy'], pairs[0]['intervals']['accuracy'])} points; fine-tuned minus head only: "
        f"{points(pairs[1]['accuracy'], pairs[1]['intervals']['accuracy'])} points."
    )


def convergence(custom: Run, tuned: Run, head: Run) -> str:
    """The epoch, and the hours until its end, in which a network first has 95 % of the accuracy on PublicTest that it ever has."""
    reached = {}
    for title, run in zip(_TITLES.values(), (custom, tuned, head), strict=True):
        curve = run.history["val_accuracy"]
        epoch = int((curve >= 0.95 * curve.max()).idxmax())
        reached[title] = (epoch + 1, run.history["seconds"][: epoch + 1].sum() / 60)
    first = min(reached, key=lambda title: reached[title][0])
    listed = "; ".join(f"{title}: epoch {epoch}, {minutes:.0f} min" for title, (epoch, minutes) in reached.items())
    return f"First, in epochs: {first}. {listed}."


def underfitting(custom: Run, head: Run) -> str:
    """Head only under-fits: confirmed if it never does as well on the images it is trained on as the custom network on unseen ones."""
    best = head.history["accuracy"].max()
    unseen = custom.metrics["private_test"]["accuracy"]
    return _verdict(best < unseen, best >= unseen) + (
        f"The highest accuracy of head only on Training, in any epoch, is {percent(best)}; that of the custom network on PrivateTest is "
        f"{accuracy(custom, 'private_test')}."
    )


def hardest(custom: Run, tuned: Run, head: Run) -> str:
    """Disgust is the hardest class: confirmed if it has the lowest F1 with each of the three networks, refuted if with none."""
    lowest = {}
    for title, run in zip(_TITLES.values(), (custom, tuned, head), strict=True):
        f1 = _per_class(run, "f1")
        lowest[title] = min(f1, key=f1.get), f1
    hits = sum(name == "disgust" for name, _ in lowest.values())
    listed = "; ".join(f"{title}: {name} ({f1[name]:.2f}; disgust {f1['disgust']:.2f})" for title, (name, f1) in lowest.items())
    return _verdict(hits == len(lowest), hits == 0) + f"The lowest F1. {listed}."


def balance(custom: Run, tuned: Run, head: Run) -> str:
    """The custom network is the most balanced: confirmed if it leads in balanced accuracy and in F1 on fear and on sad, refuted if in none."""
    runs = dict(zip(_TITLES.values(), (custom, tuned, head), strict=True))
    measures = {
        "balanced accuracy": {title: run.metrics["private_test"]["balanced_accuracy"] for title, run in runs.items()},
        **{f"F1 on {name}": {title: _per_class(run, "f1")[name] for title, run in runs.items()} for name in ("fear", "sad")},
    }
    leads = [max(values, key=values.get) == _TITLES["custom_cnn"] for values in measures.values()]
    listed = "; ".join(f"{measure}: " + ", ".join(score(v) for v in values.values()) for measure, values in measures.items())
    return _verdict(all(leads), not any(leads)) + f"{listed} (in the order {', '.join(runs)})."


def gains(tuned: Run, head: Run) -> str:
    """Fine-tuning helps surprise and angry most: confirmed if they are the two largest gains of F1, refuted if neither is one of them."""
    after, before = _per_class(tuned, "f1"), _per_class(head, "f1")
    gain = {name: after[name] - before[name] for name in NAMES}
    ranked = sorted(NAMES, key=gain.get, reverse=True)
    hits = len({"surprise", "angry"} & set(ranked[:2]))
    return _verdict(hits == 2, hits == 0) + "Gain of F1 over head only: " + ", ".join(f"{name} {gain[name]:+.2f}" for name in ranked) + "."


def fear_and_sad(custom: Run, tuned: Run, head: Run) -> str:
    """Fear and sad are confused: confirmed if, with each network, no two emotions are confused more, refuted if with none.

    Of a pair: the share of the first taken for the second, plus the share of the second taken for the first.
    """
    rows, hits = [], 0
    for title, run in zip(_TITLES.values(), (custom, tuned, head), strict=True):
        counts = np.array(run.metrics["private_test"]["confusion"], float)
        shares = counts / counts.sum(axis=1, keepdims=True)
        mutual = np.tril(shares + shares.T, -1)
        pairs = np.dstack(np.unravel_index(np.argsort(-mutual, axis=None), mutual.shape))[0]
        ranked = [{NAMES[a], NAMES[b]} for a, b in pairs]
        rank = ranked.index({"fear", "sad"}) + 1
        fear, sad = NAMES.index("fear"), NAMES.index("sad")
        first = " and ".join(sorted(ranked[0], key=NAMES.index))
        hits += rank == 1
        rows.append(
            f"{title}: {percent(shares[fear, sad])} of fear is taken for sad, {percent(shares[sad, fear])} of sad for fear, rank {rank} "
            f"of {len(NAMES) * (len(NAMES) - 1) // 2} pairs" + ("" if rank == 1 else f" (first: {first})")
        )
    return _verdict(hits == len(rows), hits == 0) + "; ".join(rows) + "."


def imbalance(focal: Run, cross_entropy: Run) -> str:
    """Focal loss mitigates the imbalance: confirmed if its macro-F1 on PublicTest is higher than cross-entropy's by a paired interval above 0."""
    paired = evaluation.paired_difference(focal.predictions, cross_entropy.predictions, "public_test")
    low, high = paired["intervals"]["macro_f1"]
    recall = [run.metrics["public_test"]["per_class"]["disgust"]["recall"] for run in (focal, cross_entropy)]
    return _verdict(low > 0, high < 0) + (
        f"On PublicTest, focal loss minus cross-entropy: macro-F1 {paired['macro_f1']:+.3f} ({low:+.3f} to {high:+.3f}), accuracy "
        f"{points(paired['accuracy'], paired['intervals']['accuracy'])} points. Recall of disgust: {percent(recall[0])} against {percent(recall[1])}."
    )


def overconfidence(tuned: Run) -> str:
    """The fine-tuned network is over-confident: confirmed if the interval of its mean confidence minus its accuracy lies above 0, refuted if below."""
    logits, labels = tuned.predictions["private_test_logits"], tuned.predictions["private_test_labels"]
    found = evaluation.confidence(logits, labels)
    low, high = found["interval"]
    return _verdict(low > 0, high < 0) + (
        f"Its mean confidence, the probability of its answer, is {percent(found['mean'])} on PrivateTest, its accuracy {percent(found['accuracy'])}: a "
        f"difference of {points(found['gap'], found['interval'])} points. When it is wrong it gives its answer {percent(found['mean_when_wrong'])} on average, "
        f"and the true class {percent(found['true_when_wrong'])}."
    )


CLAIMS = {
    order: ("the order of the models", NETWORKS),
    convergence: ("which converges first", NETWORKS),
    underfitting: ("head only under-fits", ("custom_cnn", "mobilenetv2_head_only")),
    hardest: ("disgust is the hardest class", NETWORKS),
    balance: ("the custom network is the most balanced", NETWORKS),
    gains: ("fine-tuning helps surprise and anger most", ("mobilenetv2_fine_tuned", "mobilenetv2_head_only")),
    fear_and_sad: ("fear and sad are confused", NETWORKS),
    imbalance: ("focal loss mitigates the imbalance", ("custom_cnn", "custom_cnn_cross_entropy")),
    overconfidence: ("the fine-tuned network is over-confident", ("mobilenetv2_fine_tuned",)),
}
CONFIRMED, REFUTED, NEITHER, UNDECIDED = "Confirmed", "Refuted", "Neither confirmed nor refuted", "Not decided yet"


def answers(runs: dict[str, Run | None]) -> dict[str, str]:
    """The answer to every claim, by `claim_` and the function's name, and `claims_summary`, which lists them by verdict.

    Args:
        runs: by the experiments' names; None for a run that is not recorded yet.
    """
    texts, by_verdict = {}, {verdict: [] for verdict in (CONFIRMED, REFUTED, NEITHER, UNDECIDED)}
    for claim, (title, names) in CLAIMS.items():
        missing = [EXPERIMENTS[name].title for name in names if runs[name] is None]
        text = f"{UNDECIDED}. Not recorded: {'; '.join(missing)}." if missing else claim(*(runs[name] for name in names))
        texts[f"claim_{claim.__name__}"] = text
        if (verdict := text.split(".")[0]) in by_verdict:
            by_verdict[verdict].append(title)
    listed = (f"{verdict}: {'; '.join(titles)}." for verdict, titles in by_verdict.items() if titles)
    return texts | {"claims_summary": " ".join(listed)}


def _verdict(confirmed: bool, refuted: bool) -> str:
    return f"{CONFIRMED if confirmed else REFUTED if refuted else NEITHER}. "


def _difference(ours: Run, theirs: Run) -> dict:
    return evaluation.paired_difference(ours.predictions, theirs.predictions, "private_test")


def _per_class(run: Run, measure: str) -> dict[str, float]:
    return {name: values[measure] for name, values in run.metrics["private_test"]["per_class"].items()}
