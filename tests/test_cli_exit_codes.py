"""What the command line prints for errors, and its exit codes."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from fer_lib import cli


@pytest.fixture
def verb(monkeypatch):
    """Makes `inspect-data` call a function."""

    def replace(function):
        module = SimpleNamespace(inspect_data=function)
        monkeypatch.setattr(cli.importlib, "import_module", lambda name: module)

    return replace


def raising(error):
    def run(options):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ValueError("a.csv: row 2\nis broken"), 2, "ValueError: a.csv: row 2 is broken"),
        (OSError(28, "No space left on device", "a"), 2, "OSError: [Errno 28] No space left"),
        (ModuleNotFoundError("No module named 'keras'"), 2, "No module named 'keras'; install"),
        (KeyError("logits"), 70, "KeyError: 'logits' (an error of fer_lib itself; FER_LIB_DEBUG"),
        (RuntimeError("x" * 5000), 70, "RuntimeError: " + "x" * 600 + "… (an error"),
        (MemoryError(), 70, "MemoryError (an error of fer_lib itself"),
        (RecursionError("maximum"), 70, "RecursionError: maximum (an error"),
        (BrokenPipeError(), 0, None),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_an_exception_is_one_line_and_its_exit_code_is_never_1(verb, capsys, error, code, line):
    verb(raising(error))
    assert cli.main(["inspect-data"]) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == (line is not None) and all(text.startswith(line) for text in lines)


def test_the_traceback_is_shown_on_request(verb, capsys, monkeypatch):
    verb(raising(KeyError("logits")))
    cli.main(["inspect-data"])
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("FER_LIB_DEBUG", "1")
    cli.main(["inspect-data"])
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_output_that_cannot_be_written_is_an_error():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "fer_lib", "list", "--results", "nowhere"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == ["OSError: [Errno 28] No space left on device"]


def test_a_reader_that_has_read_enough_is_no_error():
    program = f"{sys.executable} -m fer_lib list --results nowhere"
    shell = f"{program} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.count("\n") == 1
