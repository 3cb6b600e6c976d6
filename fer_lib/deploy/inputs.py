"""Find the photos and videos that a user names."""

import glob
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fer_lib.deploy.annotate import is_saved
from fer_lib.deploy.suffixes import is_photo, is_video
from fer_lib.io import list_files


@dataclass(frozen=True)
class Inputs:
    """What `find_inputs` found.

    Attributes:
        paths: photos and videos, and names that will fail with a message.
        other_files: the number of other files in the folders by suffix.
        saved: the number of files that were passed over because an `annotate.Saver` wrote them.
    """

    paths: list[Path]
    other_files: Counter
    saved: int = 0


def find_inputs(texts: Iterable[str]) -> Inputs:
    """List the photos and videos of files, folders (with subfolders) and patterns such as `*.jpg`.

    Each file is listed once, also where symbolic links lead to it twice. In folders, files count
    by their endings, and hidden ones are passed over. A name that matches nothing is listed
    unchanged, so that reading it fails with a message; so is a folder without photos and videos.
    What was saved with predictions is passed over wherever it is.
    """
    paths, other_files = {}, Counter()
    for path in [path for text in texts for path in _matches(text)]:
        if not os.path.isdir(path):  # noqa: PTH112, which raises for names that are too long
            paths.setdefault(_identity(path), path)
            continue
        closed: list[Path] = []
        files = list_files(path, closed)
        inputs = [file for file in files if is_video(file) or is_photo(file)]
        inputs += closed
        for file in inputs or [path]:
            paths.setdefault(_identity(file), file)
        rest = set(files) - set(inputs)
        other_files.update(file.suffix.lower() or "no suffix" for file in rest)
    kept = [path for path in paths.values() if not is_saved(path)]
    return Inputs(kept, other_files, len(paths) - len(kept))


def _matches(text: str) -> list[Path]:
    path = Path(text)
    try:
        exists = os.path.lexists(text)
    except ValueError:  # a null character
        exists = True
    # Path.glob takes no absolute pattern.
    names = [] if exists else sorted(glob.glob(text, recursive=True))  # noqa: PTH207
    return [Path(name) for name in names] or [path]


def _identity(path: Path) -> str | Path:
    try:
        return os.path.realpath(path)  # where Path.resolve refuses loops of links
    except ValueError:
        return path
