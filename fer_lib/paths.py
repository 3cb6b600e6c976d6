"""Where the data set, runs and recorded results are.

In a clone of the repository they are inside it; for an installed wheel, in the current folder.
Environment variables name other folders: `FER_LIB_ROOT` for all of them, `FER_LIB_RUNS` for runs.
"""

import os
from pathlib import Path


def _folder(variable: str, default: Path) -> Path:
    folder = os.environ.get(variable)
    return Path(folder).expanduser().resolve() if folder else default


_CLONE = Path(__file__).resolve().parent.parent
ROOT = _folder("FER_LIB_ROOT", _CLONE if (_CLONE / "pyproject.toml").is_file() else Path.cwd())
RUNS = _folder("FER_LIB_RUNS", ROOT / "runs")
RESULTS = ROOT / "results"
ANALYSIS = RESULTS / "analysis"
BUILD = ROOT / "build"
