import json
import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TRACKED = (
    "Makefile",
    "requirements",
    "pyproject.toml",
    "_config.yml",
    "CITATION.cff",
    "book",
    "notebooks",
    "fer_lib",
    "results",
)


@pytest.fixture
def clone(tmp_path):
    """A copy of the project with an environment that make takes for complete."""
    for name in TRACKED:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "ready").touch()
    return tmp_path


@pytest.mark.parametrize("seed", range(3))
def test_book_never_trains_whatever_the_modification_times(clone, seed):
    files = [path for path in clone.rglob("*") if path.is_file()]
    random.Random(seed).shuffle(files)
    for age, path in enumerate(files):
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    plan = subprocess.run(
        ["make", "-n", "book"], cwd=clone, capture_output=True, text=True, check=True
    ).stdout
    assert "book/parts.py build/full" in plan
    assert not re.search(r"fer_lib (train|record)|build/quick|benchmarks", plan)


def test_help_lists_every_target():
    text = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"make (\w+)", text)) == {
        "help",
        "book",
        "test",
        "lint",
        "dist",
        "assets",
        "quick",
        "page",
        "lab",
        "serve",
        "data",
        "verify",
        "lock",
        "clean",
    }


def test_contents_list_all_pages():
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    pages = [toc["root"], *re.findall(r"'file': '(\w+)'", str(toc))]
    listed = set(pages)
    assert len(listed) == len(pages)
    there = {
        path.stem
        for folder, kind in (("book", "*.md"), ("notebooks", "*.ipynb"))
        for path in (ROOT / folder).glob(kind)
    }
    assert listed == there


def test_citations_match_the_bibliography():
    bib = set(re.findall(r"@\w+\{([^,]+),", (ROOT / "book" / "references.bib").read_text()))
    text = "".join(
        path.read_text()
        for path in [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    )
    cited = {
        key for keys in re.findall(r"\{cite(?::t)?\}`([^`]+)`", text) for key in keys.split(",")
    }
    assert cited == bib


def prose():
    """The authored text of each page, each notebook and the README."""
    for path in [*(ROOT / "book").glob("*.md"), ROOT / "README.md"]:
        yield (
            path.name,
            re.sub(
                r"<!-- results.*?<!-- end of results",
                "",
                path.read_text(encoding="utf-8"),
                flags=re.DOTALL,
            ),
        )
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        yield path.name, "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_prose_contains_no_typed_results():
    """Percentages with a decimal and scores are typed only where other work is cited."""
    # Of the method and of the protocol.
    settings = r"(momentum of|Keras's) 0\.999|t_\{0\.975|\b(97\.5|2\.5)\s?%"
    for name, text in prose():
        if name != "related_work.md":
            results = re.findall(r"\d+[.,]\d+\s?%|\b0\.\d{3}", re.sub(settings, "", text))
            assert not results, name


def test_no_line_breaks_before_a_percent_sign():
    assert not [name for name, text in prose() if re.search(r"\d %", text)]


def test_clean_keeps_the_notebooks_of_the_lab(clone):
    for name in ("lab", "full"):
        (clone / "build" / name).mkdir(parents=True)
    subprocess.run(["make", "clean"], cwd=clone, capture_output=True, check=True)
    assert [path.name for path in (clone / "build").iterdir()] == ["lab"]


def test_unsuitable_python_is_one_message(clone):
    shutil.rmtree(clone / ".venv")
    fake = clone / "bin"
    fake.mkdir()
    for name in ("python3", "python3.13", "python3.12", "python3.11", "python"):
        (fake / name).write_text("#!/bin/sh\necho 'this Python is too old' >&2; exit 1\n")
        (fake / name).chmod(0o755)
    # A `make test PYTHON=…` around this test passes its variables on.
    outer = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MAKEFLAGS", "MAKEOVERRIDES", "PYTHON")
    }
    environment = {**outer, "PATH": f"{fake}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["make", "book"], cwd=clone, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 2
    assert done.stderr.count("too old") == 1 and "No Python found" not in done.stderr


def test_records_hold_no_images():
    """Arrays are logits, labels, hashes and names: one number per image, or one per class.

    Those of truth values are not images: which images of each corruption are correct.
    """
    for path in (ROOT / "results").rglob("*.npz"):
        with np.load(path) as stored:
            for name in stored:
                kind, shape = name.rsplit("_", 1)[-1], stored[name].shape[1:]
                if stored[name].dtype == bool:
                    assert shape == (3589,), (path, name)
                elif shape != (7,):  # logits
                    assert kind in ("labels", "hashes", "sha256", "scheme"), (path, name)
                    assert shape == (), (path, name)


def test_records_stay_within_the_budget():
    sizes = [path.stat().st_size for path in (ROOT / "results").rglob("*") if path.is_file()]
    assert sum(sizes) < 100e6 and max(sizes) < 20e6


def test_records_are_json():
    for path in (ROOT / "results").rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
