"""The page of a reader's own run."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[2]


def run_page(*arguments, **variables):
    return subprocess.run(
        [sys.executable, ROOT / "book" / "page.py", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )


@pytest.fixture
def page(book_script, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book")
    return book_script("page")


def test_an_unrecorded_run_without_private_test_gets_a_page(run, tmp_path):
    """A run in the training folder; the folder of recorded runs is empty."""
    name = "ablation_cross_entropy"
    folder = tmp_path / "runs" / "full" / name / "seed-1"
    shutil.copytree(run.folder, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"experiment": name, "seed": 1}))
    metrics = {"public_test": run.metrics["public_test"]}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    done = run_page(name, "1", "full", FER_LIB_ROOT=str(tmp_path))
    assert done.returncode == 0, done.stderr
    path = tmp_path / "build" / "page" / f"{name}-seed-1.html"
    page = path.read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    assert "PrivateTest: not evaluated" in text and "Table 3. Scores of" in text
    assert "Figure 2. Confusion matrix" in text and "PublicTest" in text
    assert not re.search(r"\{(numref|doc|cite)\}", text)
    assert not re.search(r"(src|href)=.https?:", page)
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src' in page
    assert "<script" not in page  # the policy allows none


@pytest.mark.parametrize(
    ("experiment", "message"),
    [
        ("custom_cmm", "no experiment 'custom_cmm'; python -m fer_lib list shows their names"),
        ("custom_cnn", "train it with: python -m fer_lib train custom_cnn --seed 77\n"),
    ],
)
def test_what_is_missing_is_one_message(experiment, message, tmp_path):
    done = run_page(experiment, "77", "full", FER_LIB_RUNS=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and done.stderr.endswith(message.rstrip("\n") + "\n")


def test_figures_and_tables_are_numbered_and_roles_replaced(page):
    cells = [new_markdown_cell("See {numref}`tab-b`, {numref}`fig-c` and {doc}`methods`.")]
    for name, data in (
        ("tab-a", {"text/html": "<table><caption>A.</caption></table>"}),
        ("tab-b", {"text/html": "<table><caption>B.</caption></table>"}),
        ("fig-c", {"image/png": "AAAA\n"}),
    ):
        cell = new_code_cell(outputs=[new_output("display_data", data)])
        cell.metadata["mystnb"] = {"figure": {"name": name, "caption": "C < D."}}
        cells.append(cell)
    notebook = page.number_figures(new_notebook(cells=cells))
    assert notebook.cells[0].source == "See Table 2, Figure 1 and the page “methods” of the report."
    assert "<caption>Table 2. B.</caption>" in notebook.cells[2].outputs[0].data["text/html"]
    figure = notebook.cells[3].outputs[0].data["text/html"]
    assert "Figure 1. C &lt; D." in figure and 'base64,AAAA"' in figure
    nbformat.validate(notebook)
