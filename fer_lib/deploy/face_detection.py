"""Detect faces and their eyes with BlazeFace in ONNX Runtime.

The network is MediaPipe's short-range BlazeFace (Bazarevsky et al. 2019, arXiv:1907.05047); its
file and `face_detection_short_range.NOTICE`, which states the source, lie beside this module. Input
`input`: RGB from -1 to 1, float32 [1, 128, 128, 3]. Outputs, for each of 896 anchors: `regressors`,
[1, 896, 16], x and y of the center, width and height of the face, and x and y of six points, the
first two being the person's right and left eye, all in pixels of the input, points relative to the
anchor; `classificators`, [1, 896, 1], the logit of a face. Anchors, decoding and non-maximum
suppression are those of MediaPipe's graph
`modules/face_detection/face_detection_short_range_common.pbtxt`.

A photo is searched as a whole and, reduced less, in overlapping tiles. Each candidate is then cut
from the photo itself, turned upright by its eyes, and scored again: that score decides.
"""

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from fer_lib.deploy.images import Photo, crop_square

MODEL = Path(__file__).with_name("face_detection_short_range.onnx")
INPUT_SIZE = 128  # pixels along a side of the network's input
CANDIDATE_THRESHOLD = 0.4  # score in the search
SCORE_THRESHOLD = 0.72  # after it; `benchmarks/face_detection.py` compares others
FOLLOWED_THRESHOLD = 0.5  # of a face that the frame before had in this place
# FER2013's square in sides of the network's box: about the medians over images of PublicTest that
# are laid into larger ones (`benchmarks/face_detection.py`).
SQUARE_SIDE = 1.13
SQUARE_SHIFT = -0.085  # of the center, towards the chin

ANCHORS = ((8, 2), (16, 6))  # pixels from one point to the next, and anchors at each point
_LOGIT_LIMIT = 100.0
LOWEST_SCORE = 0.1
OVERLAP_LIMIT = 0.3  # intersection over union above which two boxes are of one face
# Lengths in pixels to which the photo's longer side is brought: the first shows a face that fills
# the photo with a border around it; in all but the first two, tiles are searched.
LENGTHS = (64, 128, 256, 512, 1024)
LARGEST_MAGNIFICATION = 1.5
TILE_OVERLAP = 32  # pixels
LARGEST_IN_TILE = 40  # side of a face; larger ones are found at half the length
REFINED_SIDE = 2.0  # side of its square, in sides of the candidate


@dataclass(frozen=True)
class Detection:
    """A detected face, in pixels of the photo.

    Attributes:
        center, side: of the network's box, which is a square.
        eyes: x and y of the person's right eye, which is on the left in the image, and of the
            other.
        score: the network's probability of a face.
    """

    center: tuple[float, float]
    side: float
    eyes: tuple[tuple[float, float], tuple[float, float]]
    score: float

    @property
    def angle(self) -> float:
        """The face's rotation in degrees, clockwise: that of the line through its eyes."""
        return _angle(*self.eyes)

    @property
    def square(self) -> tuple[float, float, float]:
        """Left, top and side of the square that FER2013 would show, before its rotation."""
        side, shift = SQUARE_SIDE * self.side, SQUARE_SHIFT * self.side
        turn = math.radians(self.angle)
        x, y = self.center[0] - shift * math.sin(turn), self.center[1] + shift * math.cos(turn)
        return x - side / 2, y - side / 2, side


def detect_faces(photo: Photo, threshold: float = SCORE_THRESHOLD) -> list[Detection]:
    """Detect the faces of a photo, from left to right.

    Args:
        threshold: the lowest score of a detected face.
    """
    image = Image.fromarray(photo.pixels)
    largest = max(INPUT_SIZE, LARGEST_MAGNIFICATION * max(image.size))
    by_length = [_search(image, length) for length in LENGTHS if length <= largest]
    candidates = suppress_overlapping(np.concatenate(by_length))
    faces = np.concatenate([np.empty((0, 8)), *(_refine(photo, row) for row in candidates)])
    faces = suppress_overlapping(faces[faces[:, 7] >= threshold])
    return [_detection(row) for row in sorted(faces.tolist())]


def follow_face(photo: Photo, face: Detection) -> Detection | None:
    """Detect a face again in the next frame of a video, within a square twice as wide.

    It takes one run of the network. Returns None where the face is no longer found.
    """
    rows = _refine(photo, _row(face))
    return _detection(rows[0].tolist()) if len(rows) and rows[0, 7] >= FOLLOWED_THRESHOLD else None


def overlapping(face: Detection, other: Detection) -> bool:
    """Whether two detections are of one face."""
    return bool(_intersection_over_union(_row(face), _row(other)[None])[0] > OVERLAP_LIMIT)


# Faces are rows of eight numbers: x and y of the center and of both eyes, side, and score.


def _detection(row: list[float]) -> Detection:
    x, y, x0, y0, x1, y1, side, score = row
    return Detection((x, y), side, ((x0, y0), (x1, y1)), score)


def _row(face: Detection) -> np.ndarray:
    return np.array([*face.center, *face.eyes[0], *face.eyes[1], face.side, face.score])


def _search(image: Image.Image, length: int) -> np.ndarray:
    ratio = length / max(image.size)
    size = tuple(max(round(ratio * side), 1) for side in image.size)
    resized = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2)
    canvas = Image.new("RGB", tuple(max(side, INPUT_SIZE) for side in size))
    border = tuple((canvas.size[axis] - size[axis]) // 2 for axis in (0, 1))
    canvas.paste(resized, border)
    pixels, by_tile = np.asarray(canvas), []
    for top, y_range in tiles(canvas.height):
        for left, x_range in tiles(canvas.width):
            faces = run_network(pixels[top : top + INPUT_SIZE, left : left + INPUT_SIZE])
            faces = faces[faces[:, 7] >= CANDIDATE_THRESHOLD]
            if length > INPUT_SIZE:
                faces = faces[faces[:, 6] <= LARGEST_IN_TILE]
            x, y = faces[:, 0] + left, faces[:, 1] + top
            nearest = (x >= x_range[0]) & (x < x_range[1]) & (y >= y_range[0]) & (y < y_range[1])
            middle = (np.array([left, top]) + INPUT_SIZE / 2 - border) / ratio
            by_tile.append(_in_photo(faces[nearest], middle, 1 / ratio))
    return np.concatenate(by_tile)


def tiles(length: int) -> Iterator[tuple[int, tuple[float, float]]]:
    """Cover a side of an image with overlapping tiles of `INPUT_SIZE` pixels.

    Yields:
        The start of each tile, and the range of positions to which it is the nearest tile: a face
        is taken from the tile that is nearest to its center.
    """
    count = max(math.ceil((length - TILE_OVERLAP) / (INPUT_SIZE - TILE_OVERLAP)), 1)
    starts = np.linspace(0, length - INPUT_SIZE, count).round().astype(int).tolist()
    borders = [(a + b + INPUT_SIZE) / 2 for a, b in itertools.pairwise(starts)]
    yield from zip(starts, itertools.pairwise([-math.inf, *borders, math.inf]), strict=True)


def _refine(photo: Photo, candidate: np.ndarray) -> np.ndarray:
    """The face near the middle of an upright square around a candidate: one row, or none."""
    center, side = candidate[:2], REFINED_SIDE * candidate[6]
    angle = _angle(candidate[2:4], candidate[4:6])
    square = crop_square(photo, (*(center - side / 2), side), angle, INPUT_SIZE)
    faces = suppress_overlapping(run_network(square))
    expected = np.full(8, INPUT_SIZE / 2)
    expected[6] = INPUT_SIZE / REFINED_SIDE
    faces = faces[_intersection_over_union(expected, faces) > OVERLAP_LIMIT]
    return _in_photo(faces[:1], center, side / INPUT_SIZE, angle)


def _in_photo(
    faces: np.ndarray, middle: np.ndarray, scale: float, angle: float = 0.0
) -> np.ndarray:
    """Convert faces from pixels of a tile to pixels of the photo.

    Args:
        middle: of the tile, in pixels of the photo.
        scale: size of a pixel of the tile.
        angle: the tile's rotation in degrees, clockwise.
    """
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    points = scale * (faces[:, :6].reshape(-1, 3, 2) - INPUT_SIZE / 2)
    points = middle + points @ np.array([[cosine, sine], [-sine, cosine]])
    return np.column_stack([points.reshape(-1, 6), scale * faces[:, 6], faces[:, 7]])


def _angle(right_eye, left_eye) -> float:
    return math.degrees(math.atan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0]))


def run_network(tile: np.ndarray) -> np.ndarray:
    """Run the network on a tile, RGB, uint8 [128, 128, 3].

    Returns:
        [n, 8] in pixels of the tile: x and y of the center and of both eyes, side, and score, of
        the anchors with a score of at least 0.1, before non-maximum suppression.
    """
    pixels = tile[None].astype(np.float32) / 127.5 - 1
    regressors, logits = _session().run(["regressors", "classificators"], {"input": pixels})
    scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0].astype(float), -_LOGIT_LIMIT, _LOGIT_LIMIT)))
    rows = scores >= LOWEST_SCORE
    return decode(regressors[0, rows], anchors()[rows], scores[rows])


def decode(regressors: np.ndarray, points: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Convert outputs of the network, [n, 16], at anchors [n, 2], to faces, [n, 8]."""
    in_tile = regressors[:, [0, 1, 4, 5, 6, 7]] + np.tile(points, 3)
    return np.column_stack([in_tile, regressors[:, 2:4].mean(axis=1), scores]).astype(float)


@functools.cache
def anchors() -> np.ndarray:
    """The network's anchors, float32 [896, 2]: x and y in pixels of its input.

    MediaPipe's options are strides 8, 16, 16 and 16, two anchors of a fixed size at each point and
    stride, and an offset of half a stride.
    """
    grids = []
    for stride, count in ANCHORS:
        steps = np.arange(stride / 2, INPUT_SIZE, stride, dtype=np.float32)
        points = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        grids.append(np.repeat(points, count, axis=0))
    return np.concatenate(grids)


def suppress_overlapping(faces: np.ndarray) -> np.ndarray:
    """Merge overlapping faces: MediaPipe's weighted non-maximum suppression.

    Returns:
        [m, 8]: the means of each face's rows, weighted by score, with their highest score; the
        highest first.
    """
    remaining, merged = faces[np.argsort(-faces[:, 7], kind="stable")], []
    while len(remaining):
        same = _intersection_over_union(remaining[0], remaining) > OVERLAP_LIMIT
        mean = np.average(remaining[same, :7], axis=0, weights=remaining[same, 7])
        merged.append([*mean, remaining[0, 7]])
        remaining = remaining[~same]
    return np.array(merged).reshape(-1, 8)


def _intersection_over_union(face: np.ndarray, faces: np.ndarray) -> np.ndarray:
    sides, other_sides = face[6], faces[:, 6:7]
    low = np.maximum(face[:2] - sides / 2, faces[:, :2] - other_sides / 2)
    high = np.minimum(face[:2] + sides / 2, faces[:, :2] + other_sides / 2)
    intersection = np.prod(np.maximum(high - low, 0), axis=1)
    return intersection / (sides**2 + faces[:, 6] ** 2 - intersection)


@functools.cache
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a tile takes less than a millisecond
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])
