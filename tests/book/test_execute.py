"""When the report is built with strict expectations."""

import os
import subprocess
import sys

import nbformat
import pytest

from fer_lib.report.expect import STRICT


@pytest.fixture
def script(book_script, monkeypatch):
    monkeypatch.setenv(STRICT, "")  # restored afterwards
    return book_script("execute")


@pytest.fixture
def repository(tmp_path):
    """A repository with a committed record."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "metrics.json").write_text("{}")
    (tmp_path / "README.md").write_text("")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "A record"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_records_are_committed_unless_they_changed(script, repository):
    assert script.records_are_committed(repository)
    (repository / "README.md").write_text("changed")
    assert script.records_are_committed(repository)
    (repository / "results" / "another.json").write_text("{}")
    assert not script.records_are_committed(repository)
    (repository / "results" / "another.json").unlink()
    (repository / "results" / "metrics.json").write_text("{ }")
    assert not script.records_are_committed(repository)


def test_records_outside_a_repository_are_not_committed(script, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert not script.records_are_committed(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert not script.records_are_committed(tmp_path)  # without git


@pytest.mark.parametrize(
    ("profile", "committed", "strict"),
    [("full", True, "1"), ("full", False, None), ("quick", True, None)],
)
def test_only_the_committed_records_are_strict(
    script, monkeypatch, tmp_path, profile, committed, strict
):
    seen = []
    monkeypatch.setattr(script, "records_are_committed", lambda: committed)
    monkeypatch.setattr(script, "execute", lambda *_, **__: seen.append(os.environ.get(STRICT)))
    monkeypatch.setattr(sys, "argv", ["execute.py", "a.ipynb", str(tmp_path / "b.ipynb"), profile])
    monkeypatch.setenv(STRICT, "1")
    assert script.main() == 0
    assert seen == [strict]


def test_runs_that_a_notebook_trained_are_listed(script, tmp_path):
    (tmp_path / "quick" / "mine" / "seed-0").mkdir(parents=True)
    with pytest.raises(ZeroDivisionError), script.listed_runs("quick", tmp_path):
        (tmp_path / "quick" / "custom_cnn" / "seed-1").mkdir(parents=True)
        1 / 0  # noqa: B018
    with script.listed_runs("quick", tmp_path):
        (tmp_path / "quick" / "se_cnn" / "seed-0").mkdir(parents=True)
    made = (tmp_path / script.MADE).read_text().splitlines()
    assert made == ["quick/custom_cnn/seed-1", "quick/se_cnn/seed-0"]


def notebook(path, *cells):
    """A notebook of code cells."""
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata=kernel), path)
    return path


@pytest.mark.parametrize(
    ("cells", "code", "message"),
    [
        (["1 + 1", "", "2"], 0, ""),
        (["1 + 1", "raise SystemExit(0)", "2"], 1, "cell 1 ended the execution with SystemExit"),
        (["import sys; sys.exit()", "2"], 1, "cell 0 ended the execution with SystemExit"),
        (["1 / 0"], 1, "failed with ZeroDivisionError: division by zero"),
    ],
)
def test_a_notebook_passes_only_if_every_cell_was_executed(
    script, tmp_path, capsys, cells, code, message
):
    parameters = "profile = 'full'"
    source, target = notebook(tmp_path / "a.ipynb", *cells), tmp_path / "out" / "a.ipynb"
    content = nbformat.read(source, as_version=4)
    content.cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    nbformat.write(content, source)
    assert script.run(source, target, "quick") == code
    assert target.exists() == (code == 0)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"cells": 1}', "\x00"])
def test_a_file_that_is_no_notebook_is_one_message(script, tmp_path, capsys, content):
    (tmp_path / "a.ipynb").write_text(content)
    assert script.run(tmp_path / "a.ipynb", tmp_path / "out" / "a.ipynb", "full") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{tmp_path}/a.ipynb: not a notebook (")
