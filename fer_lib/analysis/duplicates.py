"""Recorded duplicates and near-duplicates in FER2013."""

from pathlib import Path

import pandas as pd

from fer_lib.analysis.leakage import LEAKAGE_PATH
from fer_lib.io import read_json


def duplicate_counts(path: Path = LEAKAGE_PATH) -> dict[str, int]:
    """Return the recorded counts of duplicates and near-duplicates.

    Returns:
        `images`, all images; `duplicates`, images beyond the first of each group of equal ones;
        `groups`, and `conflicting_groups`, whose labels differ; `blank`, distinct images without
        content; `<split>_in_<split>`, images of the first split that also occur in the second;
        `near_pairs`, pairs of distinct images that are near-duplicates, including `mirrored_pairs`
        and `conflicting_pairs` without a common label; and `<split>_near_training`, distinct images
        of a test split with a near-duplicate but no duplicate in Training.
    """
    record = read_json(path)
    exact, in_training = record["exact"], record["in_training"]
    return {
        **{name: exact[name] for name in ("images", "duplicates", "groups", "conflicting_groups")},
        "blank": exact["flat"],
        "private_test_in_training": exact["across"]["PrivateTest in Training"],
        "public_test_in_training": exact["across"]["PublicTest in Training"],
        "private_test_in_public_test": exact["across"]["PrivateTest in PublicTest"],
        **{name: record[name] for name in ("near_pairs", "mirrored_pairs", "conflicting_pairs")},
        "private_test_near_training": len(in_training["private_test"]["near"]),
        "public_test_near_training": len(in_training["public_test"]["near"]),
    }


def correlation_bands(path: Path = LEAKAGE_PATH) -> pd.DataFrame:
    """Return the candidate pairs by their detail correlation: `low`, `high` and `pairs`."""
    return pd.DataFrame(read_json(path)["bands"], columns=["low", "high", "pairs"])
