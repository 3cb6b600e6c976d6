"""Packages of npm's registry, pinned by the SHA-512 of their archives."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parent.parent


def package(name: str, sha512: str) -> Path | None:
    """Return the folder of a package, whose archive is downloaded once from npm's registry.

    The archive is kept. Its sum is compared on each call, and so is each unpacked file with the
    archive: what differs is downloaded or unpacked again.

    Args:
        name: with its version, `name@1.0.0`.
        sha512: of its archive, base64.

    Returns:
        None where there is no npm, or its registry cannot be reached.

    Raises:
        ValueError: the downloaded archive is not the pinned one.
    """
    folder = ROOT / "build" / "npm" / name
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # two books may be rendered at once
        kept = [path for path in folder.glob("*.tgz") if _digest(path) == sha512]
        archive = kept[0] if kept else _download(name, sha512, folder)
        return _unpack(archive, folder) if archive else None


def _digest(path: Path) -> str:
    return base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def _download(name: str, sha512: str, folder: Path) -> Path | None:
    npm = shutil.which("npm")
    if npm is None:
        print(f"{name} is left out: npm is not on this machine", file=sys.stderr)
        return None
    packed = subprocess.run(
        [npm, "pack", name, "--json"], cwd=folder, capture_output=True, text=True
    )
    if packed.returncode:
        print(f"{name} is left out: npm's registry cannot be reached", file=sys.stderr)
        return None
    archive = folder / json.loads(packed.stdout)[0]["filename"]
    if (digest := _digest(archive)) != sha512:
        raise ValueError(f"{name}: its archive has the SHA-512 {digest}, pinned is {sha512}")
    return archive


def _unpack(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as files:
        # Python 3.11 has the filter since 3.11.4.
        files.extraction_filter = getattr(tarfile, "data_filter", None)
        if not all(_is_unpacked(files, member, folder) for member in files):
            with tempfile.TemporaryDirectory(dir=folder) as tmp:
                files.extractall(tmp)
                shutil.rmtree(folder / "package", ignore_errors=True)
                (Path(tmp) / "package").rename(folder / "package")
    return folder / "package"


def _is_unpacked(files: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> bool:
    path = folder / member.name
    if not member.isfile():
        return True
    return path.is_file() and path.read_bytes() == files.extractfile(member).read()
