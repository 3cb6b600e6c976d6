"""`inspect-data` and `download`."""

from argparse import Namespace
from collections.abc import Iterator

import numpy as np

from fer_lib.data.dataset import Dataset, download_dataset, is_kaggles_file, load_dataset
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.io import read_arrays
from fer_lib.paths import RESULTS
from fer_lib.runs.run import SHARED_SPLITS_FILE


def inspect_data(options: Namespace) -> None:
    """Print the class counts of each split, the SHA-256 and what a user should know."""
    dataset = load_dataset(options.path)
    counts = dataset.class_counts
    print(f"{'emotion':<9}" + "".join(f"{split:>13}" for split in counts))
    for name in EMOTION_NAMES:
        print(f"{name:<9}" + "".join(f"{split[name]:>13,}" for split in counts.values()))
    print(f"{'all':<9}" + "".join(f"{sum(split.values()):>13,}" for split in counts.values()))
    print(f"SHA-256 {dataset.sha256}")
    for note in (*dataset.notes, *_comparisons(dataset)):
        print(f"note: {note}")


def _comparisons(dataset: Dataset) -> Iterator[str]:
    """Yield what the test splits share with Training, and not with those of the recorded runs."""
    for split, count in dataset.test_images_in_training.items():
        if count:
            yield f"images of {split} that also occur in Training: {count:,}"
    recorded = RESULTS / SHARED_SPLITS_FILE
    if recorded.is_file():
        arrays = read_arrays(recorded)
        test_splits = {"PublicTest": "public_test", "PrivateTest": "private_test"}
        for split, name in test_splits.items():
            known = np.isin(dataset.splits[split].hashes, arrays[f"{name}_hashes"])
            if differing := int((~known).sum()):
                yield f"images of {split} that are not those of the recorded runs: {differing:,}"


def download(options: Namespace) -> None:
    """Download FER2013, and print its path."""
    path = download_dataset()
    print(path)
    if is_kaggles_file(path) is False:
        print("note: its MD5 is not that of the challenge's file of this name")
