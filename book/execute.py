"""Execute one notebook with papermill.

    python book/execute.py notebooks/02_custom_cnn.ipynb build/full/notebooks/02_custom_cnn.ipynb
    full

The target appears only when every cell succeeded. A notebook that failed is left beside it as
`<name>.failed.ipynb`, to be
looked at, and the exit code is 1.
"""

import argparse
import sys
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError


def execute(source: Path, target: Path, **parameters) -> None:
    """Execute `source` into `target`, whole or not at all.

    Raises:
        ValueError: the notebook has no such parameter (papermill alone only warns).
        PapermillExecutionError: a cell failed; the half-executed notebook is
        `<target>.failed.ipynb`.
        DeadKernelError: the kernel died; likewise.
    """
    known = papermill.inspect_notebook(source)
    if unknown := parameters.keys() - known.keys():
        raise ValueError(
            f"{source}: no parameter {', '.join(sorted(unknown))}; it has {', '.join(known)}"
        )
    failed = target.with_suffix(".failed.ipynb")
    failed.parent.mkdir(parents=True, exist_ok=True)
    papermill.execute_notebook(
        source, failed, parameters, progress_bar=sys.stderr.isatty(), cwd=source.parent
    )
    failed.replace(target)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("profile")
    options = parser.parse_args()
    print(f"executing {options.source} ({options.profile})", flush=True)
    try:
        execute(options.source, options.target, profile=options.profile)
    except (PapermillExecutionError, DeadKernelError) as error:
        failed = options.target.with_suffix(".failed.ipynb")
        if isinstance(error, DeadKernelError):
            what = f"the kernel died in cell {_last_begun(failed)}"
        else:
            what = f"cell {error.cell_index} failed with {error.ename}: {error.evalue}"
        print(f"{options.source}: {what}\nthe half-executed notebook: {failed}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


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
