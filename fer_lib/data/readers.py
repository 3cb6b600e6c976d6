"""The forms in which FER2013 comes: Kaggle's CSV files, plain, gzipped or in a zip, and folders of
pictures."""

import csv
import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from fer_lib.data.labels import EMOTION_NAMES, label_of
from fer_lib.io import sha256_of

IMAGE_SIZE = 48
SPLITS = ("Training", "PublicTest", "PrivateTest")
COLUMNS = ("emotion", "pixels", "Usage")
CSV_NAMES = ("fer2013.csv", "icml_face_data.csv")

_ROWS_EXPECTED = 35_887  # scales the progress bar, nothing else
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
_DRAWN_SHARE = 10  # one in ten images of Training is drawn where there is no PublicTest


class DataError(ValueError):
    """The data set is missing or broken; the message says where, what was found and what was
    expected."""


@dataclass(frozen=True, eq=False)
class RawDataset:
    """A data set as it was read, in the order of its rows or files.

    Attributes:
        images: uint8 [n, 48, 48]. labels: uint8 [n]. usages: uint8 [n], positions in `SPLITS`.
        public_test_drawn: whether PublicTest is not FER2013's own but was drawn from Training.
        notes: what a reader must know of how it was read.
    """

    images: np.ndarray
    labels: np.ndarray
    usages: np.ndarray
    public_test_drawn: bool = False
    notes: tuple[str, ...] = ()


def is_folder_form(path: Path) -> bool:
    """Whether `path` (of the file system or inside a zip) is a folder that holds `train` and
    `test`, in any case."""
    return path.is_dir() and {"train", "test"} <= {child.name.lower() for child in path.iterdir()}


def read_dataset(path: Path) -> RawDataset:
    """Read a data set in any of its forms, told apart by content, not by name.

    Raises:
        DataError: names the file, the row or the folder, what was found and what was expected.
    """
    path = Path(path)
    if path.is_dir():
        decoded = _read_folder(path)
    else:
        with open(path, "rb") as file:
            start = file.read(4)
        if start == b"PK\x03\x04" or path.suffix == ".zip":
            decoded = _read_zip(path)
        else:
            with _text(gzip.open(path) if start[:2] == b"\x1f\x8b" else open(path, "rb")) as file:
                decoded = _read_csv(file, str(path))
    for index, name in enumerate(SPLITS):
        if index not in decoded.usages:
            raise DataError(f"{path}: no image of {name} among {len(decoded.labels)}")
    return decoded


def dataset_sha256(path: Path) -> str:
    """Return the SHA-256, 64 hexadecimal digits, of a file, or of a folder's pictures.

    A folder's is that of one line for each picture: its path in the folder, a tab, and its own
    SHA-256, sorted.
    """
    path = Path(path)
    if not path.is_dir():
        return sha256_of(path)
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in _IMAGE_SUFFIXES)
    lines = (f"{p.relative_to(path).as_posix()}\t{sha256_of(p)}\n" for p in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _progress(things: Iterable) -> tqdm:
    return tqdm(
        things, "reading FER2013", _ROWS_EXPECTED, unit=" images", disable=None
    )  # only on a terminal


def _text(binary) -> io.TextIOWrapper:
    return io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")


def _read_csv(file: io.TextIOWrapper, place: str) -> RawDataset:
    """Columns `emotion`, `pixels` and `Usage` in any order; the header is row 1."""
    images, labels, usages = [], [], []
    try:
        rows = csv.reader(file)
        header = [name.strip() for name in next(rows, [])]
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise DataError(
                f"{place}, row 1: no column {', '.join(missing)}; found {', '.join(header) or 'nothing'}"
            )
        emotion, pixels, usage = (header.index(name) for name in COLUMNS)
        for number, row in enumerate(_progress(rows), start=2):
            try:
                if len(row) != len(header):
                    raise ValueError(f"{len(row)} fields, expected {len(header)}")
                labels.append(_label(row[emotion]))
                usages.append(_usage(row[usage]))
                images.append(_pixels(row[pixels]))
            except ValueError as error:
                raise DataError(f"{place}, row {number}: {error}") from None
    except (
        OSError,
        EOFError,
        UnicodeDecodeError,
        csv.Error,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(f"{place}: not a readable CSV, plain or gzipped ({error})") from error
    shape = (len(images), IMAGE_SIZE, IMAGE_SIZE)
    return RawDataset(
        np.frombuffer(b"".join(images), np.uint8).reshape(shape),
        np.array(labels, np.uint8),
        np.array(usages, np.uint8),
    )


def _label(text: str) -> int:
    if text.strip() not in {str(label) for label in range(len(EMOTION_NAMES))}:
        raise ValueError(
            f"emotion is {text!r}, expected a whole number from 0 to {len(EMOTION_NAMES) - 1}"
        )
    return int(text)


def _usage(text: str) -> int:
    if text.strip() not in SPLITS:
        raise ValueError(f"Usage is {text!r}, expected {', '.join(SPLITS)}")
    return SPLITS.index(text.strip())


def _pixels(text: str) -> bytes:
    values = text.split()
    if len(values) != IMAGE_SIZE * IMAGE_SIZE:
        raise ValueError(f"{len(values)} pixels, expected {IMAGE_SIZE * IMAGE_SIZE}")
    try:
        return bytes(map(int, values))
    except ValueError:
        column, value = next(
            (i, v) for i, v in enumerate(values, 1) if not (v.isdecimal() and int(v) <= 255)
        )
        raise ValueError(
            f"pixel {column} is {value!r}, expected a whole number from 0 to 255"
        ) from None


def _read_zip(path: Path) -> RawDataset:
    """A CSV of a known name, or else the only one; or else the folder form, at the top or one
    folder below."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [
                name for name in archive.namelist() if not name.startswith("__MACOSX/")
            ]  # a Mac's notes on the files
            csvs = [name for name in names if name.lower().endswith(".csv")]
            known = [name for name in csvs if Path(name).name.lower() in CSV_NAMES]
            chosen = known or csvs
            if len(chosen) == 1:
                with _text(archive.open(chosen[0])) as file:
                    return _read_csv(file, f"{path}, {chosen[0]}")
            root = zipfile.Path(archive)
            folders = [
                folder
                for folder in (root, *root.iterdir())
                if folder.name != "__MACOSX" and is_folder_form(folder)
            ]
            if not csvs and len(folders) == 1:
                return _read_folder(folders[0])
            found = ", ".join(csvs) or "no CSV"
            raise DataError(
                f"{path}: expected one {' or '.join(CSV_NAMES)}, or folders train and test; found {found}"
            )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: not a readable zip ({error})") from error


def _read_folder(root: Path) -> RawDataset:
    """`train/<class>/*.jpg|png` and `test/<class>/{PublicTest,PrivateTest}_*.jpg|png`, or test
    names without a split.

    Where the names of test tell no split, all of it is PrivateTest, and PublicTest is drawn from
    Training: in each class the
    tenth whose pixels' SHA-256 is lowest, so that the draw depends on the images alone, not on
    names or order.
    """
    files = [
        (part, label, file)
        for part in ("train", "test")
        for label, file in _class_files(root, part)
    ]
    splits = [_split_of(part, file.name) for part, _, file in files]
    if None in splits and not {"PublicTest", "PrivateTest"}.isdisjoint(splits):
        odd = files[splits.index(None)][2]
        raise DataError(
            f"{odd}: expected a name that begins with PublicTest_ or PrivateTest_, as others in test do"
        )
    images, converted = [], 0
    for _, _, file in _progress(files):
        pixels, was_colour = _grey_pixels(file)
        images.append(pixels)
        converted += was_colour
    images, labels = np.stack(images), np.array([label for _, label, _ in files], np.uint8)
    notes = (
        (f"{converted:,} pictures were stored in colour, all of it grey: read as grey",)
        if converted
        else ()
    )
    public_test_drawn = None in splits
    if public_test_drawn:
        splits = [split or "PrivateTest" for split in splits]
        drawn = _drawn(images, labels, np.array(splits) == "Training")
        for row in drawn:
            splits[row] = "PublicTest"
        notes += (
            f"this copy tells no PublicTest from PrivateTest: all of test is called PrivateTest here, and {len(drawn):,} images of train, "
            "a tenth of each class, stand in for PublicTest",
        )
    return RawDataset(
        images,
        labels,
        np.array([SPLITS.index(split) for split in splits], np.uint8),
        public_test_drawn,
        notes,
    )


def _class_files(root, part: str) -> Iterator[tuple[int, Path]]:
    """The label and the file of each picture in a part (`train` or `test`), classes in label order,
    files by name."""
    folder = next(
        (child for child in root.iterdir() if child.name.lower() == part and child.is_dir()), None
    )
    if folder is None:
        raise DataError(f"{root}: no folder {part}; expected train and test")
    classes = {}
    for child in sorted(folder.iterdir(), key=lambda child: child.name):
        if not child.is_dir() or child.name.startswith("."):
            continue
        try:
            label = label_of(child.name)
        except ValueError as error:
            raise DataError(f"{child}: {error}") from None
        if label in classes:
            raise DataError(
                f"{folder}: both {classes[label].name} and {child.name} are {EMOTION_NAMES[label]}; expected one folder for each emotion"
            )
        classes[label] = child
    missing = [name for label, name in enumerate(EMOTION_NAMES) if label not in classes]
    if missing:
        raise DataError(
            f"{folder}: no folder for {', '.join(missing)}; found {', '.join(c.name for c in classes.values()) or 'none'}"
        )
    for label, child in sorted(classes.items()):
        files = sorted(
            (f for f in child.iterdir() if Path(f.name).suffix.lower() in _IMAGE_SUFFIXES),
            key=lambda f: f.name,
        )
        if not files:
            raise DataError(
                f"{child}: no picture; expected files that end in {', '.join(_IMAGE_SUFFIXES)}"
            )
        yield from ((label, file) for file in files)


def _split_of(part: str, name: str) -> str | None:
    """The split that a file belongs to; None for a file of test whose name does not say."""
    if part == "train":
        return "Training"
    return next(
        (
            split
            for split in ("PublicTest", "PrivateTest")
            if name.lower().startswith(split.lower())
        ),
        None,
    )


def _grey_pixels(file) -> tuple[np.ndarray, bool]:
    """A picture's pixels, uint8 [48, 48], and whether it was stored in colour, with three equal
    channels.

    Anything that would have to be guessed (another size, real colour, transparency) is refused.
    """
    try:
        with file.open("rb") as stream, Image.open(stream) as picture:
            picture.load()
            size, mode = picture.size, picture.mode
            pixels = np.asarray(picture if mode == "L" else picture.convert("RGBA"))
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        zlib.error,
        zipfile.BadZipFile,
        Image.DecompressionBombError,
    ) as error:
        raise DataError(f"{file}: not a readable picture ({error})") from error
    if size != (IMAGE_SIZE, IMAGE_SIZE):
        raise DataError(
            f"{file}: {size[0]} × {size[1]} pixels, expected {IMAGE_SIZE} × {IMAGE_SIZE}"
        )
    if mode == "L":
        return pixels, False
    if (
        mode.startswith(("I", "F"))
        or (pixels[..., 3] != 255).any()
        or (pixels[..., :2] != pixels[..., 1:3]).any()
    ):
        raise DataError(
            f"{file}: a picture of mode {mode} that is not plain grey; expected grey levels 0–255"
        )
    return np.ascontiguousarray(pixels[..., 0]), True


def _drawn(images: np.ndarray, labels: np.ndarray, training: np.ndarray) -> list[int]:
    drawn = []
    for label in range(len(EMOTION_NAMES)):
        rows = np.flatnonzero(training & (labels == label))
        ranked = sorted(rows, key=lambda row: hashlib.sha256(images[row].tobytes()).digest())
        drawn += ranked[: max(1, len(rows) // _DRAWN_SHARE)]
    return drawn
