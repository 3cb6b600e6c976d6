"""Make the book of a profile: `python book/parts.py build/full`.

The parts are the executed notebooks, `prepared` (what pages need besides) and `html`. Outdated ones
are made: those whose inputs have another content than when `made/<part>` was written. Modification
times decide nothing. Two makes at once make each part once: the second one waits.
"""

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

from filelock import FileLock

from fer_lib.data.discovery import find_dataset
from fer_lib.data.readers import dataset_sha256
from fer_lib.io import atomic_write, read_json, sha256_of

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = 2
EXPECTED = ".expected.json"  # by part, the digest of its inputs when make began
PREPARED, HTML = "prepared", "html"
MADE_RUNS, LIBRARY = ".made", ".library"  # in the runs of quick: those of notebooks, and by what


def input_digests(profile: str, root: Path = ROOT) -> dict[str, str]:
    """The digest of the inputs of each part, by part; and that of the library."""
    library = digest(root, "fer_lib/**/*", "requirements/report.lock", "pyproject.toml")
    if profile == "full":
        shared = [library, digest(root, "results/**/*"), data_digest(root)]
    else:  # its runs are its own; of the records it shows the analyses
        shared = [library, digest(root, "results/*.json", "results/analysis/*")]
    names = sorted(path.stem for path in (root / "notebooks").glob("*.ipynb"))
    executed = {
        name: combined(*shared, digest(root, f"notebooks/{name}.ipynb", "book/execute.py"))
        for name in names
    }
    prepared = combined(
        *shared,
        digest(root, "book/playground/*", "book/*.py"),
        *(executed.values() if profile == "quick" else ()),
    )
    pages = digest(root, "book/**/*", "_config.yml", "CITATION.cff")
    html = combined(pages, prepared, *executed.values())
    return {**executed, PREPARED: prepared, HTML: html, LIBRARY: library}


def digest(root: Path, *patterns: str) -> str:
    """The digest of the names and the content of files."""
    paths = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    names = sorted(path.relative_to(root).as_posix() for path in paths)
    return combined(
        *(f"{sha256_of(root / name)} {name}" for name in names if "__pycache__" not in name)
    )


def data_digest(root: Path) -> str:
    """FER2013's SHA-256, `none`, or why it cannot be read, which a notebook will say too."""
    try:
        path = find_dataset(root)
        return dataset_sha256(path) if path else "none"
    except (ValueError, OSError) as error:
        return str(error)


def combined(*digests: str) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def plan(build: Path, root: Path = ROOT) -> dict[str, str]:
    """Remove the marks of outdated parts.

    In quick, the runs that notebooks trained are removed when the library has changed; a user's
    own, which are not listed, stay.

    Returns:
        `input_digests`.
    """
    made, expected = build / "made", input_digests(build.name, root)
    for part, inputs in expected.items():
        if not is_current(build, part, inputs):
            (made / part).unlink(missing_ok=True)
    with atomic_write(made / EXPECTED) as tmp:
        tmp.write_text(json.dumps(expected), encoding="utf-8")
    if build.name == "quick":
        remove_outdated_runs(build / "runs", expected[LIBRARY])
    return expected


def is_current(build: Path, part: str, inputs: str) -> bool:
    """Whether a part is there, and was made of these inputs."""
    mark, there = build / "made" / part, build / part
    if part not in (PREPARED, HTML):
        there = build / "notebooks" / f"{part}.ipynb"
    return there.exists() and mark.is_file() and mark.read_text(encoding="utf-8") == inputs


def remove_outdated_runs(runs: Path, library: str) -> None:
    """Remove the runs that notebooks trained, unless they did with this library."""
    mark, listed = runs / LIBRARY, runs / MADE_RUNS
    if mark.is_file() and mark.read_text(encoding="utf-8") == library:
        return
    runs.mkdir(parents=True, exist_ok=True)
    for name in listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else ():
        if (folder := (runs / name).resolve()).is_relative_to(runs.resolve() / "quick"):
            shutil.rmtree(folder, ignore_errors=True)
    (runs / "quick" / "synthetic.csv.gz").unlink(missing_ok=True)
    listed.unlink(missing_ok=True)
    mark.write_text(library, encoding="utf-8")


def make(build: Path, part: str) -> int:
    """Make a part unless it is current, and mark it.

    Returns:
        An exit code.
    """
    made = build / "made"
    made.mkdir(parents=True, exist_ok=True)
    with ExitStack() as locks:
        for name in (PREPARED, HTML) if part == HTML else (part,):  # it reads what is prepared
            locks.enter_context(FileLock(made / f".{name}.lock"))
        planned = (made / EXPECTED).is_file()
        # Read before the part is made: what changes meanwhile outdates it.
        inputs = (read_json(made / EXPECTED) if planned else plan(build))[part]
        if is_current(build, part, inputs):
            return 0  # another make has made it while this one waited
        if code := maker(part)(build):
            return code
        with atomic_write(made / part) as tmp:
            tmp.write_text(inputs, encoding="utf-8")
    return 0


def make_all(build: Path) -> int:
    """Make what is outdated: notebooks and `prepared`, two at a time, and then the pages.

    In quick, a notebook trains what earlier ones have not, and shows what they have: all is made in
    order there.

    Returns:
        An exit code, the highest of the parts.
    """
    *notebooks, prepared, html, _ = plan(build)
    quick = build.name == "quick"
    parts = [*notebooks, prepared] if quick else [prepared, *notebooks]
    # A process serves several parts, and imports papermill once.
    workers = ProcessPoolExecutor(1 if quick else PROCESSES, get_context("spawn"))
    with workers:
        codes = list(workers.map(make, repeat(build), parts))
    return max(codes) or make(build, html)


def maker(part: str) -> Callable[[Path], int]:
    """The function that makes a part of a build; what makes the others is not imported."""
    if part == PREPARED:
        from prepare import prepare

        return prepare
    if part == HTML:
        from render import render

        return render
    from execute import run

    name = f"{part}.ipynb"
    return lambda build: run(ROOT / "notebooks" / name, build / "notebooks" / name, build.name)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("build", type=Path)
    return make_all(parser.parse_args().build.resolve())


if __name__ == "__main__":
    sys.exit(main())
