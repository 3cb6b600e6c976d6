"""Write the cell that makes a notebook work on Google Colab: `python book/colab.py`.

Colab opens a notebook alone. Its first code cell clones the repository, with the recorded runs, and
installs the library of the clone. The address is that of CITATION.cff (`repository-code`); where it
names none, the cell asks for it. Elsewhere, the cell does nothing.
"""

import json
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CELL = """\
# On Google Colab: fetch the recorded runs, and install the library with what notebooks need.
if "google.colab" in str(get_ipython()):
    repository = {repository}
    !git clone --quiet --depth 1 {{repository}} /content/fer_lib
    %pip install --quiet "/content/fer_lib[notebooks]"
    %env FER_LIB_ROOT=/content/fer_lib"""


def with_colab_cell(notebook: dict, address: str) -> dict:
    """The notebook with the cell, for a repository at `address`, after its title."""
    repository = json.dumps(address) if address else 'input("Address of the repository: ")'
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "colab",
        "metadata": {"tags": ["remove-cell"]},
        "outputs": [],
        "source": CELL.format(repository=repository).splitlines(keepends=True),
    }
    title, *others = (cell for cell in notebook["cells"] if cell["id"] != "colab")
    return {**notebook, "cells": [title, cell, *others]}


def main() -> int:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook = with_colab_cell(notebook, citation.get("repository-code", ""))
        text = json.dumps(notebook, indent=1, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
