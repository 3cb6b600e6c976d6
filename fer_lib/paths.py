"""Where the data set, runs and recorded results are.

In a clone of the repository they are inside it. For an installed wheel they are in the current
folder. The environment variable `FER_LIB_ROOT` names another folder for both.
"""

import os
from pathlib import Path


def _root() -> Path:
    if folder := os.environ.get("FER_LIB_ROOT"):
        return Path(folder).expanduser().resolve()
    clone = Path(__file__).resolve().parent.parent
    return clone if (clone / "pyproject.toml").is_file() else Path.cwd()


ROOT = _root()
DATA = ROOT / "data"
RUNS = ROOT / "runs"
RESULTS = ROOT / "results"
ANALYSIS = RESULTS / "analysis"
BUILD = ROOT / "build"
