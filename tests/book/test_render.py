"""What a build of the book adds to its configuration: citation, buttons, quoted numbers."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import fer_lib

ROOT = Path(__file__).resolve().parents[2]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.fixture
def render(book_script, tmp_path, monkeypatch):
    monkeypatch.delenv("REPOSITORY_URL", raising=False)
    (tmp_path / "quoted.json").write_text('{"key": "value"}')
    return book_script("render")


def theme(render, folder, profile="full"):
    return render.configuration(folder, profile)["sphinx"]["config"]["html_theme_options"]


def test_the_foot_of_each_page_says_how_to_cite(render, tmp_path):
    assert CITATION["version"] == fer_lib.__version__
    foot = theme(render, tmp_path)["extra_footer"]
    expected = f"{CITATION['title']}</em>, version {fer_lib.__version__}, "
    assert expected + CITATION["date-released"] in foot and 'href="cite.html"' in foot
    assert '<a href="cite.html#license">MIT license</a>' in foot
    assert "\n## License\n" in (ROOT / "book" / "cite.md").read_text(encoding="utf-8")


def test_without_an_address_no_button_leads_to_the_repository(render, tmp_path, monkeypatch):
    if not CITATION.get("repository-code"):
        options = theme(render, tmp_path)
        assert options["use_download_button"] is True
        assert not {"repository_url", "use_repository_button", "launch_buttons"} & options.keys()
    monkeypatch.setenv("REPOSITORY_URL", "")  # as if there were none
    assert "repository_url" not in theme(render, tmp_path)


@pytest.mark.parametrize(
    ("address", "edit", "issues", "colab"),
    [
        ("https://github.com/some/report/", True, True, True),
        ("https://gitlab.com/some/report", True, True, False),
        ("https://git.example.org/some/report", False, False, False),
    ],
)
def test_an_address_turns_the_buttons_on(
    render, tmp_path, monkeypatch, address, edit, issues, colab
):
    monkeypatch.setenv("REPOSITORY_URL", address)
    options = theme(render, tmp_path)
    assert options["repository_url"] == address.rstrip("/") and options["use_repository_button"]
    assert (options["use_edit_page_button"], options["use_issues_button"]) == (edit, issues)
    launch = options["launch_buttons"]
    assert launch["binderhub_url"] and ("colab_url" in launch) == colab


def test_the_quick_profile_announces_itself(render, tmp_path):
    assert "announcement" not in theme(render, tmp_path)
    assert "synthetic faces" in theme(render, tmp_path, "quick")["announcement"]
    quoted = render.configuration(tmp_path, "quick")["parse"]["myst_substitutions"]
    assert quoted == {"key": "value"}


def test_buttons_lead_to_the_source_of_a_page(tmp_path):
    """A small book with the theme: a page of prose and a notebook."""
    script = f"""
import sys
sys.path.insert(0, {str(ROOT / "book" / "_ext")!r})
import page_sources
class Config: html_theme_options = {{}}
class App: config = Config
context = {{"page_source_suffix": sys.argv[1]}}
page_sources.locate(App, "a", "page.html", context, None)
print(context["doc_path"], App.config.html_theme_options["path_to_docs"])
"""
    for suffix, folder in ((".ipynb", "notebooks"), (".md", "book")):
        command = [sys.executable, "-c", script, suffix]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [folder, folder]


def test_notebooks_are_staged_without_traces_of_papermill(render, tmp_path, monkeypatch):
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    monkeypatch.setattr(render, "ROOT", tmp_path)
    for name in ("book", "notebooks", "executed", "prepared"):
        (tmp_path / name).mkdir()
    (tmp_path / "book" / "index.md").touch()
    (tmp_path / "prepared" / "_accuracy.svg").touch()
    (tmp_path / "notebooks" / "a.ipynb").touch()
    cells = [new_code_cell("x = 1"), new_code_cell("x = 2")]
    cells[1].metadata["tags"] = ["injected-parameters"]
    cells[0].metadata["papermill"] = {"duration": 1}
    for name in ("a", "a.failed", "old"):
        nbformat.write(new_notebook(cells=cells), tmp_path / "executed" / f"{name}.ipynb")
    render.stage(tmp_path / "executed", tmp_path / "prepared", tmp_path / "pages")
    staged = {path.name for path in (tmp_path / "pages").iterdir()}
    assert staged == {"index.md", "_accuracy.svg", "a.ipynb"}
    (cell,) = nbformat.read(tmp_path / "pages" / "a.ipynb", as_version=4).cells
    assert cell.source == "x = 1" and "papermill" not in cell.metadata


def test_executed_twice_a_table_is_staged_with_the_same_bytes(render):
    import pandas as pd
    from nbformat.v4 import new_code_cell, new_output

    def cells():
        tables = [pd.DataFrame({"a": [0.1, n]}).style.highlight_max().to_html() for n in (1, 2)]
        plain = {"text/plain": f"<Styler at {id(tables):#x}>"}
        outputs = [new_output("display_data", {"text/html": t, **plain}) for t in tables]
        outputs.append(new_output("stream", name="stderr", text=f"E0000 {id(tables)}"))
        both = [new_code_cell("1", outputs=outputs)]
        render.unify_outputs(both)
        assert [o.data["text/plain"] for o in both[0].outputs] == ["<Styler>"] * 2
        return [output.data["text/html"] for output in both[0].outputs]

    first, second = cells()
    assert [first, second] == cells()
    assert 'id="T_00000"' in first and "#T_00000_row1_col0" in first
    assert 'id="T_00001"' in second and "T_00000" not in second


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("setup question finding rest", "question finding setup rest"),
        ("question setup finding rest", "question finding setup rest"),
        ("question finding setup rest", "question finding setup rest"),
        ("setup rest", "setup rest"),
    ],
)
def test_the_folded_code_stands_after_the_finding(render, before, after):
    from nbformat.v4 import new_code_cell, new_markdown_cell

    cells = {
        "setup": new_code_cell("import fer_lib", metadata={"tags": ["hide-input"]}),
        "question": new_markdown_cell("**Question.** Why?"),
        "finding": new_code_cell('Markdown(f"**Finding.** {percent(x)}.")'),
        "rest": new_markdown_cell("## Rest"),
    }
    staged = render.finding_first([cells[name] for name in before.split()])
    assert staged == [cells[name] for name in after.split()]
