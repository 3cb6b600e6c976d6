"""Checksums of the records: `SHA256SUMS` of a run, and of all that is recorded.

Both are in the format of `sha256sum`. A run's covers the files of its folder. That of `results/`
covers the checksums of each run and all that is in no run: the analyses, the shared labels, the
ledger. Hidden files are passed over.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fer_lib.io import atomic_write, sha256_of
from fer_lib.paths import RESULTS

CHECKSUMS_FILE = "SHA256SUMS"


def write_checksums(folder: Path, names: Iterable[str]) -> None:
    """Write the SHA-256 of files of a folder, by their names."""
    _write(folder, {name: sha256_of(folder / name) for name in names})


def read_checksums(folder: Path) -> dict[str, str]:
    """Return the recorded SHA-256 of the files of a folder, by name.

    Raises:
        ValueError: the file is not of the format of `sha256sum`.
    """
    text = (folder / CHECKSUMS_FILE).read_text(encoding="utf-8")
    lines = [line.split(maxsplit=1) for line in text.splitlines()]
    if any(len(line) != 2 for line in lines):
        raise ValueError(f"{folder / CHECKSUMS_FILE}: expected a checksum and a file name per line")
    return {name: digest for digest, name in lines}


def checksum_problems(folder: Path, names: set[str]) -> list[str]:
    """Compare files of a folder with its checksums.

    Args:
        names: those of the files that are there.

    Returns:
        A message for each file that is missing, changed, or has no checksum.

    Raises:
        ValueError: as `read_checksums`.
        OSError: the file of checksums, or another, cannot be read.
    """
    sums = read_checksums(folder)
    digests = {name: sha256_of(folder / name) for name in sorted(names & sums.keys())}
    return [
        *(f"{name} is missing" for name in sorted(sums.keys() - names)),
        *(f"{name} has no checksum" for name in sorted(names - sums.keys())),
        *(
            f"{name}: its SHA-256 is {digest}, recorded was {sums[name]}"
            for name, digest in digests.items()
            if digest != sums[name]
        ),
    ]


@contextmanager
def manifest_updated(results: Path = RESULTS) -> Iterator[None]:
    """Take what is written under `results` meanwhile into its checksums, and leave the rest.

    Where there are none, they are written for all files.
    """
    before = _digests(results)
    try:
        yield
    finally:
        after = _digests(results)
        if not (results / CHECKSUMS_FILE).is_file():
            _write(results, after)
        elif after != before:
            sums = read_checksums(results)
            sums |= {name: digest for name, digest in after.items() if before.get(name) != digest}
            removed = before.keys() - after.keys()
            _write(results, {name: sums[name] for name in sums.keys() - removed})


def rewrite_manifest(results: Path) -> dict[str, list[str]]:
    """Write the checksums of all that is under `results` as it is now.

    Returns:
        The names of the files that were `added`, `changed` and `removed` since the last ones.
    """
    known = read_checksums(results) if (results / CHECKSUMS_FILE).is_file() else {}
    now = _digests(results)
    _write(results, now)
    return {
        "added": sorted(now.keys() - known.keys()),
        "changed": sorted(name for name in now.keys() & known.keys() if now[name] != known[name]),
        "removed": sorted(known.keys() - now.keys()),
    }


def covered_files(results: Path) -> set[str]:
    """Names of the files that the checksums of `results` cover."""
    names = {path.relative_to(results).as_posix() for path in _files(results)}
    runs = {name.rpartition("/")[0] for name in names if name.endswith(f"/{CHECKSUMS_FILE}")}
    return {
        name
        for name in names - {CHECKSUMS_FILE}
        if name.endswith(CHECKSUMS_FILE) or name.rpartition("/")[0] not in runs
    }


def _digests(results: Path) -> dict[str, str]:
    return {name: sha256_of(results / name) for name in covered_files(results)}


def links(results: Path) -> list[str]:
    """Names of the symbolic links under `results`: what is recorded is in its own place."""
    paths = (
        Path(top, name) for top, folders, names in os.walk(results) for name in (*folders, *names)
    )
    return sorted(path.relative_to(results).as_posix() for path in paths if path.is_symlink())


def _files(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and (path := Path(top, name)).is_file():
                yield path


def _write(folder: Path, sums: dict[str, str]) -> None:
    with atomic_write(folder / CHECKSUMS_FILE) as tmp:
        text = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
        tmp.write_text(text, encoding="utf-8", newline="\n")
