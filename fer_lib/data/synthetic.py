"""Synthetic faces, drawn from action units (AU) of the Facial Action Coding System (Ekman & Friesen
1978).

They replace FER2013 in the tests and in the quick profile. They are cartoons: accuracy on them
shows that the code works, not how well a network recognizes real faces.
"""

import csv
import gzip
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fer_lib.data.dataset import Split
from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE, SPLITS
from fer_lib.data.readers import COLUMNS
from fer_lib.io import atomic_write

# The action units of each emotion, after Ekman & Friesen's EMFACS prototypes.
ACTION_UNITS: dict[str, tuple[int, ...]] = {
    "angry": (4, 5, 7, 23),
    "disgust": (9, 15, 16),
    "fear": (1, 2, 4, 5, 20, 26),
    "happy": (6, 12),
    "sad": (1, 4, 15),
    "surprise": (1, 2, 5, 26),
    "neutral": (),
}

# The fraction of each emotion among the 28,709 images of Training, in label order.
CLASS_FRACTIONS = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965]) / 28_709

LABEL_NOISE = 0.05
SYNTHETIC_SIZES = dict(zip(SPLITS, (2_400, 400, 400), strict=True))

_SCALE = 4  # drawn four times larger and averaged down, which smooths the edges
_CANVAS = IMAGE_SIZE * _SCALE


def synthetic_faces(labels: np.ndarray, seed: int) -> np.ndarray:
    """Draw one face for each label, with random head, hair, light, pose and action units.

    The same labels and seed give the same bytes.

    Args:
        labels: int [n], 0–6.
        seed: The seed of every random draw.

    Returns:
        uint8 [n, 48, 48].

    Example:
        >>> synthetic_faces(np.array([3, 4]), seed=0).shape
        (2, 48, 48)
    """
    seeds = np.random.SeedSequence(seed).spawn(len(labels))
    faces = [
        _draw_face(EMOTION_NAMES[label], np.random.default_rng(child))
        for label, child in zip(labels, seeds, strict=True)
    ]
    return np.array(faces, np.uint8).reshape(-1, IMAGE_SIZE, IMAGE_SIZE)


def balanced_faces(n: int, seed: int) -> Split:
    """Draw `n` faces, equally many of each emotion, with their labels."""
    labels = np.uint8(np.arange(n) % len(EMOTION_NAMES))
    return Split(synthetic_faces(labels, seed), labels)


def write_synthetic_csv(path: Path, sizes: dict[str, int], seed: int = 0) -> None:
    """Write a data set of synthetic faces in the format of Kaggle's CSV, gzipped.

    Its classes are as imbalanced as those of FER2013, with at least three faces of each in every
    split, and one label in twenty is random.

    Args:
        path: The file to write.
        sizes: The number of images of each split.
        seed: The seed of every random draw.
    """
    rng = np.random.default_rng(seed)
    rows = [COLUMNS]
    for index, (split, n) in enumerate(sizes.items()):
        three_of_each = np.repeat(np.arange(len(EMOTION_NAMES)), 3)
        drawn = rng.choice(len(EMOTION_NAMES), n, p=CLASS_FRACTIONS)
        emotions = np.concatenate([three_of_each, drawn])[:n]
        rng.shuffle(emotions)
        labels = np.where(
            rng.random(n) < LABEL_NOISE, rng.integers(len(EMOTION_NAMES), size=n), emotions
        )
        images = synthetic_faces(emotions, seed=seed * len(SPLITS) + index)
        pixels = (" ".join(map(str, image.ravel())) for image in images)
        rows += zip(labels, pixels, [split] * n, strict=True)
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    with atomic_write(path) as tmp:
        # No time stamp and no name in the gzip header: the same seed gives the same bytes.
        tmp.write_bytes(gzip.compress(text.getvalue().encode("ascii"), mtime=0))


def _draw_face(emotion: str, rng: np.random.Generator) -> np.ndarray:
    # The intensity of each unit: 0.6–1 for those of the emotion, at most 0.12 for the rest.
    intensity = {
        unit: rng.uniform(0, 0.12) for unit in (1, 2, 4, 5, 6, 7, 9, 12, 15, 16, 20, 23, 26)
    }
    intensity |= {unit: rng.uniform(0.6, 1.0) for unit in ACTION_UNITS[emotion]}
    skin = rng.uniform(90, 215)
    gray = SimpleNamespace(  # levels, 0–255
        skin=skin,
        hair=rng.uniform(15, 0.6 * skin),
        line=max(skin - rng.uniform(75, 110), 5),
        background=rng.uniform(20, 235),
    )

    image = Image.new("L", (_CANVAS, _CANVAS), int(gray.background))
    pen = ImageDraw.Draw(image)
    _draw_head(pen, rng, gray)
    for side in (-1, 1):
        _draw_eye_and_brow(pen, side, intensity, gray)
    _draw_nose(pen, intensity, gray)
    _draw_mouth(pen, intensity, gray)

    pose = image.rotate(
        rng.normal(0, 5),
        Image.Resampling.BILINEAR,
        translate=tuple(rng.normal(0, 5, 2)),
        fillcolor=int(gray.background),
    )
    blurred = pose.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2.5)))
    small = np.asarray(blurred.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BOX), np.float64)
    x, y = np.meshgrid(np.linspace(-1, 1, IMAGE_SIZE), np.linspace(-1, 1, IMAGE_SIZE))
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 + rng.uniform(0, 0.3) * (x * np.cos(angle) + y * np.sin(angle))
    noisy = small * light + rng.normal(0, rng.uniform(3, 12), small.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


# Coordinates are relative to the face: its center is (0, 0), its half-width about 1, and y points
# down.
def _at(x: float, y: float) -> tuple[float, float]:
    return (_CANVAS / 2 + 70 * x, _CANVAS / 2 + 4 + 70 * y)


def _box(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    return [_at(x - width, y - height), _at(x + width, y + height)]


def _curve(pen, points: list[tuple[float, float]], fill: float, width: float) -> None:
    """Draw the quadratic Bézier curve through three points."""
    (x0, y0), (xm, ym), (x1, y1) = points
    xc, yc = 2 * xm - (x0 + x1) / 2, 2 * ym - (y0 + y1) / 2
    t = np.linspace(0, 1, 15)
    x = (1 - t) ** 2 * x0 + 2 * t * (1 - t) * xc + t**2 * x1
    y = (1 - t) ** 2 * y0 + 2 * t * (1 - t) * yc + t**2 * y1
    pen.line([_at(a, b) for a, b in zip(x, y, strict=True)], int(fill), round(70 * width), "curve")


def _draw_head(pen, rng: np.random.Generator, gray: SimpleNamespace) -> None:
    wide, tall = rng.uniform(0.88, 1.08), rng.uniform(1.12, 1.3)
    pen.ellipse(_box(0, -0.14, wide * 1.08, tall * 1.06), int(gray.hair))
    pen.rectangle([_at(-0.4, 0.9), _at(0.4, 2)], int(gray.skin * 0.85))
    pen.ellipse(_box(0, 0.05, wide, tall), int(gray.skin))
    fringe = rng.uniform(-1.05, -0.75)
    pen.chord(_box(0, -0.35, wide * 0.98, 0.85), 205, 335, int(gray.hair))
    if rng.random() < 0.3:  # long hair
        for side in (-1, 1):
            pen.ellipse(_box(side * wide * 1.02, 0.25, 0.2, 0.95), int(gray.hair))
    pen.rectangle([_at(-0.35, fringe - 0.3), _at(0.35, fringe)], int(gray.hair))


def _draw_eye_and_brow(pen, side: int, intensity: dict[int, float], gray: SimpleNamespace) -> None:
    x, y = side * 0.42, -0.22
    # AU5 raises the upper lid; AU7, AU6, AU9 and a little AU4 narrow the eye.
    opening = 0.115 * (
        1 + 0.75 * intensity[5] - 0.5 * intensity[7] - 0.45 * intensity[6] - 0.4 * intensity[9]
    )
    white = min(gray.skin + 60, 250)
    pen.ellipse(_box(x, y, 0.2, opening), int(white), int(gray.line * 0.6), 3)
    iris = min(0.085, opening)
    pen.ellipse(_box(x, y, iris, iris), int(gray.line * 0.3))
    if intensity[6] > 0.3:  # cheek raised: a fold below the eye and crow's feet
        _curve(pen, [(x - 0.2, y + 0.2), (x, y + 0.14), (x + 0.2, y + 0.2)], gray.line, 0.03)
    # AU1 lifts the inner brow, AU2 the outer, AU4 lowers and draws together.
    inner = y - 0.3 - 0.2 * intensity[1] + 0.17 * intensity[4] + 0.06 * intensity[9]
    outer = y - 0.28 - 0.2 * intensity[2] + 0.03 * intensity[4]
    middle = (inner + outer) / 2 - 0.06 - 0.06 * intensity[2]
    inner_x = side * (0.2 - 0.07 * intensity[4])
    _curve(pen, [(inner_x, inner), (x, middle), (side * 0.68, outer)], gray.hair * 0.6, 0.085)


def _draw_nose(pen, intensity: dict[int, float], gray: SimpleNamespace) -> None:
    lift = 0.06 * intensity[9]
    _curve(pen, [(-0.14, 0.2 - lift), (0, 0.26 - lift), (0.14, 0.2 - lift)], gray.line, 0.045)
    if intensity[9] > 0.3:  # wrinkles across the root of the nose, and deepened folds beside it
        for y in (-0.16, -0.06, 0.04):
            _curve(pen, [(-0.13, y + 0.03), (0, y - 0.03), (0.13, y + 0.03)], gray.line, 0.035)
        for side in (-1, 1):
            _curve(
                pen, [(side * 0.18, 0.12), (side * 0.34, 0.26), (side * 0.4, 0.46)], gray.line, 0.04
            )
    if intensity[4] > 0.3:  # the frown between the brows
        for side in (-1, 1):
            _curve(
                pen,
                [(side * 0.06, -0.5), (side * 0.05, -0.42), (side * 0.05, -0.34)],
                gray.line,
                0.03,
            )


def _draw_mouth(pen, intensity: dict[int, float], gray: SimpleNamespace) -> None:
    # AU12 pulls the corners up and out, AU15 down, AU20 straight out; AU23 tightens, AU26 drops the
    # jaw, AU16 the lower lip.
    half = (
        0.34
        + 0.14 * intensity[12]
        + 0.14 * intensity[20]
        - 0.1 * intensity[23]
        - 0.08 * intensity[26] * (1 - intensity[20])
    )
    corner = 0.62 - 0.16 * intensity[12] + 0.13 * intensity[15] + 0.1 * intensity[20]
    center = 0.62 + 0.07 * intensity[12] - 0.07 * intensity[15] - 0.05 * intensity[9]
    gap = (
        0.3 * intensity[26] * (1 - 0.45 * intensity[20])
        + 0.12 * intensity[16]
        + 0.1 * max(intensity[12] - 0.4, 0)
    )
    lips = 0.075 - 0.04 * intensity[23]
    dark = gray.line * 0.7
    if gap > 0.05:
        mouth = [
            _at(-half, corner),
            _at(-half * 0.5, center - gap * 0.25),
            _at(half * 0.5, center - gap * 0.25),
            _at(half, corner),
            _at(half * 0.6, center + gap),
            _at(0, center + gap * 1.2),
            _at(-half * 0.6, center + gap),
        ]
        pen.polygon(mouth, int(dark * 0.5))
        if max(intensity[12], intensity[16], intensity[20]) > 0.3:  # teeth
            pen.rectangle(
                [_at(-half * 0.45, center - gap * 0.1), _at(half * 0.45, center + gap * 0.25)],
                int(min(gray.skin + 70, 250)),
            )
        _curve(pen, [(-half, corner), (0, center + gap * 1.2), (half, corner)], dark, lips)
    _curve(pen, [(-half, corner), (0, center - gap * 0.3), (half, corner)], dark, lips)
