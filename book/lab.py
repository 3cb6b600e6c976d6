"""Copy the notebooks into a folder in which they may be changed: `python book/lab.py build/lab`.

Running a notebook writes outputs into it; in the copies, git does not see them. A copy that was
changed is never overwritten: where the notebook has changed too, the new one is put beside it.
"""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def copy_notebooks(source: Path, target: Path) -> list[Path]:
    """Copy notebooks that are new or have changed.

    Args:
        source: the folder of the notebooks.
        target: the folder of the copies; `.original` in it holds what they were copied from.

    Returns:
        The notebooks that were put beside a changed copy, as `<name>.new.ipynb`.
    """
    originals, beside = target / ".original", []
    originals.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*.ipynb")):
        copy, original, new = target / path.name, originals / path.name, path.read_bytes()
        before = original.read_bytes() if original.exists() else None
        if copy.exists() and copy.read_bytes() not in (before, new):
            if new != before:
                copy = copy.with_suffix(".new.ipynb")
                beside.append(copy)
            else:
                continue
        shutil.copyfile(path, copy)
        shutil.copyfile(path, original)
    return beside


def main() -> int:
    for path in copy_notebooks(ROOT / "notebooks", Path(sys.argv[1])):
        print(f"{path}: the notebook has changed, and your copy too; this is the new one")
    return 0


if __name__ == "__main__":
    sys.exit(main())
