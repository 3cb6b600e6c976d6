"""Find FER2013 on this machine."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fer_lib.data.readers import CSV_NAMES, DataError, is_image_folder
from fer_lib.io import is_hidden
from fer_lib.paths import ROOT
from fer_lib.text import printable, quoted

ARCHIVE_NAME = "fer2013.tar.gz"  # of the challenge
FILE_NAMES = (*(f"{name}{end}" for name in CSV_NAMES for end in ("", ".gz")), ARCHIVE_NAME)
EXPECTED = f"a folder with one of {', '.join(FILE_NAMES)}, one zip, or folders train and test"


@dataclass(frozen=True)
class Location:
    """A data set that was found.

    Attributes:
        path: Its file or folder.
        notes: What else was found and is not used.
    """

    path: Path
    notes: tuple[str, ...] = ()


def find_dataset(root: Path = ROOT) -> Path | None:
    """Return the file or folder that `search` finds, or None if there is none."""
    location = search(root)
    return location.path if location else None


def search(root: Path = ROOT) -> Location | None:
    """Find FER2013 where the environment variable `FER2013` points, or else in `data/`.

    The variable names a file or a folder. A relative path is relative to the current folder or else
    to `root`, because notebooks run in their own folder.

    Args:
        root: The folder that contains `data/`.

    Returns:
        The data set, or None if there is none.

    Raises:
        DataError: If the variable is set but does not point to a data set; no other copy is used
            instead. As `locate`.
    """
    if not (variable := os.environ.get("FER2013")):
        return locate(root / "data")
    path = Path(variable).expanduser()
    if location := locate(path) or locate(root / path):
        return location
    raise DataError(
        f"the environment variable FER2013 is {quoted(variable)}: "
        f"expected the data set's file, or {EXPECTED}; found {contents(path)}"
    )


def locate(path: Path) -> Location | None:
    """Find the data set at a path: the file itself, or what the folder or its subfolders hold.

    The folder comes before its subfolders; there, a CSV comes first, then the challenge's archive,
    folders of images, and a zip.

    Returns:
        The data set, or None if there is none.

    Raises:
        DataError: If two come first.
    """
    if not path.is_dir():
        return Location(path) if path.is_file() else None
    candidates = sorted(_candidates(path))
    if not candidates:
        return None
    (*rank, chosen), *rest = candidates
    name, *other_names = (
        "folders of images" if place == path else quoted(place.relative_to(path))
        for *_, place in candidates
    )
    if any(other_rank == rank for *other_rank, _ in rest):
        raise DataError(
            f"{path}: several data sets, {name}, {', '.join(other_names)}; expected one"
        )
    notes = (f"{path}: read {name}, and not {', '.join(other_names)}",) if rest else ()
    return Location(chosen, tuple(map(printable, notes)))


def contents(path: Path) -> str:
    """Return what a path holds, for a message."""
    if not path.exists():
        return "no such file or folder"
    if not path.is_dir():
        return "something else than a file"
    names = sorted(child.name for child in _visible(path))
    return quoted(", ".join(names)) if names else "an empty folder"


def _candidates(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """Yield data sets in a folder and its subfolders, each after its depth and its form."""
    yield from ((0, form, path) for form, path in _forms(folder))
    for place in filter(Path.is_dir, _visible(folder)):
        if place.samefile(folder):
            continue
        with suppress(PermissionError):  # such as the `lost+found` of a disk
            yield from ((1, form, path) for form, path in _forms(place))


def _forms(folder: Path) -> list[tuple[int, Path]]:
    files = [path for path in _visible(folder) if path.is_file()]
    archives = [path for path in files if path.suffix.lower() == ".zip"]
    return [
        *((FILE_NAMES.index(path.name), path) for path in files if path.name in FILE_NAMES),
        *([(len(FILE_NAMES), folder)] if is_image_folder(folder) else []),
        *((len(FILE_NAMES) + 1, path) for path in archives),
    ]


def _visible(folder: Path) -> list[Path]:
    return [child for child in folder.iterdir() if not is_hidden(child.name)]
