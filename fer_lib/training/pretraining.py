"""Pretraining on other labeled faces, read from folders of images."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fer_lib.data.dataset import Split
from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE
from fer_lib.data.readers import DataError
from fer_lib.data.synthetic import balanced_faces
from fer_lib.deploy.images import PhotoError, crop_face, read_image
from fer_lib.experiments import PRETRAINING, PRETRAINING_NAME, Experiment
from fer_lib.images import SUFFIXES
from fer_lib.io import is_hidden, list_files, write_json
from fer_lib.profiles import Profile
from fer_lib.runs.run import METRICS_FILE, Run, run_folder
from fer_lib.training.batches import stratified_subset
from fer_lib.training.checkpoint import remove_checkpoints
from fer_lib.training.run_spec import RunSpec, train_once
from fer_lib.training.trainer import Trainer

VALIDATION_FRACTION = 0.1  # of each class, held out to choose the best epoch
SYNTHETIC_FACES = 6_000
_SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test"}


@dataclass(frozen=True, eq=False)
class ImageFolderDataset:
    """Labeled images with classes of their own.

    Attributes:
        name: The name in records.
        split: The images, 48 × 48 pixels; labels are positions in `classes`.
        classes: The names of the classes.
    """

    name: str
    split: Split
    classes: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """The SHA-256 of the class names, the pixels and the labels."""
        digest = hashlib.sha256("\n".join(self.classes).encode())
        digest.update(self.split.images)
        digest.update(self.split.labels)
        return digest.hexdigest()


def read_image_folder(folder: Path) -> ImageFolderDataset:
    """Read a folder that has one folder of images for each class, like AffectNet and RAF-DB.

    Classes, image sizes and formats are arbitrary. Each image is rotated according to its EXIF
    data, converted to gray, cropped to its central square, and resized to 48 × 48 pixels in the
    same way as the faces of photos. Other files are skipped.

    Args:
        folder: The folder of the class folders.

    Returns:
        The images, class by class, in the order of the class names.

    Raises:
        DataError: If a folder or a file is missing or broken. The message names it, what was found
            and what was expected.
    """
    class_folders = _class_folders(folder)
    files = [_images(child) for child in class_folders]
    labels = np.repeat(np.arange(len(files), dtype=np.uint8), [len(paths) for paths in files])
    paths = [path for paths in files for path in paths]
    progress = tqdm(paths, f"reading {folder.name}", unit=" images", disable=None)
    image_type = np.dtype((np.uint8, (IMAGE_SIZE, IMAGE_SIZE)))
    images = np.fromiter(map(_read_central_square, progress), image_type, len(labels))
    # With its parent where it is a split. Records are public: they do not hold the whole path.
    *_, parent, name = folder.resolve().parts
    name = f"{parent}/{name}" if name.lower() in _SPLIT_NAMES else name
    classes = tuple(child.name for child in class_folders)
    return ImageFolderDataset(f"images of {name}", Split(images, labels), classes)


def _class_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    children = sorted(folder.iterdir())
    folders = [child for child in children if child.is_dir() and not is_hidden(child.name)]
    names = ", ".join(child.name for child in folders) or "none"
    expected = f"{folder}: expected a folder of images for each"
    if not 2 <= len(folders) <= 256:
        raise DataError(f"{expected} of 2 to 256 classes; found {names}")
    if {child.name.lower() for child in folders} <= _SPLIT_NAMES:
        raise DataError(f"{expected} class; found {names}, which are splits: name one of them")
    return folders


def _images(class_folder: Path) -> list[Path]:
    paths = [path for path in list_files(class_folder) if path.suffix.lower() in SUFFIXES]
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


def synthetic_pretraining_faces(n: int = SYNTHETIC_FACES) -> ImageFolderDataset:
    """Return `n` synthetic faces, equally many of each emotion, in place of another data set."""
    return ImageFolderDataset("synthetic faces", balanced_faces(n, seed=1), EMOTION_NAMES)


def pretrain(
    faces: ImageFolderDataset,
    seed: int,
    profile: Profile,
    verbose: int | str = "auto",
    experiment: Experiment = PRETRAINING,
) -> Run:
    """Train on other faces, or continue after the last complete epoch.

    A tenth of each class is held out to select the best epoch. Experiments whose `init_from` names
    this run start from its weights, except for those of the last layer, whose classes differ.

    Args:
        faces: The labeled images.
        seed: The seed of every random draw.
        profile: The profile whose training folder receives the run.
        verbose: As in `keras.Model.fit`.
        experiment: The configuration.

    Returns:
        The finished run. Its metrics are the accuracy on the images that were held out, not results
        on FER2013.

    Raises:
        RunError: As in `trainer.train_run`.
    """
    run = Run(run_folder(profile.training_folder, PRETRAINING_NAME, seed))
    spec = RunSpec(PRETRAINING_NAME, experiment, seed, PRETRAINING_NAME)
    classes, images, sha256 = list(faces.classes), faces.split, faces.sha256
    description = {"name": faces.name, "images": len(images), "classes": classes, "sha256": sha256}
    identity = {"classes": classes, "data_sha256": sha256, "faces": description}

    def train() -> None:
        trainer = Trainer(spec, run, num_classes=len(classes))
        held_out = stratified_subset(images.labels, VALIDATION_FRACTION, seed)
        rest = np.setdiff1d(np.arange(len(images)), held_out)
        trainer.compile(images[rest])
        trainer.fit(images[held_out], verbose)
        trainer.save_weights()
        best = trainer.history.rows[trainer.history.best_epoch - 1]
        metrics = {"held_out": {"n": len(held_out), "accuracy": best["val_accuracy"]}}
        write_json(run.folder / METRICS_FILE, metrics)
        remove_checkpoints(run)

    return train_once(run, spec.to_dict() | identity, train)
