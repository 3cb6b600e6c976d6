"""Training on other faces first: class folders of pictures, and a run whose weights an experiment starts from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np
from tqdm import tqdm

from fer_lib import photos, synthetic, training
from fer_lib.batches import Batches, one_hot, rows_of_share
from fer_lib.data import Split
from fer_lib.emotions import NAMES
from fer_lib.experiments import PRETRAINING, PRETRAINING_NAME
from fer_lib.files import write_json
from fer_lib.formats import SIDE, DataError
from fer_lib.profiles import Profile
from fer_lib.runs import Run, folder_of

HELD_OUT = 0.1  # of each class, for the choice of the best epoch
SYNTHETIC_FACES = 6_000


@dataclass(frozen=True, eq=False)
class OtherFaces:
    """Labelled pictures of any data set.

    Attributes:
        split: the pictures as the networks take them; labels are positions in `classes`.
        classes: the folders' names.
        sha256: over the names of the classes, the pixels and the labels.
    """

    split: Split
    classes: tuple[str, ...]
    sha256: str


def read(folder: Path) -> OtherFaces:
    """Read a folder that holds one folder of pictures for each class, as AffectNet and RAF-DB are handed on.

    Any label set and any form of picture: each is turned as its EXIF data say, made grey, cut to its square middle, and brought
    to 48 × 48 pixels by averaging, or bilinearly where it is smaller.

    Raises:
        DataError: names the folder or the file, what was found and what was expected.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    classes = [child for child in sorted(folder.iterdir()) if child.is_dir() and not child.name.startswith(".")]
    if len(classes) < 2:
        found = ", ".join(child.name for child in classes) or "none"
        raise DataError(f"{folder}: expected a folder of pictures for each of two classes or more; found {found}")
    files = []
    for label, child in enumerate(classes):
        pictures, _ = photos.find([str(child / "*")])
        pictures = [path for path in pictures if path.is_file()]
        if len(pictures) < 2:
            raise DataError(f"{child}: {len(pictures)} pictures in this class's folder; expected two or more, one of them is held out")
        files += [(label, path) for path in pictures]
    images, labels = np.empty((len(files), SIDE, SIDE), np.uint8), np.array([label for label, _ in files], np.int64)
    for row, (_, path) in enumerate(tqdm(files, f"reading {folder.name}", unit=" pictures", disable=None)):
        try:
            images[row] = _square(photos.read(path).grey)
        except photos.PhotoError as error:
            raise DataError(f"{path}: {error}") from error
    names = tuple(child.name for child in classes)
    digest = hashlib.sha256("\n".join(names).encode() + images.tobytes() + labels.tobytes())
    return OtherFaces(Split(images, labels), names, digest.hexdigest())


def _square(grey: np.ndarray) -> np.ndarray:
    height, width = grey.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    cut = grey[top : top + side, left : left + side]
    return cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR)


def synthetic_faces(n: int = SYNTHETIC_FACES) -> OtherFaces:
    """Synthetic faces, the emotions equally often, as a data set to start from where no other is there."""
    labels = np.arange(n) % len(NAMES)
    images = synthetic.faces(labels, seed=1)
    return OtherFaces(Split(images, labels), NAMES, hashlib.sha256(images.tobytes()).hexdigest())


def pretrain(faces: OtherFaces, seed: int, profile: Profile, verbose: int | str = "auto") -> Run:
    """Train the small CNN on other faces, or go on from the last epoch that ended.

    A tenth of each class is held out and chooses the best epoch. Experiments whose `start_from` names this run take up its weights, but
    for the last layer's, whose classes are others.

    Returns:
        The run in the profile's training folder. It is finished, but no record of FER2013: its metrics are the accuracy held out.

    Raises:
        RunError: as `training.train`.
    """
    run = Run(folder_of(profile.training_folder, PRETRAINING_NAME, seed))
    start = {
        "experiment": PRETRAINING_NAME,
        "seed": seed,
        "profile": "other faces",
        "configuration": PRETRAINING.to_dict(),
        "classes": list(faces.classes),
        "data_sha256": faces.sha256,
    }
    training.claim(run, start)
    if run.finished:
        return run
    with training.alone(run):
        keras.utils.set_random_seed(seed)
        network = training.build(PRETRAINING, classes=len(faces.classes))
        held_out = rows_of_share(faces.split.labels, HELD_OUT, seed)
        seen = np.setdiff1d(np.arange(len(faces.split)), held_out)
        shown, kept = (Split(faces.split.images[rows], faces.split.labels[rows]) for rows in (seen, held_out))
        targets, expected = (one_hot(split.labels, len(faces.classes)) for split in (shown, kept))
        batches = Batches(shown, targets, PRETRAINING, seed)
        keeper = training.fit(run, PRETRAINING, network, seed, batches, (kept.images, expected), verbose)
        training.save_half(run, training.build(PRETRAINING, precision="float16", classes=len(faces.classes)))
        accuracy = float(keeper.table["val_accuracy"][keeper.best])
        write_json(run.folder / "metrics.json", {"held_out": {"n": len(kept), "accuracy": accuracy}})
        training.clear(run)
    return run
