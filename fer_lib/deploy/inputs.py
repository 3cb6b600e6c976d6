"""Find the photos and videos that a user names."""

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from fer_lib.images import SUFFIXES
from fer_lib.io import is_hidden

VIDEO_SUFFIXES = frozenset(
    (
        *(".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov"),
        *(".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv"),
    )
)
PHOTO_SUFFIXES = frozenset(SUFFIXES) | {".heic", ".heif"}  # these to say that they are not read


def is_video(path: Path) -> bool:
    """Whether the ending of a file's name is a video's."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def find_inputs(texts: Iterable[str]) -> tuple[list[Path], Counter]:
    """List the photos and videos of files, folders (with subfolders) and patterns such as `*.jpg`.

    Each file is listed once, also where symbolic links lead to it twice. In folders, files count
    by their endings, and hidden ones are passed over. A name that matches nothing is listed
    unchanged, so that reading it fails with a message; so is a folder without photos and videos.

    Returns:
        The paths, and the number of other files in the folders by suffix.
    """
    paths, other_files = {}, Counter()
    for path in [path for text in texts for path in _matches(text)]:
        if not os.path.isdir(path):  # noqa: PTH112, which raises for names that are too long
            paths.setdefault(_identity(path), path)
            continue
        closed: list[Path] = []
        files = sorted(_files(path, closed))
        inputs = [file for file in files if is_video(file) or file.suffix.lower() in PHOTO_SUFFIXES]
        inputs += closed
        for file in inputs or [path]:
            paths.setdefault(_identity(file), file)
        rest = set(files) - set(inputs)
        other_files.update(file.suffix.lower() or "no suffix" for file in rest)
    return list(paths.values()), other_files


def _matches(text: str) -> list[Path]:
    path = Path(text)
    try:
        exists = os.path.lexists(text)
    except ValueError:  # a null character
        exists = True
    # Path.glob takes no absolute pattern.
    names = [] if exists else sorted(glob.glob(text, recursive=True))  # noqa: PTH207
    return [Path(name) for name in names] or [path]


def _files(folder: Path, closed: list[Path]) -> Iterator[Path]:
    """The files below a folder that are not hidden; a link to a folder is not followed.

    Args:
        closed: gets the folders that cannot be read.
    """
    for parent, folders, names in os.walk(
        folder, onerror=lambda error: closed.append(Path(error.filename))
    ):
        folders[:] = [name for name in folders if not is_hidden(name)]
        yield from (Path(parent, name) for name in names if not is_hidden(name))


def _identity(path: Path) -> str | Path:
    try:
        return os.path.realpath(path)  # where Path.resolve refuses loops of links
    except ValueError:
        return path
