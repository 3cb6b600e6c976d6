"""Training on other faces first: class folders of pictures, and a run whose weights an experiment
starts from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from fer_lib.data.dataset import Split
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.readers import IMAGE_SIZE, DataError
from fer_lib.data.synthetic import synthetic_faces
from fer_lib.deploy.images import PhotoError, crop_face, find_images, read_image
from fer_lib.experiments import PRETRAINING, PRETRAINING_NAME
from fer_lib.io import write_json
from fer_lib.models.registry import build_model
from fer_lib.profiles import Profile
from fer_lib.runs.run import Run, run_folder
from fer_lib.training.batches import TrainSequence, one_hot, stratified_subset
from fer_lib.training.checkpoint import (
    check_or_write_config,
    remove_checkpoints,
    run_lock,
    save_float16_weights,
)
from fer_lib.training.trainer import fit

HELD_OUT = 0.1  # of each class, for the choice of the best epoch
SYNTHETIC_FACES = 6_000
_SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test"}


@dataclass(frozen=True, eq=False)
class ImageFolderDataset:
    """Labelled pictures of any data set.

    Attributes:
        name: what records call it.
        split: the pictures as the networks take them; labels are positions in `classes`.
        classes: the folders' names.
    """

    name: str
    split: Split
    classes: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Over the names of the classes, the pixels and the labels."""
        digest = hashlib.sha256("\n".join(self.classes).encode())
        digest.update(self.split.images)
        digest.update(self.split.labels)
        return digest.hexdigest()


def read_image_folder(folder: Path) -> ImageFolderDataset:
    """Read a folder that holds one folder of pictures for each class, a form in which copies of
    AffectNet and RAF-DB are found.

    Any label set, and any size and form of picture: each is turned as its EXIF data say, made grey,
    cut to its square middle, and brought
    to 48 × 48 pixels as a face of a photo is. Files that are no pictures are passed over.

    Returns:
        Images uint8 [n, 48, 48] and labels uint8 [n], class by class in the order of their names.

    Raises:
        DataError: names the folder or the file, what was found and what was expected.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    classes = [
        child
        for child in sorted(folder.iterdir())
        if child.is_dir() and not child.name.startswith(".")
    ]
    found = ", ".join(child.name for child in classes) or "none"
    if not 2 <= len(classes) <= 256:
        raise DataError(
            f"{folder}: expected a folder of pictures for each of 2 to 256 classes; found {found}"
        )
    if {child.name.lower() for child in classes} <= _SPLIT_NAMES:
        raise DataError(
            f"{folder}: expected a folder of pictures for each class; found {found}, which are splits: name one of them"
        )
    files = []
    for label, child in enumerate(classes):
        pictures = [path for path in find_images([str(child)])[0] if path.is_file()]
        if len(pictures) < 2:
            raise DataError(
                f"{child}: {len(pictures)} pictures in this class's folder; expected two or more, one of them is held out"
            )
        files += [(label, path) for path in pictures]
    images, labels = (
        np.empty((len(files), IMAGE_SIZE, IMAGE_SIZE), np.uint8),
        np.array([label for label, _ in files], np.uint8),
    )
    for row, (_, path) in enumerate(
        tqdm(files, f"reading {folder.name}", unit=" pictures", disable=None)
    ):
        try:
            photo = read_image(path)
        except PhotoError as error:
            raise DataError(f"{path}: {error}") from error
        height, width = photo.grey.shape
        side = min(height, width)
        images[row] = crop_face(photo, np.array([(width - side) // 2, (height - side) // 2, side]))
    return ImageFolderDataset(
        f"pictures of {_name_of(folder)}",
        Split(images, labels),
        tuple(child.name for child in classes),
    )


def _name_of(folder: Path) -> str:
    """The folder's name, and where that is only a split's, its parent's before it. Not its whole
    path: a record is public."""
    *_, parent, name = folder.resolve().parts
    return f"{parent}/{name}" if name.lower() in _SPLIT_NAMES else name


def synthetic_pretraining_faces(n: int = SYNTHETIC_FACES) -> ImageFolderDataset:
    """Synthetic faces, the emotions equally often, as a data set to start from where no other is
    there."""
    labels = np.uint8(np.arange(n) % len(EMOTION_NAMES))
    return ImageFolderDataset(
        "synthetic faces", Split(synthetic_faces(labels, seed=1), labels), EMOTION_NAMES
    )


def pretrain(
    faces: ImageFolderDataset, seed: int, profile: Profile, verbose: int | str = "auto"
) -> Run:
    """Train the small CNN on other faces, or go on from the last epoch that ended.

    A tenth of each class is held out and chooses the best epoch. Experiments whose `init_from`
    names this run take up its weights, but
    for the last layer's, whose classes are others.

    Returns:
        The run in the profile's training folder. It is finished, but no record of FER2013: its
        metrics are the accuracy held out.

    Raises:
        RunError: as `training.train`.
    """
    run = Run(run_folder(profile.training_folder, PRETRAINING_NAME, seed))
    start = {
        "experiment": PRETRAINING_NAME,
        "seed": seed,
        "profile": "other faces",
        "configuration": PRETRAINING.to_dict(),
        "classes": list(faces.classes),
        "data_sha256": faces.sha256,
        "faces": {
            "name": faces.name,
            "images": len(faces.split),
            "classes": list(faces.classes),
            "sha256": faces.sha256,
        },
    }
    check_or_write_config(run, start)
    if run.finished:
        return run
    with run_lock(run):
        if run.finished:  # by another process, since
            return run
        keras.utils.set_random_seed(seed)
        network = build_model(PRETRAINING, classes=len(faces.classes))
        held_out = stratified_subset(faces.split.labels, HELD_OUT, seed)
        seen = np.setdiff1d(np.arange(len(faces.split)), held_out)
        shown, kept = (
            Split(faces.split.images[rows], faces.split.labels[rows]) for rows in (seen, held_out)
        )
        targets, expected = (one_hot(split.labels, len(faces.classes)) for split in (shown, kept))
        batches = TrainSequence(shown, targets, PRETRAINING, seed)
        keeper = fit(run, PRETRAINING, network, seed, batches, (kept.images, expected), verbose)
        save_float16_weights(
            run, build_model(PRETRAINING, dtype_policy="float16", classes=len(faces.classes))
        )
        accuracy = float(keeper.table["val_accuracy"][keeper.best])
        write_json(
            run.folder / "metrics.json", {"held_out": {"n": len(kept), "accuracy": accuracy}}
        )
        remove_checkpoints(run)
    return run
