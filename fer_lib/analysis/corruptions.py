"""Eleven corruptions of faces in five severities.

The corruptions follow ImageNet-C (Hendrycks & Dietterich 2019), with kinds and sizes for faces of
48 × 48 pixels. Random draws depend only on the name of the corruption and the position of the
image, so that everyone with FER2013 obtains the same corrupted images.
"""

import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image
from scipy import ndimage
from tqdm import tqdm

from fer_lib.data.dataset import Dataset
from fer_lib.data.labels import IMAGE_SIZE
from fer_lib.io import atomic_write, sha256_of

SEVERITIES = (1, 2, 3, 4, 5)


def _motion_blur(image, length, random):
    line = np.zeros((length, length))
    line[length // 2] = 1
    kernel = ndimage.rotate(line, random.uniform(0, 180), reshape=False, order=1)
    return ndimage.convolve(image, kernel / kernel.sum(), mode="nearest")


def _jpeg(image, quality, random):
    file = io.BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _down_sampling(image, size, random):
    small = Image.fromarray(image.astype(np.uint8)).resize((size, size), Image.Resampling.BOX)
    return np.asarray(small.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR))


def _occlusion(center, image, height, random):
    """Draw a gray bar around row `center`, where FER2013's mean face has its eyes or mouth."""
    occluded = image.copy()
    occluded[center - height // 2 : center - height // 2 + height] = 127
    return occluded


def _rotation(image, degrees, random):
    return ndimage.rotate(
        image, degrees * random.choice([-1, 1]), reshape=False, order=1, mode="nearest"
    )


def _shift(image, pixels, random):
    angle = random.uniform(0, 2 * np.pi)
    return ndimage.shift(
        image, (pixels * np.sin(angle), pixels * np.cos(angle)), order=1, mode="nearest"
    )


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption.

    Attributes:
        title: name in tables and figures.
        size: what the sizes measure, and their unit.
        apply: takes an image float64 [48, 48], the size for a severity and a `RandomState`, and
            returns gray levels [48, 48].
        sizes: sizes for severities 1 to 5.
    """

    title: str
    size: str
    apply: Callable[[np.ndarray, float, np.random.RandomState], np.ndarray]
    sizes: tuple[float, ...]


_BAR_HEIGHTS = (4, 8, 11, 14, 18)

# Names seed the random draws, so renaming a corruption would change its images. Titles may change.
CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType(
    {
        "noise": Corruption(
            "Gaussian noise",
            "standard deviation in gray levels",
            lambda image, deviation, random: image + random.normal(0, deviation, image.shape),
            (8, 16, 24, 36, 50),
        ),
        "blur": Corruption(
            "Gaussian blur",
            "standard deviation in pixels",
            lambda image, sigma, random: ndimage.gaussian_filter(image, sigma, mode="nearest"),
            (0.5, 0.8, 1.2, 1.7, 2.5),
        ),
        "motion blur": Corruption(
            "motion blur", "length in pixels, in any direction", _motion_blur, (3, 5, 7, 9, 13)
        ),
        "brightness": Corruption(
            "brightness",
            "gray levels, brighter or darker",
            lambda image, levels, random: image + levels * random.choice([-1, 1]),
            (25, 50, 75, 100, 125),
        ),
        "contrast": Corruption(
            "lower contrast",
            "factor of the distance from the mean gray level",
            lambda image, factor, random: image.mean() + factor * (image - image.mean()),
            (0.7, 0.5, 0.35, 0.2, 0.1),
        ),
        "JPEG": Corruption("JPEG compression", "quality in Pillow", _jpeg, (40, 25, 15, 10, 5)),
        "down-sampling": Corruption(
            "down-sampling",
            "pixels per side, before enlarging",
            _down_sampling,
            (36, 28, 20, 16, 12),
        ),
        "eyes covered": Corruption(
            "occluded eyes", "height of the bar in pixels", partial(_occlusion, 18), _BAR_HEIGHTS
        ),
        "mouth covered": Corruption(
            "occluded mouth", "height of the bar in pixels", partial(_occlusion, 38), _BAR_HEIGHTS
        ),
        "rotation": Corruption("rotation", "degrees, either way", _rotation, (8, 15, 22, 30, 45)),
        "shift": Corruption("translation", "pixels, in any direction", _shift, (2, 4, 6, 8, 11)),
    }
)


def corrupt(images: np.ndarray, corruption: str, severity: int) -> np.ndarray:
    """Corrupt images; gray levels are rounded and clipped to 0–255.

    Args:
        images: uint8 [n, 48, 48].
        corruption: a key of `CORRUPTIONS`.
        severity: 1–5.

    Returns:
        uint8 [n, 48, 48]. The result for an image depends only on the image and its position.

    Raises:
        ValueError: there is no such corruption or severity.
    """
    if corruption not in CORRUPTIONS or severity not in SEVERITIES:
        raise ValueError(
            f"no corruption {corruption!r} of severity {severity}; "
            f"there are {', '.join(CORRUPTIONS)}, each from 1 to 5"
        )
    kind, seed = CORRUPTIONS[corruption], zlib.crc32(corruption.encode())
    corrupted = np.empty_like(images)
    for position, image in enumerate(images):
        random = np.random.RandomState([seed, position])
        values = kind.apply(image.astype(float), kind.sizes[severity - 1], random)
        corrupted[position] = np.clip(np.round(values), 0, 255)
    return corrupted


def corrupted_sets(images: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each corruption and its images by severity, uint8 [5, n, 48, 48]."""
    bar = tqdm(CORRUPTIONS)
    for name in bar:
        bar.set_description(name)
        yield name, np.stack([corrupt(images, name, severity) for severity in SEVERITIES])


def export_corruptions(dataset: Dataset, folder: Path) -> None:
    """Write the corrupted PrivateTest for the evaluation of other models, in CIFAR-10-C's format.

    The folder receives a file `<corruption>.npy` for each corruption, uint8 [5·n, 48, 48], with
    severity 1 first; `labels.npy`, uint8 [5·n]; and `SHA256SUMS`.
    """
    private, sums = dataset.private_test, []

    def save(name: str, array: np.ndarray) -> None:
        with atomic_write(folder / name) as tmp:
            np.save(tmp, array)
        sums.append(f"{sha256_of(folder / name)}  {name}\n")

    for name, images in corrupted_sets(private.images):
        save(f"{name.replace(' ', '_')}.npy", np.concatenate(images))
    save("labels.npy", np.tile(private.labels, len(SEVERITIES)))
    with atomic_write(folder / "SHA256SUMS") as tmp:
        tmp.write_text("".join(sums), encoding="utf-8")
