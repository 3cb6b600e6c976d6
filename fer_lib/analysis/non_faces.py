"""How confident the model of the package is on images that show no face.

All images are computed, or cut from photographs that scikit-image ships, and 48 × 48 gray levels,
as `predict_faces` with `cropped` would pass them to the model.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from skimage import data

from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE
from fer_lib.deploy.face_detection import detect_faces
from fer_lib.deploy.images import crop_face, photo_from_array
from fer_lib.deploy.inference import load_onnx_model
from fer_lib.io import read_json, write_json
from fer_lib.paths import ANALYSIS

NON_FACES_PATH = ANALYSIS / "non_faces.json"
IMAGES = 1000  # of each kind but constant gray, of which there are 256
FACES = 100  # the first of `skimage.data.lfw_subset`; patches without a face follow
PHOTOGRAPHS = (
    *("brick", "cell", "clock", "coffee", "coins", "grass", "gravel", "hubble_deep_field"),
    *("immunohistochemistry", "moon", "page", "retina", "rocket", "text"),
)
_SEED = 0
_CONSTANT = "constant gray"


def non_face_images() -> Iterator[tuple[str, np.ndarray]]:
    """Yield each kind of image and its images, uint8 [n, 48, 48]; always the same ones."""
    random, shape = np.random.default_rng(_SEED), (IMAGE_SIZE, IMAGE_SIZE)
    levels = np.arange(256, dtype=np.uint8)
    yield _CONSTANT, np.broadcast_to(levels[:, None, None], (256, *shape))
    yield "uniform noise", random.integers(0, 256, (IMAGES, *shape), np.uint8)
    patches = np.uint8(255 * data.lfw_subset())
    resized = np.stack([_resized(patch).ravel() for patch in patches])
    faces = resized[np.arange(IMAGES) % FACES]
    yield "pixels of faces, shuffled", random.permuted(faces, axis=1).reshape(-1, *shape)
    yield "patches without a face", resized[FACES:].reshape(-1, *shape)
    photos = [photo_from_array(_three_channels(getattr(data, name)())) for name in PHOTOGRAPHS]
    yield "squares of photographs", np.stack([_square(p, random) for p in _cycled(photos)])


def _resized(patch: np.ndarray) -> np.ndarray:
    size = (IMAGE_SIZE, IMAGE_SIZE)
    return np.asarray(Image.fromarray(patch).resize(size, Image.Resampling.BICUBIC))


def _three_channels(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.ndim == 2 else pixels[..., :3]


def _cycled(photos: list) -> Iterator:
    return (photos[number % len(photos)] for number in range(IMAGES))


def _square(photo, random: np.random.Generator) -> np.ndarray:
    """A square of 48 pixels to half the shorter side of a photo, anywhere in it."""
    height, width = photo.pixels.shape[:2]
    side = random.integers(IMAGE_SIZE, max(min(height, width) // 2, IMAGE_SIZE) + 1)
    left, top = random.integers(width - side + 1), random.integers(height - side + 1)
    return crop_face(photo, (left, top, side))


def confidence_on(images: np.ndarray) -> dict:
    """Measure the confidence of the package's model, which is the probability of its prediction.

    Args:
        images: uint8 [n, 48, 48].

    Returns:
        `mean_confidence`; the shares of images with a confidence of at least 0.5 and 0.9; the
        `most_frequent` predicted class and its share; and the share in which the face detector
        finds a face, so that `predict_faces` would classify it without `cropped`.
    """
    probabilities = load_onnx_model().probabilities(images)
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    counts = np.bincount(predicted, minlength=len(EMOTION_NAMES))
    detected = [bool(detect_faces(photo_from_array(image))) for image in images]
    return {
        "images": len(images),
        "mean_confidence": float(confidence.mean()),
        "share_above_0.5": float((confidence >= 0.5).mean()),
        "share_above_0.9": float((confidence >= 0.9).mean()),
        "most_frequent": EMOTION_NAMES[counts.argmax()],
        "share_most_frequent": float(counts.max() / len(images)),
        "share_detected": float(np.mean(detected)),
    }


def record_non_faces(path: Path = NON_FACES_PATH) -> None:
    """Write what `confidence_on` returns for each kind of image."""
    write_json(path, {kind: confidence_on(images) for kind, images in non_face_images()})


def sample_non_faces(path: Path = NON_FACES_PATH) -> Iterator[tuple[str, dict, dict]]:
    """Yield a kind of image whose measurement takes seconds: recorded, and measured again."""
    images = next(images for kind, images in non_face_images() if kind == _CONSTANT)
    yield _CONSTANT, read_json(path)[_CONSTANT], confidence_on(images)


def non_faces(path: Path = NON_FACES_PATH) -> pd.DataFrame:
    """Confidence on images without a face, as recorded.

    Returns:
        One row per kind of image, which is the index; columns are the keys of `confidence_on`.
    """
    return pd.DataFrame.from_dict(read_json(path), orient="index")
