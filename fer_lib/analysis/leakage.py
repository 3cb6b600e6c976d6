"""Duplicates and near-duplicates in FER2013, and the train/test leakage that they cause.

A duplicate equals another image in every pixel. A near-duplicate is the same photograph cropped,
mirrored, marked or compressed in another way.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fer_lib.data.dataset import Dataset
from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE
from fer_lib.io import read_json
from fer_lib.paths import ANALYSIS
from fer_lib.runs.predictions import SplitPredictions

LEAKAGE_PATH = ANALYSIS / "leakage.json"

COARSE_SIZE, COARSE_THRESHOLD = 12, 0.90  # select the candidates among all pairs
DETAIL_SIGMA, DETAIL_THRESHOLD = 2.0, 0.6  # decide; the record's `bands` show how clearly
MAX_SHIFT = 4
FLAT_DEVIATION = 1.0  # gray levels; below this standard deviation an image shows nothing
_BLOCK = 2_000


def exact_duplicates(dataset: Dataset) -> dict:
    """Count the images that are equal in every pixel.

    Returns:
        `images`, all of them; `duplicates`, the images beyond the first of each group of equal
        ones; `groups` of two or more; `conflicting_groups`, whose labels differ; `flat`, distinct
        images that show nothing; and `across`, by `<split> in <split>`, the number of images of
        the first split that also occur in the second.
    """
    hashes, images, size, has_label = _distinct_images(dataset)
    splits = dataset.splits
    return {
        "images": int(size.sum()),
        "duplicates": int(size.sum() - len(hashes)),
        "groups": int((size > 1).sum()),
        "conflicting_groups": int((has_label.sum(axis=1) > 1).sum()),
        "flat": int((images.std(axis=(1, 2)) < FLAT_DEVIATION).sum()),
        "across": {
            f"{a} in {b}": int(np.isin(splits[a].hashes, splits[b].hashes).sum())
            for a, b in (
                ("PrivateTest", "Training"),
                ("PublicTest", "Training"),
                ("PrivateTest", "PublicTest"),
            )
        },
    }


def _distinct_images(dataset: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The distinct images of all splits.

    Returns:
        Their hashes uint64 [n], in ascending order; their pixels uint8 [n, 48, 48]; how often each
        occurs, int [n]; and which labels it has, bool [n, 7].
    """
    splits = dataset.splits.values()
    hashes, labels, images = (
        np.concatenate([getattr(split, name) for split in splits])
        for name in ("hashes", "labels", "images")
    )
    distinct, first, group, size = np.unique(
        hashes, return_index=True, return_inverse=True, return_counts=True
    )
    has_label = np.zeros((len(distinct), len(EMOTION_NAMES)), bool)
    has_label[group, labels] = True
    return distinct, images[first], size, has_label


def near_duplicate_candidates(images: np.ndarray) -> np.ndarray:
    """The pairs of images that correlate by more than 0.9 when reduced to 12 × 12.

    Args:
        images: uint8 [n, 48, 48], no two of them equal.

    Returns:
        int64 [k, 3]: the rows of the two images, the smaller first, and 1 where the second is
        mirrored.
    """
    coarse, mirrored = _coarse(images), _coarse(images[:, :, ::-1])
    pairs = []
    for start in tqdm(range(0, len(images), _BLOCK), desc="near-duplicates", unit="block"):
        for flipped, candidates in enumerate((coarse, mirrored)):
            similar = coarse[start : start + _BLOCK] @ candidates[start:].T > COARSE_THRESHOLD
            first, second = np.nonzero(similar)
            later = second > first  # each pair once, its smaller row first
            flags = np.full(later.sum(), flipped)
            pairs.append(np.stack([first[later] + start, second[later] + start, flags], axis=1))
    return np.concatenate(pairs)


def _coarse(images: np.ndarray) -> np.ndarray:
    """The means of 4 × 4 cells, centered, of length 1 (0 for a flat image): float32 [n, 144]."""
    cell = IMAGE_SIZE // COARSE_SIZE
    cells = images.reshape(-1, COARSE_SIZE, cell, COARSE_SIZE, cell)
    means = cells.mean(axis=(2, 4), dtype=np.float32).reshape(len(images), -1)
    means -= means.mean(axis=1, keepdims=True)
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)


def detail_correlation(images: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The correlation of pairs of images in their detail, which a blur of 2 pixels removes.

    Different faces in the same light agree after a blur; only one photograph agrees with itself in
    the detail.

    Args:
        images: uint8 [n, 48, 48].
        pairs: int64 [k, 3], as `near_duplicate_candidates` returns them.

    Returns:
        float64 [k]: the highest correlation over all shifts by up to 4 pixels, on the pixels that
        the shifted images have in common.
    """
    from scipy.ndimage import gaussian_filter

    detail = images.astype(np.float32)
    detail -= gaussian_filter(detail, (0, DETAIL_SIGMA, DETAIL_SIGMA))
    best = np.full(len(pairs), -1.0)
    for start in range(0, len(pairs), _BLOCK):
        rows = slice(start, start + _BLOCK)
        first, second, mirrored = pairs[rows].T
        flipped = mirrored[:, None, None] == 1
        a, b = detail[first], np.where(flipped, detail[second][:, :, ::-1], detail[second])
        for x, y in _overlaps(a, b):
            product = np.einsum("nij,nij->n", x, y)
            lengths = np.sqrt(np.einsum("nij,nij->n", x, x) * np.einsum("nij,nij->n", y, y))
            correlation = np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)
            best[rows] = np.maximum(best[rows], correlation)
    return best


def _overlaps(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The common parts of two stacks of images under each shift of one against the other."""

    def kept(shift: int) -> slice:
        return slice(max(shift, 0), IMAGE_SIZE + min(shift, 0))

    for down, right in itertools.product(range(-MAX_SHIFT, MAX_SHIFT + 1), repeat=2):
        yield a[:, kept(down), kept(right)], b[:, kept(-down), kept(-right)]


def duplicate_analysis(dataset: Dataset) -> dict:
    """The duplicates and near-duplicates of a data set, and the leakage into its test splits.

    Returns:
        `exact`, of `exact_duplicates`; `near_pairs`, the pairs of distinct images that are
        near-duplicates, `mirrored_pairs` among them, and `conflicting_pairs`, which have no label
        in common; `bands`, [low, high, pairs] of the candidates' detail correlation; and
        `in_training`, by test split, the hashes of its images of which Training has a duplicate
        (`exact`), and of those of which it has only a near-duplicate (`near`).
    """
    hashes, images, _, has_label = _distinct_images(dataset)
    candidates = near_duplicate_candidates(images)
    correlation = detail_correlation(images, candidates)
    a, b, mirrored = candidates[correlation > DETAIL_THRESHOLD].T
    exact, near = np.isin(hashes, dataset.training.hashes), np.zeros(len(hashes), bool)
    near[a[exact[b]]] = near[b[exact[a]]] = True
    in_training = {}
    for name in ("public_test", "private_test"):
        in_split = np.isin(hashes, getattr(dataset, name).hashes)
        in_training[name] = {
            "exact": hashes[in_split & exact].tolist(),
            "near": hashes[in_split & near & ~exact].tolist(),
        }
    counts, _ = np.histogram(correlation, np.arange(11) / 10)
    return {
        "exact": exact_duplicates(dataset),
        "near_pairs": len(a),
        "mirrored_pairs": int(mirrored.sum()),
        "conflicting_pairs": int((~(has_label[a] & has_label[b]).any(axis=1)).sum()),
        "bands": [[i / 10, (i + 1) / 10, count] for i, count in enumerate(counts.tolist())],
        "in_training": in_training,
    }


def without_leakage(
    predictions: SplitPredictions, split: str, near: bool = False, path: Path = LEAKAGE_PATH
) -> SplitPredictions:
    """The predictions on the de-duplicated test split: without images that occur in Training.

    Args:
        predictions: on the images of `split`, `public_test` or `private_test`.
        near: whether images with a near-duplicate in Training are left out too.
        path: the record of `duplicate_analysis`.
    """
    in_training = read_json(path)["in_training"][split]
    leaked = in_training["exact"] + (in_training["near"] if near else [])
    return predictions[~np.isin(predictions.hashes, np.array(leaked, np.uint64))]
