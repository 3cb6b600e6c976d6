"""The cell that makes a notebook work on Google Colab."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def with_colab_cell(book_script):
    return book_script("colab").with_colab_cell


def test_each_notebook_has_the_cell_with_the_address_of_the_citation(with_colab_cell):
    """After a change of the address: `python book/colab.py`."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text("utf-8"))
        address = citation.get("repository-code", "")
        assert notebook == with_colab_cell(notebook, address), path.name


@pytest.fixture
def run_cell(with_colab_cell, tmp_path):
    """Run the cell in an IPython of its own, whose shell has a name; what it ran, and printed."""

    def run(shell, address):
        notebook = with_colab_cell({"cells": [{"id": "title"}]}, address)
        source = "".join(notebook["cells"][1]["source"])
        script = tmp_path / "cell.py"
        script.write_text(PRELUDE.format(shell=shell, source=source))
        command = [sys.executable, script]
        done = subprocess.run(command, input="typed", capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    return run


PRELUDE = """
from IPython.core.interactiveshell import InteractiveShell

class Shell(InteractiveShell):
    system = lambda self, line: print("!" + self.var_expand(line))
    run_line_magic = lambda self, *words, **options: print("%" + " ".join(map(str, words)))
    __str__ = lambda self: {shell!r}

print(Shell.instance().run_cell({source!r}).success)
"""


def test_it_clones_and_installs_on_colab_only(run_cell):
    assert run_cell("<google.colab._shell.Shell object>", "https://host/name") == [
        "!git clone --quiet --depth 1 https://host/name /content/fer_lib",
        '%pip install --quiet "/content/fer_lib[notebooks]"',
        "%env FER_LIB_ROOT=/content/fer_lib",
        "True",
    ]
    assert run_cell("<ipykernel.zmqshell.ZMQInteractiveShell object>", "https://host/name") == [
        "True"
    ]


def test_it_asks_for_an_address_where_the_citation_names_none(run_cell):
    lines = run_cell("<google.colab._shell.Shell object>", "")
    assert lines[0].endswith("!git clone --quiet --depth 1 typed /content/fer_lib")
