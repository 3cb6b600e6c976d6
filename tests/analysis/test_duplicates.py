import numpy as np
import pytest

from fer_lib.analysis.duplicates import correlation_bands, duplicate_counts
from fer_lib.analysis.leakage import duplicate_analysis
from fer_lib.io import write_json


@pytest.fixture(scope="module")
def leakage_path(dataset, tmp_path_factory):
    """A record in which ten images of PrivateTest are duplicates and twenty near-duplicates."""
    path, hashes = tmp_path_factory.mktemp("analysis") / "leakage.json", dataset.private_test.hashes
    in_training = {"exact": hashes[:10].tolist(), "near": hashes[10:30].tolist()}
    empty = {"exact": [], "near": []}
    record = duplicate_analysis(dataset)
    record["in_training"] = {"private_test": in_training, "public_test": empty}
    write_json(path, record)
    return path


def test_duplicate_counts(leakage_path):
    counts = duplicate_counts(leakage_path)
    assert counts["images"] == 460
    assert counts["private_test_near_training"] == 20
    assert counts["public_test_near_training"] == 0


def test_counts_are_those_of_the_named_pair_of_splits(leakage_path, tmp_path):
    across = {"PrivateTest in Training": 3, "PublicTest in Training": 2}
    exact = {"images": 9, "duplicates": 6, "groups": 5, "conflicting_groups": 4, "flat": 1}
    record = {
        "exact": {**exact, "across": {**across, "PrivateTest in PublicTest": 7}},
        "near_pairs": 8,
        "mirrored_pairs": 10,
        "conflicting_pairs": 11,
        "in_training": {"private_test": {"near": [1, 2]}, "public_test": {"near": [3]}},
    }
    write_json(tmp_path / "leakage.json", record)
    assert duplicate_counts(tmp_path / "leakage.json") == {
        "images": 9,
        "duplicates": 6,
        "groups": 5,
        "conflicting_groups": 4,
        "blank": 1,
        "private_test_in_training": 3,
        "public_test_in_training": 2,
        "private_test_in_public_test": 7,
        "near_pairs": 8,
        "mirrored_pairs": 10,
        "conflicting_pairs": 11,
        "private_test_near_training": 2,
        "public_test_near_training": 1,
    }


def test_correlation_bands_cover_0_to_1(leakage_path):
    bands = correlation_bands(leakage_path)
    assert bands["low"].tolist() == pytest.approx(np.arange(10) / 10)
    assert bands["high"].tolist() == pytest.approx(np.arange(1, 11) / 10)
