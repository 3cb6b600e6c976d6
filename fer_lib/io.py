"""Read and write files. A file is written under a temporary name first: it is whole or absent.

What is read from outside is bounded: only regular files, only so many bytes after decompression.
"""

import hashlib
import io
import json
import lzma
import os
import stat
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fer_lib.text import reason

TMP_PREFIX = ".writing-"  # of the names of files that are being written
ARCHIVE_ERRORS = (  # what Python's readers of compressed files and archives raise on broken ones
    *(OSError, EOFError, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, tarfile.TarError),
)
_MAX_ARRAY_BYTES = 500_000_000  # of an .npz file; that of FER2013 takes 83 million
_UNFINISHED_SECONDS = 600  # a file that is being written changes more often
_MAC_FOLDER = "__MACOSX"  # metadata that macOS adds to archives


class TooLargeError(ValueError):
    """Raised for a file that unpacks to more bytes than allowed."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it on an error.

    The temporary name keeps the suffixes of `path`, because NumPy and Keras choose the format by
    them.

    Raises:
        OSError: from the code that writes, such as on a full disk; `path` becomes its file name
            where it had none.

    Example:
        >>> with atomic_write("notes.txt") as tmp:
        ...     _ = tmp.write_text("whole or absent")
        >>> Path("notes.txt").read_text()
        'whole or absent'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=TMP_PREFIX, suffix="".join(path.suffixes)
    )
    os.close(handle)
    tmp = Path(name)
    try:
        yield tmp
        umask = os.umask(0)
        os.umask(umask)
        tmp.chmod(0o666 & ~umask)  # mkstemp's 0600 would lock other readers out
        tmp.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        tmp.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed process left in `folder`: temporary files untouched for ten minutes."""
    for path in folder.glob(f"{TMP_PREFIX}*"):
        if path.is_file() and time.time() - path.stat().st_mtime > _UNFINISHED_SECONDS:
            path.unlink(missing_ok=True)


def require_regular_file(path: Path) -> None:
    """Check, without opening it, that a path is a file, or a link to one.

    Raises:
        ValueError: it is a folder, a named pipe, a device or a socket; reading it might never end.
        OSError: it does not exist.
    """
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise ValueError(f"{path}: not a regular file")


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden, or metadata that macOS adds to archives."""
    return name.startswith(".") or name == _MAC_FOLDER


def list_files(folder: Path, closed: list[Path] | None = None) -> list[Path]:
    """List what lies in a folder and its subfolders, except folders and what is hidden, sorted.

    Links are followed, except to a folder that they lie in.

    Args:
        closed: gets the folders that cannot be read.

    Raises:
        OSError: a folder cannot be read, and there is no such list.
    """
    files, folders = [], [(folder, frozenset())]
    while folders:
        parent, ancestors = folders.pop()
        try:
            status = parent.stat()
            children = [(child, child.is_dir()) for child in parent.iterdir()]
        except OSError:
            if closed is None:
                raise
            closed.append(parent)
            continue
        identity = (status.st_dev, status.st_ino)
        if identity in ancestors:
            continue
        for child, is_folder in children:
            if is_hidden(child.name):
                continue
            if is_folder:
                folders.append((child, ancestors | {identity}))
            else:
                files.append(child)
    return sorted(files)


class LimitedReader(io.RawIOBase):
    """The bytes of a decompressing stream, up to a limit."""

    def __init__(self, stream: io.BufferedIOBase, limit: int):
        self._stream, self._limit, self._left = stream, limit, limit

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:
        """Read some bytes, and return how many.

        Raises:
            TooLargeError: they were more than the limit, in all.
        """
        count = self._stream.readinto(buffer)
        self._left -= count
        if self._left < 0:
            raise TooLargeError(f"more than {self._limit / 1e6:,.0f} MB, unpacked")
        return count


def write_json(path: Path, value) -> None:
    """Write `value` as indented JSON, keys in their own order.

    Raises:
        ValueError: it contains NaN or infinity, which JSON does not have.
    """
    with atomic_write(path) as tmp:
        tmp.write_text(
            json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
            encoding="utf-8",
        )


def read_json(path: Path):
    """Read a JSON file.

    Raises:
        ValueError: the file is not JSON, or is cut off; the message names it.
    """
    require_regular_file(path)
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a complete JSON file ({reason(error)})") from error


def read_arrays(path: Path, limit: int = _MAX_ARRAY_BYTES) -> dict[str, np.ndarray]:
    """Read every array of an .npz file.

    Args:
        limit: the most bytes that the arrays may unpack to.

    Raises:
        ValueError: the file is not .npz, is cut off, or is too large; the message names it.
    """
    require_regular_file(path)
    with Path(path).open("rb") as file:
        try:
            size = sum(member.file_size for member in zipfile.ZipFile(file).infolist())
            if size > limit:
                raise TooLargeError(f"more than {limit / 1e6:,.0f} MB, unpacked")
            file.seek(0)
            with np.load(file) as stored:
                return dict(stored)
        except Exception as error:  # broken headers of arrays raise many kinds
            raise ValueError(f"{path}: not a complete .npz file ({reason(error)})") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file: 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
