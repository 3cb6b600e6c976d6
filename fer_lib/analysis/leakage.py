"""Duplicates and near-duplicates in FER2013, and the train/test leakage that they cause.

A duplicate equals another image in every pixel. A near-duplicate shows the same photograph with a
different crop, mirroring, watermark or compression.
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

COARSE_SIZE, COARSE_THRESHOLD = 12, 0.90  # select candidates among all pairs
DETAIL_SIGMA, DETAIL_THRESHOLD = 2.0, 0.6  # decide; `bands` in the record show how clearly
MAX_SHIFT = 4
FLAT_DEVIATION = 1.0  # gray levels; an image with a smaller standard deviation has no content
_BLOCK = 2_000


def exact_duplicates(dataset: Dataset) -> dict:
    """Count the exact duplicates.

    Returns:
        `images`, the number of all images; `duplicates`, images beyond the first of each group of
        equal ones; `groups` of two or more equal images; `conflicting_groups`, groups whose labels
        differ; `flat`, distinct images without content; and `across`, by `<split> in <split>`, the
        number of images of the first split that also occur in the second.
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
    """Return the distinct images of all splits.

    Returns:
        Hashes uint64 [n], in ascending order; pixels uint8 [n, 48, 48]; number of occurrences,
        int [n]; and labels of the occurrences, bool [n, 7].
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
    """Return the pairs of images with a correlation above 0.9 when reduced to 12 × 12 pixels.

    Args:
        images: uint8 [n, 48, 48], all different.

    Returns:
        int64 [k, 3]: the rows of the two images, the smaller first, and 1 if the second is
        mirrored, else 0.
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
    """Return centered means of 4 × 4 cells, of norm 1 (0 for a flat image): float32 [n, 144]."""
    cell = IMAGE_SIZE // COARSE_SIZE
    cells = images.reshape(-1, COARSE_SIZE, cell, COARSE_SIZE, cell)
    means = cells.mean(axis=(2, 4), dtype=np.float32).reshape(len(images), -1)
    means -= means.mean(axis=1, keepdims=True)
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)


def detail_correlation(images: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Compute the correlation of pairs of images after subtracting a Gaussian blur of 2 pixels.

    Different faces in similar light correlate after a blur. The remaining detail correlates only if
    both images show the same photograph.

    Args:
        images: uint8 [n, 48, 48].
        pairs: int64 [k, 3], as `near_duplicate_candidates` returns them.

    Returns:
        float64 [k]: the highest correlation over all shifts by up to 4 pixels, on the overlap of
        the shifted images.
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
    """Yield the overlap of two stacks of images for each shift of one against the other."""

    def kept(shift: int) -> slice:
        return slice(max(shift, 0), IMAGE_SIZE + min(shift, 0))

    for down, right in itertools.product(range(-MAX_SHIFT, MAX_SHIFT + 1), repeat=2):
        yield a[:, kept(down), kept(right)], b[:, kept(-down), kept(-right)]


def duplicate_analysis(dataset: Dataset) -> dict:
    """Find duplicates and near-duplicates, and the leakage from Training into the test splits.

    Returns:
        `exact`, the result of `exact_duplicates`; `near_pairs`, the number of pairs of distinct
        images that are near-duplicates, including `mirrored_pairs` and `conflicting_pairs`, which
        have no label in common; `bands`, a histogram of the candidates' detail correlation as
        [low, high, pairs]; and `in_training`, by test split, the hashes of images with a duplicate
        in Training (`exact`), and of images with only a near-duplicate there (`near`).
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
    """Select the predictions on the de-duplicated test split, without images from Training.

    Args:
        predictions: predictions on `split`.
        split: `public_test` or `private_test`.
        near: whether to leave out images with a near-duplicate in Training too.
        path: the recorded result of `duplicate_analysis`.
    """
    return predictions[~occurs_in_training(predictions.hashes, split, near, path)]


def occurs_in_training(
    hashes: np.ndarray, split: str, near: bool = False, path: Path = LEAKAGE_PATH
) -> np.ndarray:
    """Return which images of a test split also occur in Training, bool [n].

    Args:
        hashes: uint64 [n], of images of `split`.
        split, near, path: as in `without_leakage`; with `near`, near-duplicates count too.
    """
    in_training = read_json(path)["in_training"][split]
    leaked = in_training["exact"] + (in_training["near"] if near else [])
    return np.isin(hashes, np.array(leaked, np.uint64))
