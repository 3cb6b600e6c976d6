import numpy as np
import pytest

from fer_lib.analysis import leakage as duplicates
from fer_lib.analysis.leakage import (
    DETAIL_SIGMA,
    LEAKAGE_PATH,
    detail_correlation,
    duplicate_analysis,
    exact_duplicates,
    without_leakage,
)
from fer_lib.data.dataset import Dataset, Split
from fer_lib.io import read_json, write_json


@pytest.fixture
def copied(dataset):
    """Twelve synthetic faces in Training; PrivateTest holds two of them again, one cropped, one
    mirrored, and one face of its own."""
    faces = dataset.training.images
    shifted = np.roll(faces[5], (1, -1), axis=(0, 1))
    training = Split(
        np.concatenate([faces[:12], faces[:1]]), np.uint8([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 1])
    )
    flat = np.zeros((1, 48, 48), np.uint8)
    public = Split(np.concatenate([faces[20:22], flat]), np.uint8([0, 1, 2]))
    private = Split(
        np.stack([faces[2], faces[3], shifted, faces[8][:, ::-1], faces[30]]),
        np.uint8([2, 0, 5, 0, 1]),
    )
    return Dataset(training, public, private, "0" * 64)


def test_exact_copies_by_hand(copied):
    found = exact_duplicates(copied)
    assert (
        found["images"] == 21
        and found["copies"] == 3
        and found["groups"] == 3
        and found["largest_group"] == 2
    )
    assert found["conflicting_groups"] == 2  # faces 0 (labels 0 and 1) and 3 (labels 3 and 0)
    assert found["flat"] == 1
    assert found["across"] == {
        "PrivateTest in Training": 2,
        "PublicTest in Training": 0,
        "PrivateTest in PublicTest": 0,
    }


def test_what_is_shifted_or_mirrored_is_found_in_training(copied):
    found = duplicate_analysis(copied)
    seen = found["seen_in_training"]["private_test"]
    assert set(seen["exact"]) == set(copied.private_test.hashes[:2].tolist())
    assert set(copied.private_test.hashes[2:4].tolist()) <= set(seen["near"])
    assert copied.private_test.hashes[4] not in seen["near"]
    assert found["mirrored_pairs"] >= 1


def test_detail_correlation_is_that_of_numpy(dataset):
    images, pair = dataset.training.images, np.array([[0, 1, 0], [2, 2, 0], [3, 4, 1]])
    found = detail_correlation(images, pair)
    assert found[1] == pytest.approx(1)
    from scipy.ndimage import gaussian_filter

    def fine(image):
        return image.astype(np.float32) - gaussian_filter(image.astype(np.float32), DETAIL_SIGMA)

    def best(a, b):
        shifts = range(-4, 5)
        products = []
        for y in shifts:
            for x in shifts:
                ours = a[max(y, 0) : 48 + min(y, 0), max(x, 0) : 48 + min(x, 0)].ravel()
                theirs = b[max(-y, 0) : 48 + min(-y, 0), max(-x, 0) : 48 + min(-x, 0)].ravel()
                products.append(ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs))
        return max(products)

    assert found[0] == pytest.approx(best(fine(images[0]), fine(images[1])), abs=1e-4)
    assert found[2] == pytest.approx(best(fine(images[3]), fine(images[4])[:, ::-1]), abs=1e-4)


def test_unseen_leaves_out_what_the_record_names(tmp_path, monkeypatch):
    monkeypatch.setattr(duplicates, "RECORD", tmp_path / "duplicates.json")
    large = 2**64 - 1  # beyond what a float keeps
    write_json(
        LEAKAGE_PATH, {"seen_in_training": {"private_test": {"exact": [large], "near": [7]}}}
    )
    predictions = {"private_test_hashes": np.array([7, large, large - 1], np.uint64)}
    assert without_leakage(predictions, "private_test").tolist() == [True, False, True]
    assert without_leakage(predictions, "private_test", near=True).tolist() == [
        False,
        False,
        True,
    ]


def test_the_record_is_of_fer2013(fer2013):
    from fer_lib.analysis.leakage import (
        LEAKAGE_PATH,
        exact_duplicates,
    )

    assert exact_duplicates(fer2013) == read_json(LEAKAGE_PATH)["exact"]
