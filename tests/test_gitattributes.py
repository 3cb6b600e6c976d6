"""A clone is the same on every system."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "results/SHA256SUMS": b"00  a/config.json\n",
    "results/a/config.json": b'{\n "seed": 0\n}\n',
    "results/a/history.csv": b"epoch,loss\r\n1,2.0\r\n",  # as a Windows machine would record it
    "results/a/predictions.npz": b"PK\x03\x04\x00\r\n\n",
    "fer_lib/a.onnx": b"\x08\x00\n\r\n",
    "Makefile": b"a:\n\ttrue\n",
    "notebooks/a.ipynb": b"{\n}\n",
}


@pytest.mark.parametrize("autocrlf", ["true", "input", "false"])
def test_a_clone_has_the_bytes_that_were_committed(tmp_path, autocrlf):
    """`true` is the default of Git for Windows."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    for name, content in FILES.items():
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_bytes(content)
    shutil.copy(ROOT / ".gitattributes", origin)
    settings = ["-c", f"core.autocrlf={autocrlf}"]
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "Files"]):
        subprocess.run(["git", *settings, *command], cwd=origin, check=True)
    subprocess.run(["git", "clone", "-q", *settings, str(origin), str(clone)], check=True)
    assert {name: (clone / name).read_bytes() for name in FILES} == FILES
