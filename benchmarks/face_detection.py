"""Measure face detection: BlazeFace, which the library uses, and OpenCV's Haar cascade.

Recall on two portraits in the public domain, which scikit-image and Matplotlib ship, in variants of
size, rotation, brightness, blur, occlusion and number: a check of invariance. Recall on 100 faces
of scikit-image's subset of Labeled Faces in the Wild, 25 × 25 pixels of about as many people. False
positives on photographs and textures without faces, and on the subset's 100 patches without faces.
Other score thresholds are compared on the same images: none are held out. Times are processor
times, because other programs may run. With FER2013, the images of PublicTest are laid into larger
ones, too: how FER2013's square lies to the detector's box, and the accuracy of the default model by
the side of the crop and after rotations. Needs the `report` extra and opencv-python-headless, whose
fourth version has the cascade. Writes `results/analysis/face_detection.json`.

    python benchmarks/face_detection.py [--images N] [--model FILE]
"""

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from matplotlib import cbook
from PIL import Image, ImageFilter, ImageOps
from skimage import data
from sklearn.datasets import load_sample_images

from fer_lib.data.dataset import load_dataset
from fer_lib.data.readers import DataError
from fer_lib.deploy import face_detection
from fer_lib.deploy.face_detection import detect_faces
from fer_lib.deploy.images import crop_face, photo_from_array
from fer_lib.deploy.inference import OnnxModel, load_onnx_model
from fer_lib.io import write_json
from fer_lib.paths import ANALYSIS
from fer_lib.runs.environment import hardware
from fer_lib.runs.manifest import manifest_updated

PATH = ANALYSIS / "face_detection.json"
THRESHOLDS = (0.5, 0.6, 0.65, 0.7, 0.72, 0.75, 0.8)
SIZES = (20, 30, 40, 60, 80, 120, 200, 400)
ROTATIONS = (-45, -30, -15, 15, 30, 45)
BRIGHTNESS = (0.25, 0.5, 1.5, 2.0)
BLUR = (2, 4, 8)  # standard deviations in pixels, on a face of 120
OCCLUSIONS = ("eyes", "mouth", "left half")
NUMBERS = (2, 5, 10)
CROWD_SIZES, CROWD_ROWS, CROWD_COLUMNS = (30, 40, 50, 60, 80, 120), 5, 8
CANVAS, BACKGROUND = (640, 480), (110, 120, 130)
WITHOUT_FACES = (
    "brick",
    "cell",
    "chelsea",
    "clock",
    "coffee",
    "colorwheel",
    "grass",
    "gravel",
    "horse",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "page",
    "retina",
    "rocket",
    "text",
)
SCALES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)  # of the crop's side
SHIFTS = (-0.1, 0.0, 0.1)
TURNS = (-30, 30)
LAID = 144  # pixels along a side of a FER2013 image in a larger one


@dataclass(frozen=True)
class Portrait:
    """A portrait and the square of its face: center, and side from brows to chin."""

    image: Image.Image
    x: float
    y: float
    side: float


@dataclass(frozen=True)
class Scene:
    """An image and the faces in it: [n, 3], the x and y of the center, and the side."""

    group: str
    image: np.ndarray
    faces: np.ndarray


def portraits() -> list[Portrait]:
    """Eileen Collins (NASA, scikit-image) and Grace Hopper (US Navy, Matplotlib)."""
    astronaut = Image.fromarray(data.astronaut())
    hopper = Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)).convert("RGB")
    return [Portrait(astronaut, 224, 122, 100), Portrait(hopper, 265, 236, 205)]


def placed(portrait: Portrait, side: float, center: tuple[float, float], size=CANVAS, angle=0.0):
    """A portrait around whose face, of a given side, an image of `size` is cut."""
    step = portrait.side / side
    cosine, sine = np.cos(np.radians(angle)) * step, np.sin(np.radians(angle)) * step
    image, x, y = portrait.image, portrait.x, portrait.y
    if (factor := int(step)) > 1:
        image, x, y = image.reduce(factor), x / factor, y / factor
        cosine, sine = cosine / factor, sine / factor
    across, down = center
    matrix = (cosine, sine, x - cosine * across - sine * down)
    matrix += (-sine, cosine, y + sine * across - cosine * down)
    return image.transform(
        size,
        Image.Transform.AFFINE,
        matrix,
        Image.Resampling.BICUBIC,
        fillcolor=BACKGROUND,
    )


def scenes() -> Iterator[Scene]:
    """Images with faces, and images without."""
    middle = (CANVAS[0] / 2, CANVAS[1] / 2)
    usual = np.array([[*middle, 120]])
    for portrait in portraits():
        for side in SIZES:
            image = placed(portrait, side, middle)
            yield Scene(f"size {side}", np.asarray(image), np.array([[*middle, side]]))
        for angle in ROTATIONS:
            image = placed(portrait, 120, middle, angle=angle)
            yield Scene(f"rotation ±{abs(angle)}°", np.asarray(image), usual)
        image = placed(portrait, 120, middle)
        pixels = np.asarray(image)
        for factor in BRIGHTNESS:
            brighter = np.clip(factor * pixels, 0, 255).astype(np.uint8)
            yield Scene(f"brightness × {factor:g}", brighter, usual)
        for radius in BLUR:
            blurred = image.filter(ImageFilter.GaussianBlur(radius))
            yield Scene(f"blur {radius} px", np.asarray(blurred), usual)
        for name in OCCLUSIONS:
            yield Scene(f"occlusion: {name}", occluded(pixels, name), usual)
        yield Scene("80 px in 4000 × 3000", *in_large_photo(portrait))
    for number in NUMBERS:
        yield Scene(f"{number} faces", *several(number))
    for side in CROWD_SIZES:
        yield Scene(f"crowd, {side} px", *crowd(side))
    lfw = np.uint8(255 * data.lfw_subset())
    for row, patch in enumerate(lfw):
        picture = Image.new("L", (300, 225), 110)
        picture.paste(Image.fromarray(patch).resize((75, 75), Image.Resampling.BICUBIC), (110, 75))
        faces = np.array([[147.5, 112.5, 60]]) if row < 100 else np.empty((0, 3))
        yield Scene("100 people" if row < 100 else "100 patches", np.asarray(picture), faces)
    photos = [np.asarray(getattr(data, name)()) for name in WITHOUT_FACES]
    for pixels in [*photos, *load_sample_images().images]:
        image = np.uint8(pixels) * (255 if pixels.dtype == bool else 1)
        yield Scene("photos", image[..., :3] if image.ndim == 3 else image, np.empty((0, 3)))


def occluded(pixels: np.ndarray, name: str) -> np.ndarray:
    """Cover a part of the face of 120 pixels in the middle."""
    x, y = CANVAS[0] // 2, CANVAS[1] // 2
    rows, columns = {
        "eyes": (slice(y - 35, y - 5), slice(x - 60, x + 60)),
        "mouth": (slice(y + 15, y + 60), slice(x - 60, x + 60)),
        "left half": (slice(y - 70, y + 70), slice(x - 70, x)),
    }[name]
    covered = pixels.copy()
    covered[rows, columns] = 40
    return covered


def in_large_photo(portrait: Portrait) -> tuple[np.ndarray, np.ndarray]:
    """A face of 80 pixels in a photo of 4000 × 3000, in a corner of it."""
    photo = Image.new("RGB", (4000, 3000), BACKGROUND)
    photo.paste(placed(portrait, 80, (120, 120), (240, 240)), (2950, 1870))
    return np.asarray(photo), np.array([[3070, 1990, 80]])


def several(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Faces of 60 to 105 pixels, of both people in turn, in rows of five."""
    photo, faces, people = Image.new("RGB", (1000, 400), BACKGROUND), [], portraits()
    for k in range(number):
        side, left, top = 60 + 5 * k, 200 * (k % 5), 200 * (k // 5)
        photo.paste(placed(people[k % 2], side, (100, 100), (200, 200)), (left, top))
        faces.append((left + 100, top + 100, side))
    return np.asarray(photo), np.array(faces)


def crowd(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Heads side by side in the middle of a photo of 4000 × 3000, of both people in turn."""
    photo, faces, people = Image.new("RGB", (4000, 3000), BACKGROUND), [], portraits()
    cell = 2 * side  # a head is about half as wide again as its face
    start = (4000 - CROWD_COLUMNS * cell) // 2, (3000 - CROWD_ROWS * cell) // 2
    for k in range(CROWD_ROWS * CROWD_COLUMNS):
        left, top = start[0] + k % CROWD_COLUMNS * cell, start[1] + k // CROWD_COLUMNS * cell
        head = placed(people[k % 2], side, (side, side), (cell, cell))
        photo.paste(head if k % 4 < 2 else ImageOps.mirror(head), (left, top))
        faces.append((left + side, top + side, side))
    return np.asarray(photo), np.array(faces)


class HaarCascade:
    """The detector that the library used before: in at most 1,000 pixels, from 30 pixels on."""

    def __init__(self):
        path = Path(cv2.data.haarcascades) / "haarcascade_frontalface_alt2.xml"
        self._cascade = cv2.CascadeClassifier(str(path))

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Centers and sides of faces and their scores, which are 1: [n, 4]."""
        gray = np.asarray(Image.fromarray(pixels).convert("L"))
        ratio = min(1000 / max(gray.shape), 1)
        size = tuple(round(ratio * side) for side in gray.shape[::-1])
        small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
        boxes = self._cascade.detectMultiScale(small, 1.1, 5, minSize=(30, 30))
        rows = [(x + side / 2, y + side / 2, side, ratio) for x, y, side, _ in boxes]
        return np.array(rows).reshape(-1, 4) / ratio


def blazeface(pixels: np.ndarray) -> np.ndarray:
    """As `HaarCascade`, with BlazeFace's scores, from the lowest of `THRESHOLDS` on."""
    faces = detect_faces(photo_from_array(pixels), THRESHOLDS[0])
    return np.array([(*face.center, face.side, face.score) for face in faces]).reshape(-1, 4)


def is_found(face: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Whether a detection's center is within 0.35 sides of the face's, and its side fits."""
    distance = np.hypot(*(detected[:, :2] - face[:2]).T) / face[2]
    ratio = detected[:, 2] / face[2]
    return (distance < 0.35) & (ratio > 0.6) & (ratio < 1.7)


def measure(detectors: dict) -> tuple[list[dict], list[dict]]:
    """Recall and false positives by group and detector, and BlazeFace's by threshold."""
    counts, times = defaultdict(Counter), defaultdict(list)
    for scene in scenes():
        for name, detect in detectors.items():
            began = time.process_time()
            detected = detect(scene.image)
            times[scene.group, name].append(1000 * (time.process_time() - began))
            for threshold in THRESHOLDS:
                kept = detected[detected[:, 3] >= threshold]
                matches = [is_found(face, kept) for face in scene.faces]
                true = np.any(matches, axis=0) if matches else np.zeros(len(kept), bool)
                counts[scene.group, name, threshold].update(
                    images=1,
                    faces=len(scene.faces),
                    detected=int(sum(map(np.any, matches))),
                    false_positives=int((~true).sum()),
                )
    rows = [
        {
            "group": group,
            "detector": name,
            **counts[key],
            "ms": round(float(np.median(times[group, name])), 1),
        }
        for key in counts
        for group, name, threshold in [key]
        if threshold == face_detection.SCORE_THRESHOLD
    ]
    by_threshold = []
    for threshold in THRESHOLDS:
        total = Counter()
        for (_, name, at), count in counts.items():
            if (name, at) == ("BlazeFace", threshold):
                total.update(count)
        by_threshold.append({"threshold": threshold, **total})
    return rows, by_threshold


def crop_geometry(images: np.ndarray, labels: np.ndarray, model: OnnxModel) -> dict:
    """FER2013's square in the detector's box, and accuracy by crop and rotation."""

    def accuracy(crops: list[np.ndarray]) -> float:
        predicted = model.probabilities(np.stack(crops)).argmax(axis=1)
        return float((predicted == found_labels).mean())

    laid = [_laid(image) for image in images]
    faces = [_middle_face(photo) for photo in laid]
    rows = [row for row, face in enumerate(faces) if face]
    photos, faces, found_labels = [laid[r] for r in rows], [faces[r] for r in rows], labels[rows]
    middle = len(laid[0].pixels) / 2
    side = np.array([LAID / face.side for face in faces])
    turns = np.radians([face.angle for face in faces])
    x, y = np.array([(middle - np.array(face.center)) / face.side for face in faces]).T
    down = y * np.cos(turns) - x * np.sin(turns)
    by_crop = [
        {
            "side": scale,
            "shift": shift,
            "accuracy": accuracy(
                [
                    crop_face(photo, _square(face, scale, shift), face.angle)
                    for photo, face in zip(photos, faces, strict=True)
                ]
            ),
        }
        for scale, shift in _crops()
    ]
    as_detected = [crop_face(p, f.square, f.angle) for p, f in zip(photos, faces, strict=True)]
    not_turned = [crop_face(p, f.square) for p, f in zip(photos, faces, strict=True)]
    return {
        "images": len(images),
        "detected": len(faces),
        "side_quartiles": np.quantile(side, (0.25, 0.5, 0.75)).tolist(),
        "shift_quartiles": np.quantile(down, (0.25, 0.5, 0.75)).tolist(),
        "accuracy_of_the_images": accuracy([images[row] for row in rows]),
        "accuracy_of_crops": accuracy(as_detected),
        "accuracy_of_crops_that_are_not_turned": accuracy(not_turned),
        "by_crop": by_crop,
        "by_rotation": [_rotated(images, labels, angle, model) for angle in TURNS],
    }


def _crops() -> list[tuple[float, float]]:
    best = face_detection.SQUARE_SIDE, face_detection.SQUARE_SHIFT
    by_side = [(round(best[0] * scale, 3), best[1]) for scale in SCALES]
    return by_side + [(best[0], round(best[1] + shift, 3)) for shift in SHIFTS if shift]


def _square(face, side: float, shift: float) -> tuple[float, float, float]:
    turn, side = np.radians(face.angle), side * face.side
    x = face.center[0] - shift * face.side * np.sin(turn)
    y = face.center[1] + shift * face.side * np.cos(turn)
    return x - side / 2, y - side / 2, side


def _laid(image: np.ndarray, angle: float = 0.0):
    """An image of FER2013, enlarged threefold, whose border pixels continue around it."""
    enlarged = Image.fromarray(image).resize((LAID, LAID), Image.Resampling.BICUBIC)
    padded = Image.fromarray(np.pad(np.asarray(enlarged), LAID // 2, mode="edge"))
    return photo_from_array(np.asarray(padded.rotate(-angle, Image.Resampling.BICUBIC)))


def _middle_face(photo):
    """The detected face nearest to the middle, if its center is in the middle third."""
    middle = len(photo.pixels) / 2
    near = [
        (distance, face)
        for face in detect_faces(photo)
        if (distance := np.hypot(*(np.array(face.center) - middle))) < LAID / 3
    ]
    return min(near, default=(0, None), key=lambda pair: pair[0])[1]


def _rotated(images: np.ndarray, labels: np.ndarray, angle: float, model: OnnxModel) -> dict:
    upright, not_turned, found = [], [], []
    for image, label in zip(images, labels, strict=True):
        photo = _laid(image, angle)
        if face := _middle_face(photo):
            upright.append(crop_face(photo, face.square, face.angle))
            not_turned.append(crop_face(photo, face.square))
            found.append(label)
    predicted = [model.probabilities(np.stack(x)).argmax(axis=1) for x in (upright, not_turned)]
    turned, as_is = ((p == found).mean() for p in predicted)
    return {
        "angle": angle,
        "detected": len(found),
        "accuracy": float(turned),
        "accuracy_not_turned": float(as_is),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--images", type=int, default=200, help="of PublicTest that are laid into larger ones"
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="an exported model")
    options = parser.parse_args()
    rows, by_threshold = measure({"BlazeFace": blazeface, "Haar cascade": HaarCascade()})
    record = {"hardware": hardware(), "rows": rows, "by_threshold": by_threshold}
    table = pd.DataFrame(rows).pivot(
        index="group", columns="detector", values=["faces", "detected", "false_positives", "ms"]
    )
    print(table.loc[list(dict.fromkeys(row["group"] for row in rows))].to_string())
    print(pd.DataFrame(by_threshold).to_string(index=False), flush=True)
    try:
        test = load_dataset().public_test
    except DataError:
        print("FER2013 is not on this machine: crops are not measured")
    else:
        model = load_onnx_model(options.model)
        chosen = np.random.default_rng(0).permutation(len(test))[: options.images]
        record["crops"] = crop_geometry(test.images[chosen], test.labels[chosen], model)
        print(pd.Series(record["crops"]).to_string())
    with manifest_updated():
        write_json(PATH, record)


if __name__ == "__main__":
    main()
