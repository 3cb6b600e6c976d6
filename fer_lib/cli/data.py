"""`inspect-data` and `download`."""

from argparse import Namespace

from fer_lib.data.dataset import download_dataset, load_dataset
from fer_lib.data.labels import EMOTION_NAMES


def inspect_data(options: Namespace) -> None:
    """Print the class counts of each split, the SHA-256 and the reader's notes."""
    dataset = load_dataset(options.path)
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
