"""The Makefile hands values to programs, not to a shell."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "value", ['"; touch pwned; "', "'; touch pwned; '", "`touch pwned`", "$$(touch pwned)", "a b"]
)
def test_the_names_of_a_page_are_no_commands(tmp_path, value):
    shutil.copy(ROOT / "Makefile", tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > arguments\n')
    python.chmod(0o755)
    for name in ("requirements/report.lock", "pyproject.toml", ".venv/ready"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(
        ["make", "page", f"EXPERIMENT={value}", f"SEED={value}"], cwd=tmp_path, check=True
    )
    value = value.replace("$$", "$")  # make's own escape
    expected = ["book/page.py", value, value, "full"]
    assert (tmp_path / "arguments").read_text().splitlines() == expected
    assert not (tmp_path / "pwned").exists()
