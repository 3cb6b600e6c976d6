"""The claims of the report that this study started from, each answered by a rule.

Every rule is a statement about confusion matrices that is true or false. It is looked at in 2,000
resamples of the images, the same for
every network: the claim is confirmed if it holds in at least 97.5 % of them, refuted if in at most
2.5 %, else not settled. So
noise settles nothing, and a tie is no lead. The rules judge on PrivateTest; controls leave it
closed and are judged on
PublicTest. They speak of one seed of each network.
"""

import numpy as np

from fer_lib.analysis.comparison import accuracy
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.bootstrap import (
    CONFIDENCE_LEVEL,
    bootstrap_confusions,
    confusion_scores,
    paired_difference,
)
from fer_lib.evaluation.metrics import confidence_gap
from fer_lib.experiments import EXPERIMENTS
from fer_lib.report.format import percent, points, score, score_change, signed
from fer_lib.runs.run import Run

NETWORKS = (
    "custom_cnn",
    "mobilenetv2_fine_tuned",
    "mobilenetv2_head_only",
)  # the source report's order
CONFIRMED, REFUTED, UNSETTLED, UNDECIDED = "Confirmed", "Refuted", "Not settled", "Not decided yet"
_TITLES = tuple(EXPERIMENTS[name].title for name in NETWORKS)
_TAIL = (1 - CONFIDENCE_LEVEL) / 2
DISGUST, FEAR, SAD, SURPRISE, ANGRY = (
    EMOTION_NAMES.index(name) for name in ("disgust", "fear", "sad", "surprise", "angry")
)


def order(custom: Run, tuned: Run, head: Run) -> str:
    """The custom network is more accurate than the fine-tuned one, and that more than head only."""
    first, second, third = (drawn["accuracy"] for drawn in _resampled(custom, tuned, head))
    pairs = [
        paired_difference(a.predictions, b.predictions, "private_test")
        for a, b in ((custom, tuned), (tuned, head))
    ]
    differences = [points(pair["accuracy"], pair["intervals"]["accuracy"]) for pair in pairs]
    return _verdict((first > second) & (second > third)) + (
        f"Custom minus fine-tuned: {differences[0]} points; fine-tuned minus head only: {differences[1]} points."
    )


def convergence(custom: Run, tuned: Run, head: Run) -> str:
    """The epoch in which a network first has 95 % of the highest accuracy on PublicTest that it
    ever has; no verdict, but an answer."""
    curves = {
        title: run.history["val_accuracy"]
        for title, run in zip(_TITLES, (custom, tuned, head), strict=True)
    }
    reached = {
        title: int((curve >= 0.95 * curve.max()).idxmax()) + 1 for title, curve in curves.items()
    }
    listed = "; ".join(
        f"{title}: epoch {epoch} of {len(curves[title])}" for title, epoch in reached.items()
    )
    return f"First: {min(reached, key=reached.get)}. {listed}."


def underfitting(custom: Run, head: Run) -> str:
    """Head only is never as accurate on the images that it is trained on as the custom network on
    unseen ones."""
    best = head.history["accuracy"].max()
    (drawn,) = _resampled(custom)
    return _verdict(drawn["accuracy"] > best) + (
        f"The highest accuracy of head only on Training, in any epoch, with augmentation and dropout at work, is {percent(best)}, and its "
        f"accuracy on PublicTest, without them, is {accuracy(head, 'public_test')}; the custom network has "
        f"{accuracy(custom, 'private_test')} on PrivateTest."
    )


def hardest(custom: Run, tuned: Run, head: Run) -> str:
    """With each of the three networks, disgust has a lower F1 than every other emotion."""
    holds = [
        drawn["f1"][:, DISGUST] < np.delete(drawn["f1"], DISGUST, axis=1).min(axis=1)
        for drawn in _resampled(custom, tuned, head)
    ]
    rows = []
    for title, run in zip(_TITLES, (custom, tuned, head), strict=True):
        f1 = _f1(run)
        lowest = int(np.argmin(f1))
        rows.append(
            f"{title}: {EMOTION_NAMES[lowest]} ({f1[lowest]:.2f}"
            + ("" if lowest == DISGUST else f"; disgust {f1[DISGUST]:.2f}")
            + ")"
        )
    return _verdict(np.logical_and.reduce(holds)) + f"The lowest F1. {'; '.join(rows)}."


def balance(custom: Run, tuned: Run, head: Run) -> str:
    """The custom network leads the three in balanced accuracy, in F1 on fear and in F1 on sad."""
    ours, *others = (
        np.stack([d["balanced_accuracy"], d["f1"][:, FEAR], d["f1"][:, SAD]])
        for d in _resampled(custom, tuned, head)
    )
    holds = np.logical_and.reduce([(ours > other).all(axis=0) for other in others])
    rows = []
    for title, run in zip(_TITLES, (custom, tuned, head), strict=True):
        private, f1 = run.metrics["private_test"], _f1(run)
        balanced = score(private["balanced_accuracy"], private["intervals"]["balanced_accuracy"])
        rows.append(
            f"{title}: balanced accuracy {balanced}, F1 on fear {f1[FEAR]:.2f}, on sad {f1[SAD]:.2f}"
        )
    return _verdict(holds) + "; ".join(rows) + "."


def gains(tuned: Run, head: Run) -> str:
    """From head only to fine-tuned, F1 rises more on surprise and on angry than on every other
    emotion."""
    after, before = _resampled(tuned, head)
    drawn = after["f1"] - before["f1"]
    favoured = [SURPRISE, ANGRY]
    holds = drawn[:, favoured].min(axis=1) > np.delete(drawn, favoured, axis=1).max(axis=1)
    gain = dict(zip(EMOTION_NAMES, _f1(tuned) - _f1(head), strict=True))
    ranked = sorted(EMOTION_NAMES, key=gain.get, reverse=True)
    return (
        _verdict(holds)
        + "Gain of F1 over head only: "
        + ", ".join(f"{name} {signed(gain[name], 2)}" for name in ranked)
        + "."
    )


def fear_and_sad(custom: Run, tuned: Run, head: Run) -> str:
    """With each of the three networks, no two emotions are confused as much as fear and sad.

    Of a pair: the share of the first taken for the second, plus the share of the second taken for
    the first.
    """
    rows, holds = [], []
    for title, run in zip(_TITLES, (custom, tuned, head), strict=True):
        (drawn,) = bootstrap_confusions([run.predictions], "private_test")
        holds.append(_confusion_of_pairs(drawn)[1])
        counts = np.array(run.metrics["private_test"]["confusion"])
        mutual, _ = _confusion_of_pairs(counts[None])
        ranked = sorted(mutual, key=mutual.get, reverse=True)
        rank = 1 + sum(value > mutual[_pair(FEAR, SAD)] for value in mutual.values())
        shares = counts / counts.sum(axis=1, keepdims=True)
        first = (
            ""
            if rank == 1
            else f" (first: {' and '.join(EMOTION_NAMES[label] for label in ranked[0])})"
        )
        rows.append(
            f"{title}: {percent(shares[FEAR, SAD])} of fear is taken for sad, {percent(shares[SAD, FEAR])} of sad for fear, rank {rank} "
            f"of {len(mutual)} pairs{first}"
        )
    return _verdict(np.logical_and.reduce(holds)) + "; ".join(rows) + "."


def _pair(a: int, b: int) -> tuple[int, int]:
    return min(a, b), max(a, b)


def _confusion_of_pairs(confusions: np.ndarray) -> tuple[dict[tuple[int, int], float], np.ndarray]:
    """The confusion of each pair of emotions in the first of k matrices, and in which of them fear
    and sad lead: bool [k]."""
    shares = confusions / np.maximum(confusions.sum(axis=2, keepdims=True), 1)
    mutual = shares + shares.transpose(0, 2, 1)
    pairs = list(zip(*np.triu_indices(len(EMOTION_NAMES), 1), strict=True))
    values = {pair: mutual[:, pair[0], pair[1]] for pair in pairs}
    ours = values[_pair(FEAR, SAD)]
    leads = ours > np.max(
        [value for pair, value in values.items() if pair != _pair(FEAR, SAD)], axis=0
    )
    return {pair: float(value[0]) for pair, value in values.items()}, leads


def imbalance(focal: Run, cross_entropy: Run) -> str:
    """The custom network's macro-F1 on PublicTest is higher with focal loss than with
    cross-entropy."""
    ours, theirs = _resampled(focal, cross_entropy, split="public_test")
    paired = paired_difference(focal.predictions, cross_entropy.predictions, "public_test")
    recall = [
        run.metrics["public_test"]["per_class"]["disgust"]["recall"]
        for run in (focal, cross_entropy)
    ]
    return _verdict(ours["macro_f1"] > theirs["macro_f1"]) + (
        f"On PublicTest, focal loss minus cross-entropy: macro-F1 {score_change(paired['macro_f1'], paired['intervals']['macro_f1'])}, accuracy "
        f"{points(paired['accuracy'], paired['intervals']['accuracy'])} points. Recall of disgust: {percent(recall[0])} against {percent(recall[1])}."
    )


def overconfidence(tuned: Run) -> str:
    """The probability that the fine-tuned network gives to its answers is higher, on average, than
    the share that is right."""
    logits, labels = (
        tuned.predictions["private_test_logits"],
        tuned.predictions["private_test_labels"],
    )
    found = confidence_gap(logits, labels)
    return _verdict(found["resampled_gaps"] > 0) + (
        f"The mean probability of its answers on PrivateTest is {percent(found['mean'])}, its accuracy {accuracy(tuned, 'private_test')}: a "
        f"difference of {points(found['gap'], found['interval'])} points. Where it is wrong it gives its answer "
        f"{percent(found['mean_when_wrong'])} on average, and the true class {percent(found['true_when_wrong'])}."
    )


CLAIMS = {
    order: ("the order of the models", NETWORKS),
    convergence: ("which converges first", NETWORKS),
    underfitting: ("head only under-fits", ("custom_cnn", "mobilenetv2_head_only")),
    hardest: ("disgust is the hardest class", NETWORKS),
    balance: ("the custom network is the most balanced", NETWORKS),
    gains: (
        "fine-tuning helps surprise and anger most",
        ("mobilenetv2_fine_tuned", "mobilenetv2_head_only"),
    ),
    fear_and_sad: ("fear and sad are confused most", NETWORKS),
    imbalance: ("focal loss mitigates the imbalance", ("custom_cnn", "custom_cnn_cross_entropy")),
    overconfidence: ("the fine-tuned network is over-confident", ("mobilenetv2_fine_tuned",)),
}


def answers(runs: dict[str, Run | None]) -> dict[str, str]:
    """The answer to every claim, by `claim_` and the function's name, and `claims_summary`, which
    lists those with a verdict by it.

    Args:
        runs: by the experiments' names; None for a run that is not recorded yet.
    """
    texts, by_verdict = {}, {verdict: [] for verdict in (CONFIRMED, REFUTED, UNSETTLED, UNDECIDED)}
    for claim, (title, names) in CLAIMS.items():
        missing = [EXPERIMENTS[name].title for name in names if runs[name] is None]
        text = (
            f"{UNDECIDED}. Not recorded: {'; '.join(missing)}."
            if missing
            else claim(*(runs[name] for name in names))
        )
        texts[f"claim_{claim.__name__}"] = text
        for verdict, titles in by_verdict.items():
            if text.startswith(verdict):
                titles.append(title)
    listed = (
        f"{verdict}: {'; '.join(titles)}." for verdict, titles in by_verdict.items() if titles
    )
    return texts | {"claims_summary": " ".join(listed)}


def _resampled(*runs: Run, split: str = "private_test") -> list[dict[str, np.ndarray]]:
    return [
        confusion_scores(confusions)
        for confusions in bootstrap_confusions([run.predictions for run in runs], split)
    ]


def _verdict(holds: np.ndarray) -> str:
    """The verdict of a claim that holds in these of the resamples: bool [2000]."""
    share = holds.mean()
    verdict = CONFIRMED if share >= 1 - _TAIL else REFUTED if share <= _TAIL else UNSETTLED
    return f"{verdict}: it holds in {percent(share)} of the resamples. "


def _f1(run: Run) -> np.ndarray:
    return np.array(
        [run.metrics["private_test"]["per_class"][name]["f1"] for name in EMOTION_NAMES]
    )
