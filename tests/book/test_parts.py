"""Which parts of the book are made again."""

import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "fer_lib/io.py",
    "requirements/report.lock",
    "pyproject.toml",
    "_config.yml",
    "CITATION.cff",
    "book/index.md",
    "book/execute.py",
    "book/prepare.py",
    "book/readme.py",
    "book/playground/app.html",
    "notebooks/01_dataset.ipynb",
    "notebooks/02_custom_cnn.ipynb",
    "results/published.json",
    "results/analysis/dataset.json",
    "results/custom_cnn/seed-0/metrics.json",
)
ALL = {"01_dataset", "02_custom_cnn", "prepared", "html"}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project of a few files, which hold their names."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.delenv("FER2013", raising=False)
    return tmp_path


@pytest.fixture
def parts(book_script):
    return book_script("parts")


@pytest.fixture
def made(parts, root, monkeypatch):
    """Makes the outdated parts of a profile, as make does, and returns their names."""
    monkeypatch.setattr(parts, "ROOT", root)

    def call(profile="full"):
        build, names = root / "build" / profile, set()

        def make_part(part):
            def function(build):
                there = build / part
                if part not in ("prepared", "html"):
                    there = build / "notebooks" / f"{part}.ipynb"
                there.parent.mkdir(parents=True, exist_ok=True)
                there.touch()
                names.add(part)
                return 0

            return function

        monkeypatch.setattr(parts, "maker", make_part)
        parts.plan(build, root)
        for part in sorted(ALL):
            if not (build / "made" / part).exists():
                assert parts.make(build, part) == 0
        return names

    return call


@pytest.mark.parametrize(
    ("name", "full", "quick"),
    [
        ("fer_lib/io.py", ALL, ALL),
        ("fer_lib/new.py", ALL, ALL),
        ("requirements/report.lock", ALL, ALL),
        ("book/execute.py", ALL, ALL),
        ("notebooks/01_dataset.ipynb", {"01_dataset", "html"}, {"01_dataset", "prepared", "html"}),
        ("book/playground/app.html", {"prepared", "html"}, {"prepared", "html"}),
        ("book/index.md", {"html"}, {"html"}),
        ("results/published.json", ALL, ALL),
        ("results/analysis/dataset.json", ALL, ALL),
        ("results/custom_cnn/seed-0/metrics.json", ALL, set()),
        ("README.md", set(), set()),
    ],
)
def test_content_outdates_parts_and_time_does_not(made, root, name, full, quick):
    assert made("full") == ALL and made("quick") == ALL
    assert made("full") == set() and made("quick") == set()
    for path in root.rglob("*"):
        os.utime(path, (2_000_000_000, 2_000_000_000))  # in the future
    assert made("full") == set() and made("quick") == set()
    (root / name).write_text("changed")
    os.utime(root / name, (1, 1))  # older than what was made of it, as `cp -p` leaves it
    assert made("full") == full and made("quick") == quick


def test_a_removed_input_and_a_removed_part(made, root):
    made()
    (root / "results/custom_cnn/seed-0/metrics.json").unlink()
    assert made() == ALL
    (root / "build/full/notebooks/01_dataset.ipynb").unlink()
    assert made() == {"01_dataset"}


def test_fer2013_replaced_in_place(made, root, monkeypatch):
    made()
    path = root / "fer2013.csv"
    path.write_text("emotion,pixels,Usage\n")
    os.utime(path, (1, 1))
    monkeypatch.setenv("FER2013", str(path))
    assert made("quick") == ALL and made() == ALL
    assert made() == set()
    path.write_text("emotion,pixels,Usage \n")
    os.utime(path, (1, 1))
    assert made() == ALL and made("quick") == set()


def test_names_of_data_reach_no_shell(root):
    """Make itself expands FER2013 nowhere."""
    for name in ("Makefile", "notebooks", "book"):
        source, target = ROOT / name, root / "project" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(
            source, target if source.is_dir() else target.parent.mkdir() or target
        )
    project = root / "project"
    for name in ("requirements/report.lock", "pyproject.toml"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).touch()
    (project / ".venv").mkdir()
    (project / ".venv" / "ready").touch()
    (project / "data").mkdir()
    (project / "data" / "$(touch a)`touch b`\"; touch c;'.csv").touch()
    environment = {**os.environ, "FER2013": "$(shell touch d)`touch e`\"; touch f;'"}
    before = set(os.listdir(project))  # noqa: PTH208
    subprocess.run(["make", "-n", "book"], cwd=project, env=environment, capture_output=True)
    (project / ".venv" / "bin").mkdir()
    shutil.copy("/bin/true", project / ".venv" / "bin" / "python")
    subprocess.run(["make", "book"], cwd=project, env=environment, capture_output=True, check=True)
    assert set(os.listdir(project)) == before  # noqa: PTH208


@pytest.mark.parametrize(
    ("profile", "failing", "expected"),
    [
        ("quick", None, ["01_dataset", "02_custom_cnn", "prepared", "html"]),
        ("full", None, ["prepared", "01_dataset", "02_custom_cnn", "html"]),
        ("full", "01_dataset", ["prepared", "01_dataset", "02_custom_cnn"]),
    ],
)
def test_one_call_makes_all_parts(parts, root, monkeypatch, profile, failing, expected):
    """In quick in order; the pages last, and not where a part failed."""
    plan, made = parts.plan, []
    monkeypatch.setattr(parts, "plan", lambda build: plan(build, root))
    monkeypatch.setattr(parts, "ProcessPoolExecutor", lambda *_: ThreadPoolExecutor(1))
    monkeypatch.setattr(parts, "make", lambda _, part: made.append(part) or int(part == failing))
    assert parts.make_all(root / "build" / profile) == int(failing is not None)
    assert made == expected


def test_a_part_that_fails_is_made_again(parts, root, monkeypatch):
    build, codes = root / "build" / "full", [1, 0]
    monkeypatch.setattr(parts, "maker", lambda part: lambda build: codes.pop(0))
    parts.plan(build, root)
    assert parts.make(build, "html") == 1 and not (build / "made" / "html").exists()
    assert parts.make(build, "html") == 0 and (build / "made" / "html").exists()


def test_what_changes_while_a_part_is_made_outdates_it(parts, made, root, monkeypatch):
    build = root / "build" / "full"

    def edit(build):
        (build / "html").mkdir(parents=True)
        (root / "book/index.md").write_text("edited")
        parts.plan(build, root)  # of another make
        return 0

    monkeypatch.setattr(parts, "maker", lambda part: edit)
    parts.plan(build, root)
    assert parts.make(build, "html") == 0
    assert made() == ALL


def test_two_makes_make_a_part_once(parts, root, monkeypatch):
    """The second waits; and while pages are rendered, nothing is prepared anew."""
    build, begun, log = root / "build" / "full", threading.Event(), []

    def maker(part):
        def slowly(build):
            begun.set()
            time.sleep(0.5)
            (build / part).mkdir(parents=True)
            log.append(part)
            return 0

        return slowly

    monkeypatch.setattr(parts, "maker", maker)
    parts.plan(build, root)
    first = threading.Thread(target=parts.make, args=(build, "html"))
    first.start()
    begun.wait()
    assert parts.make(build, "html") == 0
    first.join()
    assert log == ["html"]


def test_quick_keeps_runs_that_it_did_not_make(parts, root):
    runs = root / "build" / "quick" / "runs"
    for name in ("custom_cnn", "mine"):
        (runs / "quick" / name / "seed-0").mkdir(parents=True)
    (runs / ".made").write_text("quick/custom_cnn/seed-0\nquick/../../../../fer_lib\n")
    for library in ("first", "first", "changed"):
        (root / "fer_lib/io.py").write_text(library)
        parts.plan(root / "build" / "quick", root)
        assert [path.parent.name for path in runs.glob("quick/*/seed-0")] == ["mine"]
        assert (root / "fer_lib").is_dir()
    (runs / "quick" / "custom_cnn" / "seed-0").mkdir()
    (runs / ".made").write_text("quick/custom_cnn/seed-0\n")
    parts.plan(root / "build" / "quick", root)  # the library is the same
    assert (runs / "quick" / "custom_cnn" / "seed-0").is_dir()


def test_a_busy_port_is_one_message():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        command = [sys.executable, ROOT / "book" / "serve.py", "build/full/html", port]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"port {port} cannot be used (Address already in use)")
