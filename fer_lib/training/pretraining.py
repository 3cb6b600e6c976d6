"""Pretraining on other labeled faces: folders of images, and a run that experiments start from."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fer_lib.data.dataset import Split
from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE
from fer_lib.data.readers import DataError
from fer_lib.data.synthetic import synthetic_faces
from fer_lib.deploy.images import PhotoError, crop_face, find_images, read_image
from fer_lib.experiments import PRETRAINING, PRETRAINING_NAME, Experiment
from fer_lib.io import write_json
from fer_lib.profiles import Profile
from fer_lib.runs.run import Run, run_folder
from fer_lib.training.batches import stratified_subset
from fer_lib.training.checkpoint import remove_checkpoints
from fer_lib.training.locks import check_or_write_config, run_lock
from fer_lib.training.run_spec import RunSpec
from fer_lib.training.trainer import Trainer

VALIDATION_FRACTION = 0.1  # of each class, held out to choose the best epoch
SYNTHETIC_FACES = 6_000
_SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test"}


@dataclass(frozen=True, eq=False)
class ImageFolderDataset:
    """Labeled images with classes of their own.

    Attributes:
        name: in records.
        split: the images as models take them; labels are positions in `classes`.
        classes: the names of the classes.
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
    """Read a folder with one folder of images for each class, as AffectNet and RAF-DB come.

    The classes are free, and so are sizes and formats: each image is turned as its EXIF data say,
    converted to gray, cropped to its central square, and resized to 48 × 48 pixels as the faces of
    photos are. Other files are skipped.

    Returns:
        Images uint8 [n, 48, 48] and labels uint8 [n], class by class in the order of their names.

    Raises:
        DataError: names the folder or the file, what was found and what was expected.
    """
    class_folders = _class_folders(folder)
    files = [(label, path) for label, child in enumerate(class_folders) for path in _images(child)]
    images = np.empty((len(files), IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    progress = tqdm(files, f"reading {folder.name}", unit=" images", disable=None)
    for row, (_, path) in enumerate(progress):
        images[row] = _read_central_square(path)
    return ImageFolderDataset(
        f"images of {_name_of(folder)}",
        Split(images, np.array([label for label, _ in files], np.uint8)),
        tuple(child.name for child in class_folders),
    )


def _class_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    children = sorted(folder.iterdir())
    folders = [child for child in children if child.is_dir() and not child.name.startswith(".")]
    names = ", ".join(child.name for child in folders) or "none"
    expected = f"{folder}: expected a folder of images for each"
    if not 2 <= len(folders) <= 256:
        raise DataError(f"{expected} of 2 to 256 classes; found {names}")
    if {child.name.lower() for child in folders} <= _SPLIT_NAMES:
        raise DataError(f"{expected} class; found {names}, which are splits: name one of them")
    return folders


def _images(class_folder: Path) -> list[Path]:
    paths = [path for path in find_images([str(class_folder)])[0] if path.is_file()]
    if len(paths) < 2:
        raise DataError(
            f"{class_folder}: {len(paths)} images of this class; expected two or more, "
            "since one is held out"
        )
    return paths


def _read_central_square(path: Path) -> np.ndarray:
    try:
        photo = read_image(path)
    except PhotoError as error:
        raise DataError(f"{path}: {error}") from error
    height, width, _ = photo.pixels.shape
    side = min(height, width)
    return crop_face(photo, np.array([(width - side) // 2, (height - side) // 2, side]))


def _name_of(folder: Path) -> str:
    """The folder's name, with its parent's where it is that of a split. Records are public: they
    do not hold the whole path."""
    *_, parent, name = folder.resolve().parts
    return f"{parent}/{name}" if name.lower() in _SPLIT_NAMES else name


def synthetic_pretraining_faces(n: int = SYNTHETIC_FACES) -> ImageFolderDataset:
    """Return `n` synthetic faces, as many of each emotion, to use without another data set."""
    labels = np.uint8(np.arange(n) % len(EMOTION_NAMES))
    split = Split(synthetic_faces(labels, seed=1), labels)
    return ImageFolderDataset("synthetic faces", split, EMOTION_NAMES)


def pretrain(
    faces: ImageFolderDataset,
    seed: int,
    profile: Profile,
    verbose: int | str = "auto",
    experiment: Experiment = PRETRAINING,
) -> Run:
    """Train on other faces, or continue after the last complete epoch.

    A tenth of each class is held out and chooses the best epoch. Experiments whose `init_from`
    names this run start from its weights, except for those of the last layer, whose classes differ.

    Returns:
        The run, in the profile's training folder. It is finished, but no record of FER2013: its
        metrics are the accuracy on the images held out.

    Raises:
        RunError: as `trainer.train_run`.
    """
    run = Run(run_folder(profile.training_folder, PRETRAINING_NAME, seed))
    spec = RunSpec(PRETRAINING_NAME, experiment, seed, PRETRAINING_NAME)
    description = {
        "name": faces.name,
        "images": len(faces.split),
        "classes": list(faces.classes),
        "sha256": faces.sha256,
    }
    config = {
        **spec.to_dict(),
        "classes": list(faces.classes),
        "data_sha256": faces.sha256,
        "faces": description,
    }
    check_or_write_config(run, config)
    if run.finished:
        return run
    with run_lock(run):
        if not run.finished:  # by another process in the meantime
            _fit(Trainer(spec, run, num_classes=len(faces.classes)), faces.split, verbose)
    return run


def _fit(trainer: Trainer, faces: Split, verbose: int | str) -> None:
    held_out = stratified_subset(faces.labels, VALIDATION_FRACTION, trainer.spec.seed)
    rest = np.setdiff1d(np.arange(len(faces)), held_out)
    training, validation = (
        Split(faces.images[rows], faces.labels[rows]) for rows in (rest, held_out)
    )
    trainer.build()
    trainer.compile(training)
    trainer.fit(validation, verbose)
    trainer.save_weights()
    best = trainer.history.rows[trainer.history.best_epoch - 1]
    metrics = {"held_out": {"n": len(validation), "accuracy": best["val_accuracy"]}}
    write_json(trainer.run.folder / "metrics.json", metrics)
    remove_checkpoints(trainer.run)
