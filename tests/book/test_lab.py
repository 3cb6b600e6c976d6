"""The copies of the notebooks that `make lab` opens."""

import json

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

BIBLIOGRAPHY = """
@article{he2016, author = {He, K. and Sun, J.}, title = {A}, year = {2016}}
@article{lin2017, author = {Lin, T. and Goyal, P. and He, K.}, title = {B}, year = {2017}}
"""


@pytest.fixture
def lab(book_script, tmp_path):
    copy, target = book_script("lab").copy_notebooks, tmp_path / "lab"
    notebooks = {"a.ipynb": b"first"}

    def run(text=None, changed=None):
        if text:
            notebooks["a.ipynb"] = text.encode()
        if changed:
            (target / "a.ipynb").write_text(changed)
        return [path.name for path in copy(notebooks, target)]

    run.folder = target
    return run


def read(lab, name="a.ipynb"):
    return (lab.folder / name).read_text()


def test_an_untouched_copy_follows_the_notebook(lab):
    assert lab() == [] and read(lab) == "first"
    assert lab(text="second") == [] and read(lab) == "second"


def test_a_changed_copy_stays(lab):
    lab()
    assert lab(changed="mine") == [] and read(lab) == "mine"
    assert lab(text="second") == ["a.new.ipynb"]
    assert read(lab) == "mine" and read(lab, "a.new.ipynb") == "second"
    assert lab() == [] and read(lab) == "mine"  # told once


@pytest.fixture
def written(book_script, tmp_path):
    """Two notebooks and a page as JupyterLab gets them: the cells by notebook."""

    def figure(name, caption=None, tags=("remove-input",)):
        described = {"name": name} | ({"caption": caption} if caption else {})
        metadata = {"mystnb": {"figure": described}, "tags": [*tags]}
        return new_code_cell("draw()", metadata=metadata)

    def write(stem, *cells):
        (tmp_path / f"{stem}.ipynb").write_text(json.dumps(new_notebook(cells=[*cells])))

    (tmp_path / "rerun.md").write_text("(label)=\n# Rerun it\n")
    (tmp_path / "references.bib").write_text(BIBLIOGRAPHY)
    write(
        "a",
        new_markdown_cell(
            "# Title of A\n{cite}`he2016,lin2017`; {cite:t}`lin2017`; {doc}`rerun`, {doc}`B <b>`"
        ),
        new_code_cell("profile = 1\nseed = 0", metadata={"tags": ["parameters", "remove-cell"]}),
        new_code_cell("import x\nimport y", metadata={"tags": ["hide-input"]}),
        figure("fig-one", "See {numref}`tab-two`."),
        figure("tab-one"),
        figure("fig-two", "Second.", tags=()),
    )
    write("b", new_markdown_cell("# B\n{doc}`a`, {numref}`fig-two`, {eq}`e`"), figure("tab-two"))
    notebooks = book_script("lab").notebooks_for_lab(tmp_path, tmp_path)
    return {name: json.loads(text)["cells"] for name, text in notebooks.items()}


def test_references_become_text_and_links(written):
    assert written["a.ipynb"][0]["source"].split("\n")[1] == (
        "(He and Sun, 2016; Lin et al., 2017); Lin et al. (2017); “Rerun it”, [B](b.ipynb)"
    )
    assert written["b.ipynb"][0]["source"].split("\n")[1] == (
        "[Title of A](a.ipynb), Figure 2 of [Title of A](a.ipynb), (e)"
    )


def test_figures_have_their_caption_below_and_tables_their_number_above(written):
    assert [cell["source"] for cell in written["a.ipynb"][3:]] == [
        "draw()",
        "**Figure 1.** See Table 1 of [B](b.ipynb).",
        "**Table 1.**",
        "draw()",
        "draw()",
        "**Figure 2.** Second.",
    ]
    identifiers = [cell["id"] for cell in written["a.ipynb"]]
    assert len(set(identifiers)) == len(identifiers)


def test_long_code_that_the_pages_hide_is_collapsed(written):
    code = [cell for cell in written["a.ipynb"] if cell["cell_type"] == "code"]
    collapsed = [cell["metadata"].get("jupyter", {}).get("source_hidden") for cell in code]
    assert collapsed == [None, True, None, None, None]
