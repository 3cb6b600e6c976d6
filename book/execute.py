"""Execute one notebook with papermill.

    python book/execute.py notebooks/01_dataset.ipynb build/full/notebooks/01_dataset.ipynb full

The target appears only when every cell was executed and succeeded. A notebook that failed is left
beside it as `<name>.failed.ipynb`, to be looked at, and the exit code is 1. Where the full
profile reads the committed records, a record that contradicts the text fails the notebook too
(`fer_lib.report.expect`).
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# ruff: noqa: E402
# An optional checker of addresses, whose grammar takes a second to compile, is not imported.
sys.modules.setdefault("rfc3987_syntax", None)

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from fer_lib.paths import RUNS
from fer_lib.report.expect import STRICT

ROOT = Path(__file__).resolve().parent.parent
MADE = ".made"  # in the folder of the runs: those that notebooks trained
# It warns that it talks to this machine unencrypted, and of the interrupt that ends it.
QUIET_KERNEL = ("--IPKernelApp.log_level=CRITICAL",)


class IncompleteError(Exception):
    """The notebook was not executed to its end; the message names the cell."""


FAILED = (PapermillExecutionError, DeadKernelError, IncompleteError)


def execute(source: Path, target: Path, **parameters) -> None:
    """Execute `source` into `target`, whole or not at all.

    Raises:
        ValueError: the notebook has no such parameter (papermill alone only warns).
        PapermillExecutionError: a cell failed; the half-executed notebook is
            `<target>.failed.ipynb`.
        DeadKernelError: the kernel died; likewise.
        IncompleteError: a cell ended the execution; likewise.
    """
    try:
        known = papermill.inspect_notebook(source)
    except Exception as error:  # papermill's and nbformat's, of many kinds
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{source}: not a notebook ({reason})") from error
    if unknown := parameters.keys() - known.keys():
        raise ValueError(
            f"{source}: no parameter {', '.join(sorted(unknown))}; it has {', '.join(known)}"
        )
    failed = target.with_suffix(".failed.ipynb")
    failed.parent.mkdir(parents=True, exist_ok=True)
    papermill.execute_notebook(
        source,
        failed,
        parameters,
        progress_bar=False,
        cwd=source.parent,
        coalesce_streams=True,  # a progress bar leaves its last state
        extra_arguments=list(QUIET_KERNEL),
    )
    _require_whole(failed)
    failed.replace(target)


def _require_whole(notebook: Path) -> None:
    """Require that every cell ended without an error: papermill lets `SystemExit(0)` pass."""
    for index, cell in enumerate(nbformat.read(notebook, as_version=4).cells):
        if cell.cell_type == "code" and cell.source.strip():
            errors = [o.ename for o in cell.outputs if o.output_type == "error"]
            if errors or cell.execution_count is None:
                raise IncompleteError(
                    f"cell {index} ended the execution with {errors[0]}"
                    if errors
                    else f"cell {index} was not executed"
                )


@contextmanager
def listed_runs(profile: str, runs: Path = RUNS) -> Iterator[None]:
    """Add the runs that a notebook trains to the list in `runs/.made`.

    `make quick` trains these again when the library has changed, and keeps all others.
    """

    def folders() -> set[str]:
        paths = runs.glob(f"{profile}/*/seed-*")
        return {path.relative_to(runs).as_posix() for path in paths}

    before = folders()
    try:
        yield
    finally:
        if made := sorted(folders() - before):
            with (runs / MADE).open("a", encoding="utf-8") as file:
                file.writelines(f"{name}\n" for name in made)


def records_are_committed(root: Path = ROOT) -> bool:
    """Whether `results/` is as it was committed; False where git cannot tell."""
    command = ["git", "status", "--porcelain", "--", "results"]
    try:
        status = subprocess.run(command, cwd=root, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return not status.stdout


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("profile")
    options = parser.parse_args()
    return run(options.source, options.target, options.profile)


def run(source: Path, target: Path, profile: str) -> int:
    """Execute a notebook of the report in a profile, and return an exit code."""
    print(f"executing {source.name} ({profile})", flush=True)
    with listed_runs(profile):
        return _run(source, target, profile)


def _run(source: Path, target: Path, profile: str) -> int:
    os.environ.pop(STRICT, None)
    if profile == "full" and records_are_committed():
        os.environ[STRICT] = "1"  # the kernel inherits it
    try:
        execute(source, target, profile=profile)
    except FAILED as error:
        failed = target.with_suffix(".failed.ipynb")
        problem = describe(error)
        if isinstance(error, DeadKernelError):
            problem += f" in cell {_last_begun(failed)}"
        print(f"{source}: {problem}\nthe half-executed notebook: {failed}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def describe(error: Exception) -> str:
    """What ended the execution of a notebook (one of `FAILED`), in a line."""
    if isinstance(error, PapermillExecutionError):
        return f"cell {error.cell_index} failed with {error.ename}: {error.evalue}"
    return "the kernel died" if isinstance(error, DeadKernelError) else str(error)


def _last_begun(notebook: Path) -> int:
    """The position of the last cell that papermill began to execute."""
    cells = nbformat.read(notebook, as_version=4).cells
    return max(
        index
        for index, cell in enumerate(cells)
        if cell.metadata.get("papermill", {}).get("start_time")
    )


if __name__ == "__main__":
    sys.exit(main())
