"""The files of a folder or of a zip, by their paths in it."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from fer_lib.data.readers.raw import MAX_BYTES, DataError
from fer_lib.io import is_hidden, list_files, require_regular_file

_MAX_NAME = 1_000  # characters of a path in a zip


@dataclass(frozen=True)
class Files:
    """Files in a folder or in an archive, except hidden ones.

    Attributes:
        name: The path of the folder or archive, for messages.
        names: The paths of the files in it, with `/`, sorted.
        open: Opens one of them, as a binary file.
    """

    name: str
    names: tuple[str, ...]
    open: Callable[[str], BinaryIO]


def folder_files(folder: Path) -> Files:
    """List a folder with its subfolders.

    Raises:
        DataError: If a subfolder cannot be read, or holds something else than files.
    """
    try:
        paths = list_files(folder)
        for path in paths:
            require_regular_file(path)
    except ValueError as error:
        raise DataError(str(error)) from None
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror}") from error
    names = tuple(path.relative_to(folder).as_posix() for path in paths)
    return Files(str(folder), names, lambda name: (folder / name).open("rb"))


def zip_files(path: Path, archive: zipfile.ZipFile) -> Files:
    """List an open zip.

    Raises:
        DataError: If it holds several files of one name or a name that no disk holds, or unpacks to
            more than `MAX_BYTES`.
    """
    members = [
        member
        for member in archive.infolist()
        if not member.filename.endswith("/")  # a folder; `is_dir` fails for an empty name
        and not any(map(is_hidden, PurePosixPath(member.filename).parts))
    ]
    names = sorted(member.filename for member in members)
    if longest := max((len(name) for name in names if len(name) > _MAX_NAME), default=0):
        raise DataError(f"{path}: holds a file with a name of {longest:,} characters")
    if repeated := [name for name, following in pairwise(names) if name == following]:
        raise DataError(f"{path}: holds several files {repeated[0]}")
    if sum(member.file_size for member in members) > MAX_BYTES:
        raise DataError(f"{path}: more than {MAX_BYTES / 1e6:,.0f} MB, unpacked")
    return Files(str(path), tuple(names), archive.open)
