"""Tables of notebooks become numbered tables of the book."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"
CONFIGURATION = f"""
import sys
sys.path.append({str(EXTENSIONS)!r})
extensions = ["myst_nb", "numbered_tables"]
root_doc = "page"
numfig = True
numfig_secnum_depth = 0
nb_execution_mode = "off"
html_theme = "basic"
"""


def table(caption=None):
    style = pd.DataFrame({"model": ["A", "B"], "accuracy": [0.5, 0.25]}).style
    return (style.set_caption(caption) if caption else style).to_html()


def shown(name, html):
    """A code cell with this name that has shown this HTML."""
    data = {"text/html": html, "text/plain": "<Styler>"}
    cell = new_code_cell("show(table)", outputs=[new_output("display_data", data)])
    cell.metadata["mystnb"] = {"figure": {"name": name}}
    return cell


@pytest.fixture
def build(tmp_path):
    def run(*cells):
        notebook = new_notebook(cells=[new_markdown_cell("# Page"), *cells])
        notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
        (tmp_path / "conf.py").write_text(CONFIGURATION)
        nbformat.write(notebook, tmp_path / "page.ipynb")
        command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "-q", "-j", "2"]
        done = subprocess.run(
            [*command, tmp_path, tmp_path / "out"], capture_output=True, text=True
        )
        page = tmp_path / "out" / "page.html"
        return done, page.read_text(encoding="utf-8") if page.exists() else ""

    return run


def test_tables_are_numbered_and_their_caption_stands_above(build):
    done, page = build(
        new_markdown_cell("See {numref}`tab-second` and {numref}`tab-first`."),
        shown("tab-first", table("Accuracy &amp; interval.")),
        shown("tab-second", table("Second.")),
    )
    assert done.returncode == 0, done.stderr
    references = re.findall(r'href="#(tab-\w+)"><span class="std std-numref">([^<]+)<', page)
    assert references == [("tab-second", "Table 2"), ("tab-first", "Table 1")]
    first = page[page.index('id="tab-first"') : page.index('id="tab-second"')]
    text = re.sub(r"<[^>]+>", "", first[: first.index("<table")].split("<style")[0])
    assert "Table 1 Accuracy &amp; interval." in text
    assert page.count("Accuracy &amp; interval.") == 1 and "<caption" not in page
    assert "0.25" in first


def test_a_table_without_a_caption_is_an_error(build):
    done, _ = build(shown("tab-bare", table()))
    assert done.returncode != 0 and "the table 'tab-bare' has no caption" in done.stderr


def test_other_figures_keep_their_caption(build):
    cell = shown("fig-other", table("Inside."))
    cell.metadata["mystnb"]["figure"]["caption"] = "Outside."
    done, page = build(cell, new_markdown_cell("See {numref}`fig-other`."))
    assert done.returncode == 0, done.stderr
    assert "Fig. 1" in page and "<caption>Inside.</caption>" in page
