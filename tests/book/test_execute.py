"""When the report is built with strict expectations."""

import os
import subprocess
import sys
import threading
import time

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


def test_a_second_make_waits_and_executes_nothing(script, monkeypatch, tmp_path):
    """The first one writes the target while the second waits for its lock."""
    target = tmp_path / "b.ipynb"
    executed = []
    monkeypatch.setattr(script, "execute", lambda source, target, **_: executed.append(target))
    monkeypatch.setattr(sys, "argv", ["execute.py", "a.ipynb", str(target), "full"])
    with script.FileLock(tmp_path / ".b.lock"):
        waiting = threading.Thread(target=script.main)
        waiting.start()
        time.sleep(0.5)
        assert not executed
        target.touch()
    waiting.join()
    assert not executed
    assert script.main() == 0 and executed == [target]
