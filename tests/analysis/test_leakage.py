import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fer_lib.analysis import leakage
from fer_lib.analysis.leakage import (
    LEAKAGE_PATH,
    detail_correlation,
    duplicate_analysis,
    exact_duplicates,
    near_duplicate_candidates,
    without_leakage,
)
from fer_lib.data.dataset import Dataset, Split
from fer_lib.io import read_json, write_json
from fer_lib.paths import RESULTS
from fer_lib.runs.predictions import SplitPredictions
from fer_lib.runs.store import find_run


@pytest.fixture(scope="module")
def leaky(dataset):
    """Twelve faces in Training, then the first again under another label, and the third shifted.

    PrivateTest has five images: two duplicates of Training, one of them under another label; one
    image of Training shifted and one mirrored; and one that Training lacks. PublicTest has two
    images of its own and a flat one.
    """
    faces = dataset.training.images
    third, shifted = (np.roll(faces[row], (1, -1), axis=(0, 1)) for row in (2, 5))
    training = Split(
        np.concatenate([faces[:12], faces[:1], third[None]]),
        np.uint8([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 1, 2]),
    )
    flat = np.zeros((1, 48, 48), np.uint8)
    public = Split(np.concatenate([faces[20:22], flat]), np.uint8([0, 1, 2]))
    private = Split(
        np.stack([faces[2], faces[3], shifted, faces[8][:, ::-1], faces[30]]),
        np.uint8([2, 0, 5, 0, 1]),
    )
    return Dataset(training, public, private, "0" * 64)


@pytest.fixture(scope="module")
def analysis(leaky):
    return duplicate_analysis(leaky)


def test_exact_duplicates_by_hand(leaky, analysis):
    counts = {
        "images": 22,
        "duplicates": 3,
        "groups": 3,
        "conflicting_groups": 2,  # faces 0 (labels 0 and 1) and 3 (labels 3 and 0)
        "flat": 1,
        "across": {
            "PrivateTest in Training": 2,
            "PublicTest in Training": 0,
            "PrivateTest in PublicTest": 0,
        },
    }
    assert exact_duplicates(leaky) == analysis["exact"] == counts


def test_duplicates_and_near_duplicates_in_training(leaky, analysis):
    hashes = leaky.private_test.hashes
    leaked = analysis["in_training"]["private_test"]
    assert set(leaked["exact"]) == set(hashes[:2].tolist())
    assert set(hashes[2:4].tolist()) <= set(leaked["near"])
    assert not set(hashes[[0, 1, 4]].tolist()) & set(leaked["near"])


def test_near_duplicate_pairs(leaky, analysis):
    labels = {}
    for split in leaky.splits.values():
        for image, label in zip(split.images, split.labels, strict=True):
            labels.setdefault(image.tobytes(), set()).add(label)
    images = np.stack([np.frombuffer(pixels, np.uint8).reshape(48, 48) for pixels in labels])
    labels = list(labels.values())
    candidates = near_duplicate_candidates(images)
    correlation = detail_correlation(images, candidates)
    pairs = [pair for pair, c in zip(candidates.tolist(), correlation, strict=True) if c > 0.6]
    assert analysis["near_pairs"] == len(pairs)
    assert analysis["mirrored_pairs"] == sum(mirrored for _, _, mirrored in pairs) >= 1
    conflicting = [labels[a].isdisjoint(labels[b]) for a, b, _ in pairs]
    assert analysis["conflicting_pairs"] == sum(conflicting)
    assert 0 < sum(conflicting) < len(pairs)
    lows, highs, counts = np.array(analysis["bands"]).T
    np.testing.assert_allclose([lows, highs], [np.arange(10) / 10, np.arange(1, 11) / 10])
    assert counts[6:].sum() == len(pairs)


def test_candidates_are_pairs_with_their_smaller_row_first(leaky):
    images = np.concatenate([leaky.training.images[:12], leaky.private_test.images[2:4]])
    candidates = near_duplicate_candidates(images).tolist()
    assert [5, 12, 0] in candidates and [8, 13, 1] in candidates
    assert all(first < second for first, second, _ in candidates)
    assert len({tuple(pair) for pair in candidates}) == len(candidates)


def ramps():
    """Gradients downwards and to the right, with the same deviation and no correlation."""
    down, right = np.mgrid[:48, :48] - 23.5
    return down, right


def test_candidates_correlate_above_nine_tenths():
    down, right = ramps()
    # Downwards, and twice with a share to the right: the correlation with the first is c, mirrored
    # or not, and that of the two 0.85 · 0.95 ± 0.53 · 0.31, 0.97 where one is mirrored.
    mixed = [c * down + sign * (1 - c**2) ** 0.5 * right for c, sign in ((0.85, 1), (0.95, -1))]
    images = np.uint8(np.round(np.stack([down, *mixed]) + 127))
    assert near_duplicate_candidates(images).tolist() == [[0, 2, 0], [0, 2, 1], [1, 2, 1]]


def test_blocks_of_images_and_of_pairs_change_nothing(leaky, monkeypatch):
    images = np.concatenate([leaky.training.images[:12], leaky.private_test.images[2:4]])
    pairs = near_duplicate_candidates(images)
    correlation = detail_correlation(images, pairs)
    monkeypatch.setattr(leakage, "_BLOCK", 2)
    in_blocks = near_duplicate_candidates(images)
    assert len(pairs) == 3 and sorted(in_blocks.tolist()) == sorted(pairs.tolist())
    np.testing.assert_allclose(detail_correlation(images, pairs), correlation)


def test_near_duplicates_correlate_above_six_tenths_in_detail():
    """Noise over gradients: a share r² of a near-duplicate's variance is that of the original."""
    random = np.random.default_rng(0)
    originals, others = [], []
    for base, r in zip(ramps(), (0.5, 0.7), strict=True):
        noise, new = 15 * random.normal(size=(2, 48, 48))
        originals.append(3 * base + noise)
        others.append(3 * base + r * noise + (1 - r**2) ** 0.5 * new)
    training, private, public = (
        Split(
            np.uint8(np.round(np.stack(images) + 127).clip(0, 255)), np.uint8([0, 1][: len(images)])
        )
        for images in (originals, others, [np.zeros((48, 48))])
    )
    pairs = np.array([[0, 2, 0], [1, 3, 0]])
    correlation = detail_correlation(np.concatenate([training.images, private.images]), pairs)
    assert correlation == pytest.approx([0.5, 0.7], abs=0.04)
    analysis = duplicate_analysis(Dataset(training, public, private, "0" * 64))
    assert analysis["near_pairs"] == 1
    assert analysis["in_training"]["private_test"] == {
        "exact": [],
        "near": [int(private.hashes[1])],
    }


def test_detail_correlation_agrees_with_a_direct_computation(dataset):
    images = dataset.training.images
    correlation = detail_correlation(images, np.array([[0, 1, 0], [2, 2, 0], [3, 4, 1]]))
    assert correlation[1] == pytest.approx(1)

    def detail(image):
        return image.astype(np.float32) - gaussian_filter(image.astype(np.float32), 2)

    def best(a, b):
        correlations = []
        for y in range(-4, 5):
            for x in range(-4, 5):
                part_a = a[max(y, 0) : 48 + min(y, 0), max(x, 0) : 48 + min(x, 0)].ravel()
                part_b = b[max(-y, 0) : 48 + min(-y, 0), max(-x, 0) : 48 + min(-x, 0)].ravel()
                lengths = np.linalg.norm(part_a) * np.linalg.norm(part_b)
                correlations.append(part_a @ part_b / lengths)
        return max(correlations)

    expected = best(detail(images[0]), detail(images[1]))
    assert correlation[0] == pytest.approx(expected, abs=1e-4)
    mirrored = best(detail(images[3]), detail(images[4])[:, ::-1])
    assert correlation[2] == pytest.approx(mirrored, abs=1e-4)


def test_details_are_compared_over_shifts_by_up_to_four_pixels():
    scene = np.random.default_rng(0).integers(256, size=(58, 58), dtype=np.uint8)
    images = np.stack([scene[k : k + 48, 10 - k : 58 - k] for k in (5, 9, 1, 10)])
    pairs = np.array([[0, 1, 0], [0, 2, 0], [0, 3, 0]])  # by 4, −4 and 5 pixels
    same, back, beyond = detail_correlation(images, pairs)
    assert min(same, back) > 0.95 and beyond < 0.2


def test_flat_images_vary_by_less_than_one_gray_level(dataset):
    images = np.zeros((3, 48, 48), np.uint8)
    images[:, :24] = np.array([1, 2, 4])[:, None, None]  # deviations 0.5, 1 and 2
    flat = Dataset(Split(images, np.uint8([0, 1, 2])), *[dataset.public_test] * 2, "0" * 64)
    assert exact_duplicates(flat)["flat"] == 1


def test_predictions_without_leakage(tmp_path):
    path, large = tmp_path / "leakage.json", 2**64 - 1  # more digits than a float has
    in_training = {"private_test": {"exact": [large], "near": [7]}}
    write_json(path, {"in_training": in_training})
    predictions = SplitPredictions(
        np.eye(7, dtype=np.float32)[[4, 5, 6]],
        np.uint8([0, 1, 2]),
        np.array([7, large, large - 1], np.uint64),
    )
    exact = without_leakage(predictions, "private_test", path=path)
    assert exact.hashes.tolist() == [7, large - 1]
    assert exact.labels.tolist() == [0, 2] and exact.predicted.tolist() == [4, 6]
    near = without_leakage(predictions, "private_test", near=True, path=path)
    assert near.hashes.tolist() == [large - 1] and near.predicted.tolist() == [6]


def test_the_de_duplicated_splits_of_the_record():
    record = read_json(LEAKAGE_PATH)
    for split, title in (("public_test", "PublicTest"), ("private_test", "PrivateTest")):
        predictions = find_run(RESULTS, "se_cnn", 0).predictions[split]
        leaked = record["exact"]["across"][f"{title} in Training"]
        assert len(predictions) - len(without_leakage(predictions, split)) == leaked
        assert len(without_leakage(predictions, split, near=True)) < len(predictions) - leaked


def test_the_record_is_of_fer2013(fer2013):
    assert exact_duplicates(fer2013) == read_json(LEAKAGE_PATH)["exact"]
