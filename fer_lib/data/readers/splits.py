"""Find the images of a data set among the paths of files, with their classes and splits.

Images lie in `<split>/<class>/`, at the top or one level below. A split's folder has one of the
names in `FOLDERS`, in upper or lower case. A file whose name begins with `Training_`, `PublicTest_`
or `PrivateTest_`, as in FER2013, is of that split, whatever folder it lies in.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from fer_lib.data.labels import EMOTION_NAMES, SPLITS, label_of
from fer_lib.data.readers.files import Files
from fer_lib.data.readers.raw import DataError
from fer_lib.text import printable

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
TRAINING, PUBLIC_TEST, PRIVATE_TEST = range(len(SPLITS))
FOLDERS = {
    **dict.fromkeys(("train", "training"), TRAINING),
    **dict.fromkeys(("val", "valid", "validation", "publictest", "public_test"), PUBLIC_TEST),
    **dict.fromkeys(("test", "privatetest", "private_test"), PRIVATE_TEST),
}
_AMBIGUOUS = ("val", "valid", "validation", "test")  # folders that do not tell FER2013's own split


@dataclass(frozen=True)
class ImageFile:
    """An image of a data set.

    Attributes:
        name: Its path in the folder or archive.
        root: The folder of the split's folder; empty at the top.
        folder: The split's folder.
        class_name: The folder of the class.
    """

    name: str
    root: str
    folder: str
    class_name: str

    @property
    def label(self) -> int:
        """The label, 0–6: a number is that of FER2013's CSV.

        Raises:
            ValueError: If the class is none of the seven emotions.
        """
        numbers = [str(label) for label in range(len(EMOTION_NAMES))]
        is_number = self.class_name in numbers
        return numbers.index(self.class_name) if is_number else label_of(self.class_name)

    @property
    def split_of_folder(self) -> int:
        """The split, as a position in `SPLITS`, that its folder tells."""
        return FOLDERS[self.folder.lower()]

    @property
    def split_of_name(self) -> int | None:
        """The split that its file name tells, or None."""
        start = PurePosixPath(self.name).name.lower()
        return next((i for i, s in enumerate(SPLITS) if start.startswith(f"{s.lower()}_")), None)

    @property
    def split(self) -> int:
        """The split."""
        return self.split_of_folder if self.split_of_name is None else self.split_of_name


def is_image_folder(path: Path) -> bool:
    """Return whether `path` is a folder that holds a folder of Training."""
    return path.is_dir() and any(
        FOLDERS.get(child.name.lower()) == TRAINING and child.is_dir() for child in path.iterdir()
    )


def has_image_suffix(name: str) -> bool:
    """Return whether a path ends like that of an image."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def find_image_files(files: Files) -> list[ImageFile]:
    """Return the images by split's folder, then label, then file name; empty without any.

    Where they lie at the top as well as in a folder, those at the top are returned.

    Raises:
        DataError: If they lie in several folders, if a class is missing, unknown or has two
            folders, if a split is missing, or if only some file names tell the split.
    """
    images = list(filter(None, map(_image_file, filter(has_image_suffix, files.names))))
    roots = sorted({file.root for file in images})
    if not roots:
        return []
    if len(roots) > 1 and roots[0]:
        raise DataError(f"{files.name}: images of several data sets, in {', '.join(roots)}")
    images = [file for file in images if file.root == roots[0]]
    where = f"{files.name}/{roots[0]}".rstrip("/")
    by_class = {}
    for file in images:
        by_class.setdefault(file.folder, {}).setdefault(file.class_name, []).append(file)
    _require_splits(where, images)
    images = []
    for folder in sorted(by_class, key=lambda name: FOLDERS[name.lower()]):
        classes = _labels(f"{where}/{folder}", by_class[folder])
        for _, name in sorted(classes.items()):
            images += sorted(by_class[folder][name], key=lambda file: file.name)
    return images


def split_notes(images: list[ImageFile]) -> list[str]:
    """Return what a user should know of how labels and splits were read."""
    notes = []
    if any(file.class_name.isdecimal() for file in images):
        names = ", ".join(f"{label} {name}" for label, name in enumerate(EMOTION_NAMES))
        notes.append(f"numbers of class folders are read as labels of FER2013's CSV: {names}")
    named = [file for file in images if file.split_of_name is not None]
    moved = Counter(
        (file.folder, SPLITS[file.split])
        for file in named
        if file.split != file.split_of_folder and file.folder.lower() != "test"
    )
    for (folder, split), count in sorted(moved.items()):
        notes.append(f"images in {folder} that are of {split}, as their names say: {count:,}")
    unnamed = {file.folder for file in images} - {file.folder for file in named}
    for folder in sorted(unnamed):
        split = FOLDERS[folder.lower()]
        if split == PUBLIC_TEST and folder.lower() in _AMBIGUOUS:
            notes.append(f"{folder} is used as PublicTest: its file names tell no split")
    return notes


def unread_note(names: Iterable[str]) -> tuple[str, ...]:
    """Return a note that counts files that are not read, by their endings; none without any."""
    names = list(names)
    if not names:
        return ()
    counts = Counter(PurePosixPath(name).suffix.lower() or "without ending" for name in names)
    kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(counts.items()))
    return (printable(f"files that are not read: {kinds}; the first is {min(names)}"),)


def _image_file(name: str) -> ImageFile | None:
    """Return an image's place, or None if it lies elsewhere than `<split>/<class>/`."""
    *folders, _ = PurePosixPath(name).parts
    if len(folders) not in (2, 3) or folders[-2].lower() not in FOLDERS:
        return None
    return ImageFile(name, "/".join(folders[:-2]), *folders[-2:])


def _require_splits(where: str, images: list[ImageFile]) -> None:
    folder_names = sorted({file.folder for file in images})
    split_folders = sorted(folder_names, key=lambda name: FOLDERS[name.lower()])
    for folder, following in pairwise(split_folders):
        if FOLDERS[folder.lower()] == FOLDERS[following.lower()]:
            raise DataError(f"{where}: both {folder} and {following}; expected one of them")
    folders = ", ".join(split_folders)
    splits = {file.split for file in images}
    if missing := {TRAINING, PRIVATE_TEST} - splits:
        names = " or ".join(SPLITS[split] for split in sorted(missing))
        raise DataError(
            f"{where}: no image of {names} in {folders}; expected folders train and test, "
            "with or without val"
        )
    tests = [file for file in images if file.split_of_folder != TRAINING]
    if any(file.split_of_name in (PUBLIC_TEST, PRIVATE_TEST) for file in tests):
        for file in tests:
            if file.split_of_name is None and file.folder.lower() in _AMBIGUOUS:
                raise DataError(
                    f"{where}/{file.folder}/{file.class_name}/{PurePosixPath(file.name).name}: "
                    "expected a name that begins with PublicTest_ or PrivateTest_, as others do"
                )


def _labels(folder: str, by_class: dict[str, list[ImageFile]]) -> dict[int, str]:
    """Return the class folder of each label."""
    classes = {}
    for name, images in sorted(by_class.items()):
        try:
            label = images[0].label
        except ValueError as error:
            raise DataError(f"{folder}/{name}: {error}") from None
        if label in classes:
            raise DataError(
                f"{folder}: both {classes[label]} and {name} are {EMOTION_NAMES[label]}; "
                "expected one folder for each emotion"
            )
        classes[label] = name
    if missing := [name for label, name in enumerate(EMOTION_NAMES) if label not in classes]:
        raise DataError(
            f"{folder}: no image of {', '.join(missing)}; found images of "
            f"{', '.join(classes.values())}, and expected files that end in "
            f"{', '.join(IMAGE_SUFFIXES)}"
        )
    return classes
