"""The notebooks: their form, and their execution."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from papermill.exceptions import PapermillExecutionError

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def execute(book_script):
    return book_script("execute").execute


def cells(path, kind):
    """The cells of a kind, without that for Colab, which is not Python."""
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind and cell.id != "colab"]


def imported_names(code, package):
    """The names that code imports from the modules of a package."""
    return {
        alias.asname or alias.name
        for cell in code
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.ImportFrom) and node.module.startswith(package)
        for alias in node.names
    }


def used_names(source):
    """The variables, functions and modules that code uses."""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def called_names(source):
    """The names of the functions and methods that code calls."""
    functions = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return {getattr(function, "id", getattr(function, "attr", None)) for function in functions}


def test_there_are_notebooks():
    assert [path.stem[:2] for path in NOTEBOOKS[:5]] == ["01", "02", "03", "04", "05"]


ROLES = (
    r"\{(?!(?:cite|cite:t|numref|doc|eq)\})[a-z][\w:-]*\}`"  # others leave raw text in JupyterLab
)
PAGES = sorted((ROOT / "book").glob("*.md"))


def tags(cell):
    return set(cell.metadata.get("tags", []))


def figure_name(cell):
    return cell.metadata.get("mystnb", {}).get("figure", {}).get("name", "")


def prose(path):
    return "\n".join(cell.source for cell in cells(path, "markdown"))


def strings(source):
    """The text of the string literals of code, those of f-strings included."""
    constants = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return "\n".join(node.value for node in constants if isinstance(node.value, str))


@each_notebook
def test_code_is_thin_and_committed_without_outputs(path):
    code = cells(path, "code")
    assert not any(cell.outputs or cell.execution_count for cell in code)
    setup = [cell for cell in code if "hide-input" in tags(cell)]
    lengths = [len(cell.source.splitlines()) for cell in code if cell not in setup]
    assert max(lengths) <= 16


@each_notebook
def test_parameters_and_setup_come_first(path):
    """One hidden cell of parameters, and after it one folded cell that prepares everything."""
    code = cells(path, "code")
    assert tags(code[0]) == {"parameters", "remove-cell"}
    assert [cell for cell in code if "hide-input" in tags(cell)] == [code[1]]
    assert "profile = get_profile(profile)" in code[1].source
    assert "use(profile)" in code[1].source or not imported_names(code, "fer_lib.plotting")
    hidden = [cell.source for cell in code[2:] if tags(cell) & {"remove-input", "remove-cell"}]
    assert not re.findall(r"^(?:import|from) .*", "\n".join(hidden), flags=re.MULTILINE)
    parameters = papermill.inspect_notebook(path)
    assert parameters["profile"]["default"] == '"full"' and parameters["seed"]["default"] == "0"


@pytest.mark.parametrize(
    "path", [p for p in NOTEBOOKS if "appendix" not in p.stem], ids=lambda path: path.stem
)
def test_pages_open_with_a_finding_and_end_with_take_aways(path):
    notebook = nbformat.read(path, as_version=4)
    # A finding with numbers is the output of a cell.
    first, last = "\n".join(cell.source for cell in notebook.cells[:7]), prose(path)
    assert re.match(r"# .+\n.*\*\*Question\.\*\* .*\*\*Finding\.\*\* ", first, re.DOTALL)
    assert not re.match(r".*\n## .*\*\*Finding\.", first, re.DOTALL)
    last = last.split("\n## ")[-1]
    assert last.startswith("Take-aways\n") and 2 <= len(re.findall(r"^- ", last, re.M)) <= 3


@each_notebook
def test_figures_have_a_name_a_caption_and_alt_text(path):
    code = cells(path, "code")
    plotting = imported_names(code, "fer_lib.plotting") - {"use", "finish", "placeholder"}
    setup = [cell for cell in code if "hide-input" in tags(cell)]
    figures = [cell for cell in code if cell not in setup and draws(cell, plotting)]
    for cell in figures:
        described = cell.metadata["mystnb"]
        assert described["figure"]["name"].startswith("fig-")
        assert len(described["figure"]["caption"]) > 30 and len(described["image"]["alt"]) > 30


def draws(cell, functions):
    """Whether a cell's last expression calls a plotting function."""
    last = ast.parse(cell.source).body[-1]
    return isinstance(last, ast.Expr) and bool(used_names(ast.unparse(last)) & functions)


@each_notebook
def test_tables_have_a_caption_and_a_name(path):
    for cell in cells(path, "code")[2:]:
        for call in ast.walk(ast.parse(cell.source)):
            if isinstance(call, ast.Call) and getattr(call.func, "id", None) == "show":
                assert "caption" in {keyword.arg for keyword in call.keywords}, cell.source
                assert figure_name(cell).startswith("tab-"), cell.source


@functools.cache
def drawing_images():
    """The plotting functions that draw images or heat maps, themselves or through another one."""
    bodies = {}
    for path in (ROOT / "fer_lib" / "plotting").glob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                bodies[node.name] = called_names(ast.unparse(node))
    found = {"imshow", "heatmap"}
    while more := {name for name, called in bodies.items() if called & found} - found:
        found |= more
    return found


@each_notebook
def test_figures_of_images_and_heat_maps_keep_their_colors_in_the_dark_theme(path):
    """Its style sheet inverts all other figures."""
    for cell in cells(path, "code"):
        if figure_name(cell).startswith("fig-"):
            keeps = "true-colors" in cell.metadata["mystnb"]["figure"].get("classes", "").split()
            assert keeps == bool(called_names(cell.source) & drawing_images())


def test_figures_and_tables_have_one_name_each_and_the_text_refers_to_them():
    code = [cell for path in NOTEBOOKS for cell in cells(path, "code")]
    names = [name for name in map(figure_name, code) if name]
    assert sorted(set(names)) == sorted(names)
    text = "\n".join([*map(prose, NOTEBOOKS), *(page.read_text("utf-8") for page in PAGES)])
    assert set(names) - set(re.findall(r"\{numref\}`(?:[^`<]*<)?([\w.-]+)>?`", text)) == set()


@each_notebook
def test_sentences_read_well_in_jupyterlab(path):
    """No role that only Sphinx knows but those of references, and none in what code shows."""
    text, code = prose(path), cells(path, "code")
    assert not re.findall(ROLES, text) and "{{" not in text
    assert not any("glue" in used_names(cell.source) for cell in code)
    shown = "\n".join(strings(cell.source) for cell in code)
    assert not re.findall(r"\{[a-z][\w:-]*\}`", shown)
    assert not re.findall(r"^:::|^```\{", text, flags=re.MULTILINE)


@each_notebook
def test_runs_are_loaded_and_trained_by_nothing_else(path):
    for cell in cells(path, "code"):
        assert not called_names(cell.source) & {"fit", "train", "train_run", "run_experiment"}


def write_notebook(path, *sources):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "language": "python",
        "display_name": "Python 3",
    }
    nbformat.write(notebook, path)
    return path


def test_a_failing_cell_leaves_the_failed_notebook_and_no_target(execute, tmp_path):
    source = write_notebook(
        tmp_path / "a.ipynb", 'profile = "full"', "print(profile)", "1 / 0", "print('never')"
    )
    with pytest.raises(PapermillExecutionError):
        execute(source, tmp_path / "out" / "a.ipynb", profile="quick")
    assert not (tmp_path / "out" / "a.ipynb").exists()
    failed = nbformat.read(tmp_path / "out" / "a.failed.ipynb", as_version=4)
    assert any("ZeroDivisionError" in str(cell.get("outputs")) for cell in failed.cells)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1 / 0", "cell 3 failed with ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)", "the kernel died in cell 3"),
        (
            "from fer_lib.profiles import get_profile; get_profile('fulll')",
            "ValueError: no profile 'fulll'; there are full, quick",
        ),
    ],
)
def test_the_command_names_the_notebook_and_the_cell(cell, message, tmp_path):
    source = write_notebook(
        tmp_path / "a.ipynb", 'profile = "full"', "print(profile)", cell, "print('never')"
    )
    command = [
        sys.executable,
        ROOT / "book" / "execute.py",
        source,
        tmp_path / "out.ipynb",
        "quick",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and not (tmp_path / "out.ipynb").exists()
    assert (
        f"{source}: " in done.stderr
        and message in done.stderr
        and "out.failed.ipynb" in done.stderr
    )
    assert "Traceback" not in done.stderr.split(f"{source}: ")[-1]
    outputs = {
        c.source: c.get("outputs")
        for c in nbformat.read(tmp_path / "out.failed.ipynb", as_version=4).cells
    }
    assert "quick" in str(outputs["print(profile)"]) and not outputs["print('never')"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("profile", "fulll", "no profile 'fulll'; there are full, quick"),
        ("sead", "1", "no parameter sead; this notebook has profile, seed"),
        ("seed", "one", "the parameter seed is 'one', and no int"),
        ("seed", "3", None),
    ],
)
def test_papermill_alone_fails_on_a_wrong_parameter(name, value, message, tmp_path):
    setup = "from fer_lib.profiles import get_profile\nprofile = get_profile(profile)"
    source = write_notebook(tmp_path / "a.ipynb", 'profile = "full"\nseed = 0', setup)
    command = [Path(sys.executable).with_name("papermill"), source, tmp_path / "out.ipynb"]
    done = subprocess.run([*command, "-p", name, value], capture_output=True, text=True)
    assert (done.returncode == 0) == (message is None)
    assert message is None or message in done.stderr


def test_an_executed_notebook_is_written_and_an_unknown_parameter_is_refused(execute, tmp_path):
    source = write_notebook(tmp_path / "a.ipynb", 'profile = "full"', "print(profile)")
    with pytest.raises(ValueError, match="no parameter color; it has profile"):
        execute(source, tmp_path / "b.ipynb", color="red")
    execute(source, tmp_path / "b.ipynb", profile="quick")
    assert "quick" in str(nbformat.read(tmp_path / "b.ipynb", as_version=4).cells[-1].outputs)
    assert not (tmp_path / "b.failed.ipynb").exists()
