"""Label noise: FER2013's labels and a model's predictions against the FER+ votes."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

from fer_lib.data.dataset import Dataset
from fer_lib.data.ferplus import ANNOTATORS, OTHER_COLUMNS, Votes
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.readers import DataError
from fer_lib.evaluation.bootstrap import paired_difference
from fer_lib.evaluation.calibration import brier_score, nll
from fer_lib.experiments import FOLLOW_UPS
from fer_lib.io import write_json
from fer_lib.paths import RESULTS
from fer_lib.runs.run import Run

LABEL_NOISE_PATH = RESULTS / "analysis" / "label_noise.json"


def labels_against_votes(dataset: Dataset, votes: dict[str, Votes]) -> dict:
    """How FER2013's labels and the votes agree.

    Returns:
        `images`; `with_majority`, those on which one of the seven emotions has more than half of
        the votes; `no_face`, those on which
        "no face" has; `agreement`, the share of the majorities that are FER2013's label;
        `confusion`, counts [label][majority]; and of
        PrivateTest `ceilings`: the share of labels right of who answers the most frequent of the
        seven, by chance where several are
        (`plurality`), and of who knows the ten votes and has learnt on Training which label they
        lead to (`fitted`, by multinomial
        logistic regression).
    """
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    majority = np.concatenate([mine.majority for mine in votes.values()])
    others = np.concatenate([mine.others for mine in votes.values()])
    sure = majority >= 0
    private, known = votes["PrivateTest"], dataset.private_test.labels

    def features(mine: Votes) -> np.ndarray:
        return np.concatenate([mine.emotions, mine.others], axis=1) / ANNOTATORS

    fitted = LogisticRegression(max_iter=1000).fit(
        features(votes["Training"]), dataset.training.labels
    )
    return {
        "images": len(labels),
        "with_majority": int(sure.sum()),
        "no_face": int((2 * others[:, OTHER_COLUMNS.index("NF")] > ANNOTATORS).sum()),
        "agreement": float((majority == labels)[sure].mean()),
        "confusion": confusion_matrix(
            labels[sure], majority[sure], labels=range(len(EMOTION_NAMES))
        ).tolist(),
        "ceilings": {
            "plurality": float(private.plurality(known).mean()),
            "fitted": float(fitted.score(features(private), known)),
        },
    }


def run_against_votes(run: Run, dataset: Dataset, votes: dict[str, Votes]) -> dict:
    """Score a run's PrivateTest predictions against the votes, next to FER2013's label on the same
    images.

    Returns:
        `images`, those with a majority; `accuracy_label` and `accuracy_majority` on them; `nll` and
        `brier` of the probabilities against
        the distribution of the votes, over the `voted` images that have a vote for one of the
        seven; and `by_votes`, a list of [votes of
        the most frequent emotion, images, accuracy against the label, accuracy against that
        emotion, as `Votes.plurality` has it].

    Raises:
        DataError: the run's images are not those of the data set.
    """
    order = _rows(run, dataset)
    private = votes["PrivateTest"][order]
    logits = run.predictions["private_test_logits"]
    majority, distribution, most = (
        private.majority,
        private.distribution,
        private.emotions.max(axis=1),
    )
    labels, answers = dataset.private_test.labels[order], logits.argmax(axis=1)
    sure, voted = majority >= 0, ~np.isnan(distribution[:, 0])
    by_votes = []
    for number in range(2, ANNOTATORS + 1):
        rows = (most == number) & (most >= private.others.max(axis=1))
        if rows.any():
            right = [
                float(values[rows].mean())
                for values in (answers == labels, private.plurality(answers))
            ]
            by_votes.append([number, int(rows.sum()), *right])
    return {
        "images": int(sure.sum()),
        "accuracy_label": float((answers == labels)[sure].mean()),
        "accuracy_majority": float((answers == majority)[sure].mean()),
        "voted": int(voted.sum()),
        "nll": nll(logits[voted], distribution[voted]),
        "brier": brier_score(logits[voted], distribution[voted]),
        "by_votes": by_votes,
    }


def _rows(run: Run, dataset: Dataset) -> np.ndarray:
    """For each of a run's PrivateTest predictions, the image's row in the data set: equal pictures
    in the order in which they stand."""
    split = dataset.private_test
    theirs = np.lexsort((split.labels, split.hashes))
    ours = np.lexsort(
        (run.predictions["private_test_labels"], run.predictions["private_test_hashes"])
    )
    if not np.array_equal(split.hashes[theirs], run.predictions["private_test_hashes"][ours]):
        raise DataError(
            f"{run.folder}: its PrivateTest is not that of this copy of FER2013, pixel for pixel"
        )
    rows = np.empty(len(ours), int)
    rows[ours] = theirs
    return rows


def change_against_votes(ours: Run, theirs: Run, dataset: Dataset, votes: dict[str, Votes]) -> dict:
    """How much more often one run is right than another, on the images of PrivateTest on which the
    votes have a majority.

    Returns:
        `compared_with`, the other's key; `accuracy_label` and `accuracy_majority`, the differences
        of accuracy against FER2013's label and
        against the majority, each as [difference, low, high] with its 95 % paired bootstrap
        interval.

    Raises:
        DataError: a run's images are not those of the data set.
    """
    split, majority = dataset.private_test, votes["PrivateTest"].majority
    sure, found, aligned = majority >= 0, {"compared_with": theirs.key}, []
    for run in (ours, theirs):
        logits = np.empty((len(split), len(EMOTION_NAMES)), np.float32)
        logits[_rows(run, dataset)] = run.predictions["private_test_logits"]
        aligned.append(logits[sure])
    for name, truth in (("accuracy_label", split.labels), ("accuracy_majority", majority)):
        models = [
            {"sure_logits": logits, "sure_labels": truth[sure], "sure_hashes": split.hashes[sure]}
            for logits in aligned
        ]
        difference = paired_difference(*models, "sure")
        found[name] = [difference["accuracy"], *difference["intervals"]["accuracy"]]
    return found


def record_label_noise(runs: list[Run], dataset: Dataset, votes: dict[str, Votes]) -> None:
    """Write to `RECORD` what is computed from the votes, which are not ours to keep."""
    by_key = {run.key: run for run in runs}
    bases = {
        run.key: by_key.get(
            f"{dict(FOLLOW_UPS).get(run.config['experiment'])}/seed-{run.config['seed']}"
        )
        for run in runs
    }
    record_label_noise = {
        "labels": labels_against_votes(dataset, votes),
        "runs": {run.key: run_against_votes(run, dataset, votes) for run in runs},
        "follow_ups": {
            key: change_against_votes(by_key[key], base, dataset, votes)
            for key, base in bases.items()
            if base
        },
    }
    write_json(LABEL_NOISE_PATH, record_label_noise)
