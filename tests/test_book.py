import json
import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
TRACKED = ("Makefile", "requirements.lock", "pyproject.toml", "_config.yml", "book", "notebooks", "fer_lib", "results")


@pytest.fixture
def clone(tmp_path):
    """The project's files, and an environment that looks made."""
    for name in TRACKED:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "ready").touch()
    return tmp_path


@pytest.mark.parametrize("seed", range(3))
def test_touched_in_any_order_the_book_never_trains(clone, seed):
    files = [path for path in clone.rglob("*") if path.is_file()]
    random.Random(seed).shuffle(files)
    for age, path in enumerate(files):
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    plan = subprocess.run(["make", "-n", "book"], cwd=clone, capture_output=True, text=True, check=True).stdout
    assert "book/render.py" in plan
    assert "train" not in plan and "quick" not in plan and "record" not in plan


def test_help_lists_every_target():
    text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"make (\w+)", text)) == {"help", "book", "test", "quick", "lab", "serve", "data", "verify", "clean"}


def test_every_page_is_in_the_contents():
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    listed = {toc["root"], *(chapter["file"] for chapter in toc["chapters"])}
    there = {path.stem for folder, kind in (("book", "*.md"), ("notebooks", "*.ipynb")) for path in (ROOT / folder).glob(kind)}
    assert listed == there


def test_every_citation_is_known_and_every_entry_cited():
    bib = set(re.findall(r"@\w+\{([^,]+),", (ROOT / "book" / "references.bib").read_text()))
    text = "".join(path.read_text() for path in [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")])
    assert set(re.findall(r"\{cite(?::t)?\}`([^`]+)`", text)) == bib


def test_no_result_of_ours_is_typed_into_the_prose():
    """Percentages in prose are those of cited work, of the pretrained weights' rounding, or of settings; ours are glued."""
    for page in ("index", "introduction", "conclusions"):
        text = (ROOT / "book" / f"{page}.md").read_text()
        assert not re.findall(r"\d\d\.\d\d? ?%", text)


def test_one_list_of_dependencies():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pip == ["-r requirements.lock", "-e ."]


def test_the_dataset_is_not_in_the_records():
    """Recorded arrays are predictions, labels and hashes: too small to hold pictures."""
    import numpy as np

    for path in (ROOT / "results").glob("*/*/predictions.npz"):
        with np.load(path) as stored:
            assert all(re.fullmatch(r"(public|private)_test_(logits|labels|hashes)", name) for name in stored)
            assert all(stored[name].ndim == (2 if name.endswith("logits") else 1) for name in stored)


def test_records_stay_small():
    assert sum(path.stat().st_size for path in (ROOT / "results").rglob("*") if path.is_file()) < 40_000_000


def test_results_are_json():
    for path in (ROOT / "results").rglob("*.json"):
        json.loads(path.read_text())
