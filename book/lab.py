"""Copy the notebooks into a folder in which they may be changed: `python book/lab.py build/lab`.

Running a notebook writes outputs into it; in the copies, git does not see them. A copy that was
changed is never overwritten: where the notebook has changed too, the new one is put beside it.

The copies are written for JupyterLab, which knows nothing of Sphinx: references become plain text
and links, figures and tables get their numbers and captions, and code that the pages hide is
collapsed.
"""

import json
import re
import sys
from pathlib import Path

from pybtex.database import parse_file

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from author_year_labels import authors  # noqa: E402

ROLE = re.compile(r"\{(cite|cite:t|doc|eq|numref)\}`([^`]+)`")
COLLAPSED = {"hide-input", "remove-cell", "remove-input"}


class References:
    """What the references of the notebooks refer to.

    Attributes:
        notebooks: the parsed notebooks by file name, without their suffix.
        pages: the titles of the other pages, likewise.
        entries: the entries of the bibliography by key.
        labels: by name of a figure or table, its notebook and “Figure 2” or “Table 1”.
    """

    def __init__(self, notebooks: dict[str, dict], book: Path) -> None:
        self.notebooks = notebooks
        self.pages = {path.stem: title(path.read_text("utf-8")) for path in book.glob("*.md")}
        self.entries = parse_file(str(book / "references.bib")).entries
        self.labels = {}
        for stem, notebook in notebooks.items():
            numbers = {"Figure": 0, "Table": 0}
            for name in filter(None, map(figure_name, notebook["cells"])):
                kind = "Table" if name.startswith("tab-") else "Figure"
                numbers[kind] += 1
                self.labels[name] = stem, f"{kind} {numbers[kind]}"

    def resolve(self, text: str, stem: str) -> str:
        """Replace the roles in a text of the notebook `stem`."""
        return ROLE.sub(lambda role: self._plain(role[1], role[2], stem), text)

    def _plain(self, role: str, target: str, stem: str) -> str:
        if role == "eq":
            return f"({target})"
        if role == "numref":
            notebook, number = self.labels[target]
            return number if notebook == stem else f"{number} of {self._link(notebook)}"
        if role == "doc":
            titled = re.fullmatch(r"(.+) <(.+)>", target)
            return self._link(titled[2], titled[1]) if titled else self._link(target)
        entries = [self.entries[key] for key in target.split(",")]
        if role == "cite:t":
            return ", ".join(f"{authors(e)} ({e.fields['year']})" for e in entries)
        return "(" + "; ".join(f"{authors(e)}, {e.fields['year']}" for e in entries) + ")"

    def _link(self, page: str, text: str = "") -> str:
        if page in self.notebooks:
            text = text or title(source(self.notebooks[page]["cells"][0]))
            return f"[{text}]({page}.ipynb)"
        return text or f"“{self.pages[page]}”"


def title(markdown: str) -> str:
    return re.search(r"^# (.+)", markdown, flags=re.MULTILINE)[1]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def figure_name(cell: dict) -> str:
    return cell["metadata"].get("mystnb", {}).get("figure", {}).get("name", "")


def cells_for_lab(stem: str, references: References) -> list[dict]:
    """The cells of a notebook as JupyterLab shows them best."""
    cells = []
    for cell in references.notebooks[stem]["cells"]:
        if cell["id"] == "colab":
            continue
        tags, metadata = set(cell["metadata"].get("tags", [])), dict(cell["metadata"])
        if cell["cell_type"] == "markdown":
            cells.append({**cell, "source": references.resolve(source(cell), stem)})
            continue
        is_long = "\n" in source(cell).strip()  # collapsed, a cell still shows its first line
        if is_long and tags & COLLAPSED and "parameters" not in tags:
            metadata["jupyter"] = {"source_hidden": True}
        cells.append({**cell, "metadata": metadata})
        if name := figure_name(cell):
            number = f"**{references.labels[name][1]}.**"
            caption = references.resolve(metadata["mystnb"]["figure"].get("caption", ""), stem)
            label = {"cell_type": "markdown", "id": f"{cell['id']}-caption", "metadata": {}}
            # A figure's caption stands below it; that of a table is part of what the cell shows.
            position = len(cells) if caption else len(cells) - 1
            cells.insert(position, {**label, "source": f"{number} {caption}".strip()})
    return cells


def notebooks_for_lab(folder: Path, book: Path) -> dict[str, bytes]:
    """The notebooks of a folder, by file name, as JupyterLab shows them best."""
    paths = sorted(folder.glob("*.ipynb"))
    notebooks = {path.stem: json.loads(path.read_text("utf-8")) for path in paths}
    references = References(notebooks, book)
    return {
        f"{stem}.ipynb": json.dumps(
            {**notebook, "cells": cells_for_lab(stem, references)}, ensure_ascii=False, indent=1
        ).encode()
        for stem, notebook in notebooks.items()
    }


def copy_notebooks(notebooks: dict[str, bytes], target: Path) -> list[Path]:
    """Write notebooks that are new or have changed.

    Args:
        notebooks: by file name.
        target: the folder of the copies; `.original` in it holds them as they were written.

    Returns:
        The notebooks that were put beside a changed copy, as `<name>.new.ipynb`.
    """
    originals, beside = target / ".original", []
    originals.mkdir(parents=True, exist_ok=True)
    for name, new in notebooks.items():
        copy, original = target / name, originals / name
        before = original.read_bytes() if original.exists() else None
        if copy.exists() and copy.read_bytes() not in (before, new):
            if new != before:
                copy = copy.with_suffix(".new.ipynb")
                beside.append(copy)
            else:
                continue
        copy.write_bytes(new)
        original.write_bytes(new)
    return beside


def main() -> int:
    notebooks = notebooks_for_lab(ROOT / "notebooks", ROOT / "book")
    for path in copy_notebooks(notebooks, Path(sys.argv[1])):
        print(f"{path}: the notebook has changed, and your copy too; this is the new one")
    return 0


if __name__ == "__main__":
    sys.exit(main())
