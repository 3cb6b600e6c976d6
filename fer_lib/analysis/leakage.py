"""Pictures that stand in FER2013 more than once: copies to the last pixel, and the same photograph
cropped, marked or encoded anew."""

import numpy as np
from scipy.ndimage import gaussian_filter
from tqdm import tqdm

from fer_lib.data.dataset import Dataset
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.readers import IMAGE_SIZE
from fer_lib.io import read_json
from fer_lib.paths import RESULTS

LEAKAGE_PATH = RESULTS / "analysis" / "leakage.json"

COARSE_SIDE, COARSE_THRESHOLD = 12, 0.90  # finds candidates among all pairs
DETAIL_SIGMA, DETAIL_THRESHOLD = 2.0, 0.6  # decides; `RECORD` holds how many pairs lie in each band
LARGEST_SHIFT = 4
FLAT = 1.0  # standard deviation in grey levels below which a picture shows nothing
_BLOCK = 2_000


def exact_duplicates(dataset: Dataset) -> dict:
    """Count pictures that are equal in every pixel.

    Returns:
        `copies`, pictures beyond the first of each group; `groups`; `largest_group`;
        `conflicting_groups`, whose labels differ;
        `flat`, distinct pictures that show nothing; and `across`, by pair of splits, the pictures
        of the first that the second holds too.
    """
    hashes = np.concatenate([split.hashes for split in dataset.splits.values()])
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    _, first, group, size = np.unique(
        hashes, return_index=True, return_inverse=True, return_counts=True
    )
    labels_in_group = np.zeros((len(size), len(EMOTION_NAMES)), bool)
    labels_in_group[group, labels] = True
    distinct = np.concatenate([split.images for split in dataset.splits.values()])[first]
    return {
        "images": len(hashes),
        "duplicates": int(len(hashes) - len(size)),
        "groups": int((size > 1).sum()),
        "largest_group": int(size.max()),
        "conflicting_groups": int((labels_in_group.sum(axis=1) > 1).sum()),
        "flat": int((distinct.std(axis=(1, 2)) < FLAT).sum()),
        "across": {
            f"{ours} in {theirs}": int(
                np.isin(dataset.splits[ours].hashes, dataset.splits[theirs].hashes).sum()
            )
            for ours, theirs in (
                ("PrivateTest", "Training"),
                ("PublicTest", "Training"),
                ("PrivateTest", "PublicTest"),
            )
        },
    }


def near_duplicate_candidates(images: np.ndarray) -> np.ndarray:
    """Pairs of pictures that agree when shrunk to 12 × 12, as they are or one of them mirrored.

    Args:
        images: uint8 [n, 48, 48], no two of them equal.

    Returns:
        int64 [k, 3]: the two positions, the smaller first, and 1 where the second is mirrored, of
        every pair whose shrunk pictures
        correlate by more than 0.9.
    """
    coarse, mirrored = _coarse(images), _coarse(images[:, :, ::-1])
    found = []
    for start in tqdm(range(0, len(images), _BLOCK), desc="near-duplicates", unit="block"):
        for flipped, others in enumerate((coarse, mirrored)):
            above = (
                coarse[start : start + _BLOCK] @ others[start:].T > COARSE_THRESHOLD
            )  # a pair stands once, its smaller row first
            rows, columns = np.nonzero(above)
            later = columns > rows
            found.append(
                np.stack(
                    [rows[later] + start, columns[later] + start, np.full(later.sum(), flipped)],
                    axis=1,
                )
            )
    return np.concatenate(found)


def _coarse(images: np.ndarray) -> np.ndarray:
    """Float32 [n, 144]: the means of 4 × 4 cells, of mean 0 and length 1 (a flat picture: 0)."""
    cell = IMAGE_SIZE // COARSE_SIDE
    means = (
        images.reshape(-1, COARSE_SIDE, cell, COARSE_SIDE, cell)
        .mean(axis=(2, 4), dtype=np.float32)
        .reshape(len(images), -1)
    )
    means -= means.mean(axis=1, keepdims=True)
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)


def detail_correlation(images: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """How far pairs of pictures agree in their detail, that is in what a Gaussian blur of 2 pixels
    takes away.

    Faces that are lit alike agree in the coarse; only one photograph agrees with itself in the
    fine.

    Args:
        images: uint8 [n, 48, 48]. pairs: as `candidates` returns them.

    Returns:
        float64 [k], the highest correlation over all shifts of up to 4 pixels, on what the shifted
        pictures share.
    """
    detail = images.astype(np.float32)
    detail -= gaussian_filter(detail, (0, DETAIL_SIGMA, DETAIL_SIGMA))
    best = np.full(len(pairs), -1.0)
    for start in range(0, len(pairs), _BLOCK):
        first, second, mirrored = pairs[start : start + _BLOCK].T
        ours, theirs = (
            detail[first],
            np.where(mirrored[:, None, None] == 1, detail[second][:, :, ::-1], detail[second]),
        )
        for down in range(-LARGEST_SHIFT, LARGEST_SHIFT + 1):
            for right in range(-LARGEST_SHIFT, LARGEST_SHIFT + 1):
                a, b = ours[:, _kept(down), _kept(right)], theirs[:, _kept(-down), _kept(-right)]
                product = np.einsum("nij,nij->n", a, b)
                lengths = np.sqrt(np.einsum("nij,nij->n", a, a) * np.einsum("nij,nij->n", b, b))
                correlation = np.divide(
                    product, lengths, out=np.zeros_like(product), where=lengths > 0
                )
                best[start : start + _BLOCK] = np.maximum(best[start : start + _BLOCK], correlation)
    return best


def _kept(shift: int) -> slice:
    return slice(max(shift, 0), IMAGE_SIZE + min(shift, 0))


def duplicate_analysis(dataset: Dataset) -> dict:
    """All of this for a data set.

    Returns:
        `exact`, of `exact`; `near_pairs`, pairs of distinct pictures that show one photograph,
        `mirrored_pairs` among them, and
        `conflicting_pairs`, no label of one being a label of the other; `bands`, [low, high, pairs]
        of the candidates' detail
        correlation; `in_training`, by split, `exact` and `near`: the hashes of its pictures
        that Training holds, and those that
        Training holds in another form alone.
    """
    splits = list(dataset.splits.values())
    hashes = np.concatenate([split.hashes for split in splits])
    distinct, first = np.unique(hashes, return_index=True)
    images = np.concatenate([split.images for split in splits])[first]
    pairs = near_duplicate_candidates(images)
    correlation = detail_correlation(images, pairs)
    same = pairs[correlation > DETAIL_THRESHOLD]
    labels = [set() for _ in distinct]
    for position, label in zip(
        np.searchsorted(distinct, hashes),
        np.concatenate([split.labels for split in splits]),
        strict=True,
    ):
        labels[position].add(int(label))
    in_training = np.isin(distinct, dataset.training.hashes)
    near_training = np.zeros(len(distinct), bool)
    for ours, theirs in ((0, 1), (1, 0)):
        near_training[same[in_training[same[:, theirs]], ours]] = True
    edges = np.arange(0, 1.05, 0.1)
    return {
        "exact": exact_duplicates(dataset),
        "near_pairs": len(same),
        "mirrored_pairs": int(same[:, 2].sum()),
        "conflicting_pairs": sum(not labels[a] & labels[b] for a, b, _ in same.tolist()),
        "bands": [
            [round(float(low), 1), round(float(low) + 0.1, 1), int(number)]
            for low, number in zip(edges[:-1], np.histogram(correlation, edges)[0], strict=True)
        ],
        "in_training": {
            name: {
                "exact": distinct[in_training & np.isin(distinct, split.hashes)].tolist(),
                "near": distinct[
                    near_training & ~in_training & np.isin(distinct, split.hashes)
                ].tolist(),
            }
            for name, split in (
                ("public_test", dataset.public_test),
                ("private_test", dataset.private_test),
            )
        },
    }


def without_leakage(
    predictions: dict[str, np.ndarray], split: str, near: bool = False
) -> np.ndarray:
    """Which images of a run's predictions Training does not hold, from the record: bool [n].

    Args:
        predictions: the arrays of a run's `predictions.npz`.
        near: leave out those, too, that Training holds in another form.
    """
    seen = read_json(LEAKAGE_PATH)["in_training"][split]
    return ~np.isin(
        predictions[f"{split}_hashes"],
        np.array(seen["exact"] + (seen["near"] if near else []), np.uint64),
    )
