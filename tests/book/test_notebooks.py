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


@pytest.fixture(scope="module")
def execute(book_script):
    return book_script("execute").execute


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_thin_and_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert max(len(cell.source.splitlines()) for cell in code) <= 16
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    parameters = papermill.inspect_notebook(path)
    assert parameters["profile"]["default"] == '"full"' and parameters["seed"]["default"] == "0"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_figure_has_a_name_a_caption_and_alt_text(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if (
            cell.cell_type != "code"
            or "plotting." not in cell.source
            or "plotting.use" in cell.source
        ):
            continue
        described = cell.metadata["mystnb"]
        assert described["figure"]["name"].startswith("fig-")
        assert len(described["figure"]["caption"]) > 30 and len(described["image"]["alt"]) > 30


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_obtains_runs_and_never_trains_by_itself(path):
    source = "\n".join(
        cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
    )
    assert set(re.findall(r"training\.(\w+)", source)) <= {"obtain"}
    assert not re.search(r"\.(fit|train|train_by_name)\(", source)


def written(path, *sources):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "language": "python",
        "display_name": "Python 3",
    }
    nbformat.write(notebook, path)
    return path


def test_a_failing_cell_leaves_the_notebook_to_look_at_and_no_target(execute, tmp_path):
    source = written(
        tmp_path / "a.ipynb", 'profile = "full"', "print(profile)", "1 / 0", "print('never')"
    )
    with pytest.raises(PapermillExecutionError):
        execute(source, tmp_path / "out" / "a.ipynb", profile="quick")
    assert not (tmp_path / "out" / "a.ipynb").exists()
    left = nbformat.read(tmp_path / "out" / "a.failed.ipynb", as_version=4)
    assert any("ZeroDivisionError" in str(cell.get("outputs")) for cell in left.cells)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1 / 0", "cell 3 failed with ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)", "the kernel died in cell 3"),
        (
            "from fer_lib import profiles; profiles.find('fulll')",
            "ValueError: no profile 'fulll'; there are full, quick",
        ),
    ],
)
def test_the_command_names_the_notebook_and_the_cell(cell, message, tmp_path):
    source = written(
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
    left = {
        c.source: c.get("outputs")
        for c in nbformat.read(tmp_path / "out.failed.ipynb", as_version=4).cells
    }
    assert "quick" in str(left["print(profile)"]) and not left["print('never')"]


def test_papermill_alone_fails_too_on_a_wrong_profile(tmp_path):
    command = [
        Path(sys.executable).with_name("papermill"),
        NOTEBOOKS[0],
        tmp_path / "out.ipynb",
        "-p",
        "profile",
        "fulll",
    ]
    done = subprocess.run(command, cwd=NOTEBOOKS[0].parent, capture_output=True, text=True)
    assert done.returncode != 0 and "no profile 'fulll'; there are full, quick" in done.stderr
    assert (tmp_path / "out.ipynb").exists()


def test_a_good_notebook_arrives_and_an_unknown_parameter_is_refused(execute, tmp_path):
    source = written(tmp_path / "a.ipynb", 'profile = "full"', "print(profile)")
    with pytest.raises(ValueError, match="no parameter colour; it has profile"):
        execute(source, tmp_path / "b.ipynb", colour="red")
    execute(source, tmp_path / "b.ipynb", profile="quick")
    assert "quick" in str(nbformat.read(tmp_path / "b.ipynb", as_version=4).cells[-1].outputs)
    assert not (tmp_path / "b.failed.ipynb").exists()
