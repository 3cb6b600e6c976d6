"""PrivateTest made harder: eleven corruptions in five severities, for measuring how fast a
network's accuracy falls.

After ImageNet-C (Hendrycks & Dietterich 2019), with kinds and sizes for faces of 48 × 48 pixels.
Every random draw follows from the
corruption's name and the image's position, so that everybody who has the images gets the same ones;
the record holds their SHA-256.
"""

import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from tqdm import tqdm

from fer_lib.data.dataset import Dataset
from fer_lib.data.readers import IMAGE_SIZE
from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.io import atomic_write, read_json, sha256_of, write_json
from fer_lib.paths import RESULTS
from fer_lib.runs.run import Run

ROBUSTNESS_PATH = RESULTS / "analysis" / "robustness.json"
SEVERITIES = (1, 2, 3, 4, 5)


def _noise(image, deviation, draws):
    return image + draws.normal(0, deviation, image.shape)


def _blur(image, sigma, draws):
    return ndimage.gaussian_filter(image, sigma, mode="nearest")


def _motion_blur(image, length, draws):
    line = np.zeros((length, length))
    line[length // 2] = 1
    kernel = ndimage.rotate(line, draws.uniform(0, 180), reshape=False, order=1)
    return ndimage.convolve(image, kernel / kernel.sum(), mode="nearest")


def _brightness(image, levels, draws):
    return image + levels * draws.choice([-1, 1])


def _contrast(image, factor, draws):
    return image.mean() + factor * (image - image.mean())


def _jpeg(image, quality, draws):
    file = io.BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _down_sampling(image, side, draws):
    small = Image.fromarray(image.astype(np.uint8)).resize((side, side), Image.Resampling.BOX)
    return np.asarray(small.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR))


def _covered(centre: int) -> Callable:
    """A bar of mid-grey over the rows around `centre`, where the mean face of FER2013 has its eyes
    or its mouth."""

    def cover(image, height, draws):
        covered = image.copy()
        covered[centre - height // 2 : centre - height // 2 + height] = 127
        return covered

    return cover


def _rotation(image, degrees, draws):
    return ndimage.rotate(
        image, degrees * draws.choice([-1, 1]), reshape=False, order=1, mode="nearest"
    )


def _shift(image, pixels, draws):
    angle = draws.uniform(0, 2 * np.pi)
    return ndimage.shift(
        image, (pixels * np.sin(angle), pixels * np.cos(angle)), order=1, mode="nearest"
    )


# Each takes a picture as float64 [48, 48], the size that belongs to the severity, and a generator;
# the sizes stand here alone.
CORRUPTIONS: dict[str, tuple[Callable, tuple]] = {
    "noise": (_noise, (8, 16, 24, 36, 50)),  # standard deviation, grey levels
    "blur": (_blur, (0.5, 0.8, 1.2, 1.7, 2.5)),  # standard deviation, pixels
    "motion blur": (_motion_blur, (3, 5, 7, 9, 13)),  # length, pixels, in any direction
    "brightness": (
        _brightness,
        (25, 50, 75, 100, 125),
    ),  # grey levels, up or down, cut off at black and white
    "contrast": (
        _contrast,
        (0.7, 0.5, 0.35, 0.2, 0.1),
    ),  # what is left of each grey level's distance from the mean
    "JPEG": (_jpeg, (40, 25, 15, 10, 5)),  # Pillow's quality
    "down-sampling": (_down_sampling, (36, 28, 20, 16, 12)),  # side, pixels, enlarged again
    "eyes covered": (_covered(18), (4, 8, 11, 14, 18)),  # height, pixels
    "mouth covered": (_covered(38), (4, 8, 11, 14, 18)),  # height, pixels
    "rotation": (_rotation, (8, 15, 22, 30, 45)),  # degrees, either way
    "shift": (_shift, (2, 4, 6, 8, 11)),  # pixels, in any direction
}


def corrupt(images: np.ndarray, corruption: str, severity: int) -> np.ndarray:
    """Return the images corrupted, rounded and cut off at 0 and 255.

    Args:
        images: uint8 [n, 48, 48]. corruption: a key of `CORRUPTIONS`. severity: 1–5.

    Returns:
        uint8 [n, 48, 48]; an image's result depends on itself and on its position alone.

    Raises:
        ValueError: there is no such corruption or severity.
    """
    if corruption not in CORRUPTIONS or severity not in SEVERITIES:
        raise ValueError(
            f"no corruption {corruption!r} of severity {severity}; there are {', '.join(CORRUPTIONS)}, each from 1 to 5"
        )
    change, sizes = CORRUPTIONS[corruption]
    name, changed = zlib.crc32(corruption.encode()), np.empty_like(images)
    for position, image in enumerate(images):
        result = change(
            image.astype(float), sizes[severity - 1], np.random.RandomState([name, position])
        )
        changed[position] = np.clip(np.round(result), 0, 255)
    return changed


def _each(images: np.ndarray) -> Iterator[tuple[str, int, np.ndarray]]:
    bar = tqdm(
        [(name, severity) for name in CORRUPTIONS for severity in SEVERITIES], desc="corruptions"
    )
    for name, severity in bar:
        bar.set_postfix_str(f"{name} {severity}")
        yield name, severity, corrupt(images, name, severity)


def export_corruptions(dataset: Dataset, folder: Path) -> None:
    """Write PrivateTest's corrupted images for others to use, in the form of CIFAR-10-C.

    One `<corruption>.npy` for each, uint8 [5·n, 48, 48], severity 1 first; `labels.npy` uint8
    [5·n]; and `SHA256SUMS`.
    """
    private, blocks, sums = dataset.private_test, [], []

    def save(name: str, array: np.ndarray) -> None:
        with atomic_write(folder / name) as aside, open(aside, "wb") as file:
            np.save(file, array)
        sums.append(f"{sha256_of(folder / name)}  {name}\n")

    for name, severity, images in _each(private.images):
        blocks.append(images)
        if severity == SEVERITIES[-1]:
            save(f"{name.replace(' ', '_')}.npy", np.concatenate(blocks))
            blocks = []
    save("labels.npy", np.tile(private.labels, len(SEVERITIES)))
    with atomic_write(folder / "SHA256SUMS") as aside:
        aside.write_text("".join(sums), encoding="utf-8")


def record_robustness(runs: list[Run], dataset: Dataset) -> None:
    """Add to `RECORD` the accuracy of each run that is not in it with its weights, on every
    corruption and severity.

    A run stands there under its key: `clean`, its accuracy on PrivateTest, and by corruption a list
    of five accuracies, all of its weights
    on these images. `weights_sha256` holds that of the weights, by key; `sha256` that of the
    corrupted images, by corruption; and `versions` those
    of the libraries.
    """
    there = (
        read_json(ROBUSTNESS_PATH)
        if ROBUSTNESS_PATH.is_file()
        else {"sha256": {}, "weights_sha256": {}, "runs": {}}
    )
    weights = {run.key: sha256_of(run.weights) for run in runs}
    missing = [run for run in runs if there["weights_sha256"].get(run.key) != weights[run.key]]
    if not missing:
        return
    private = dataset.private_test
    loaded = {run.key: (load_model(run), run.experiment.tta) for run in missing}

    def accuracy(key: str, images: np.ndarray) -> float:
        network, tta = loaded[key]
        return float((predict_logits(network, images, tta).argmax(axis=1) == private.labels).mean())

    found = {
        key: {"clean": accuracy(key, private.images), **{name: [] for name in CORRUPTIONS}}
        for key in loaded
    }
    digests = {name: hashlib.sha256() for name in CORRUPTIONS}
    for name, severity, images in _each(private.images):
        digests[name].update(images.tobytes())
        for key in loaded:
            found[key][name].append(accuracy(key, images))
    sha256 = {name: digest.hexdigest() for name, digest in digests.items()}
    if there["sha256"] not in ({}, sha256):
        raise ValueError(
            f"{ROBUSTNESS_PATH}: its runs were measured on other corrupted images; remove it to measure all of them again"
        )
    write_json(ROBUSTNESS_PATH, {
        "sha256": sha256,
        "versions": {package: version(package) for package in ("numpy", "scipy", "pillow")},
        "weights_sha256": {**there["weights_sha256"], **weights},
        "runs": {**there["runs"], **found},
    })  # fmt: skip
