"""`inspect-data` and `download`."""

from argparse import Namespace

from fer_lib.data.dataset import Dataset, download_dataset, find_dataset, load_dataset
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.readers import DataError


def require_dataset() -> Dataset:
    """Return FER2013.

    Raises:
        DataError: it is not on this machine.
    """
    path = find_dataset()
    if path is None:
        raise DataError("FER2013 is not on this machine; data/README.md says how to get it")
    return load_dataset(path)


def inspect_data(options: Namespace) -> None:
    """Print the class counts of each split, the SHA-256 and the reader's notes."""
    dataset = load_dataset(options.path) if options.path else require_dataset()
    counts = dataset.class_counts
    print(f"{'emotion':<9}" + "".join(f"{split:>13}" for split in counts))
    for name in EMOTION_NAMES:
        print(f"{name:<9}" + "".join(f"{split[name]:>13,}" for split in counts.values()))
    print(f"{'all':<9}" + "".join(f"{sum(split.values()):>13,}" for split in counts.values()))
    print(f"SHA-256 {dataset.sha256}")
    for note in dataset.notes:
        print(f"note: {note}")


def download(options: Namespace) -> None:
    """Download FER2013, and print its path."""
    print(download_dataset())
