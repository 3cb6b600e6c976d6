"""Read and write files. A file is written under a temporary name first: it is whole or absent."""

import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

TMP_PREFIX = ".writing-"  # of the names of files that are being written


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
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a complete JSON file ({error})") from error


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read every array of an .npz file.

    Raises:
        ValueError: the file is not .npz, or is cut off; the message names it.
    """
    try:
        with np.load(path) as stored:
            return dict(stored)
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: not a complete .npz file ({error})") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file: 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
