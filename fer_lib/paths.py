"""Where recorded results, runs and the data set lie.

In a clone of the repository they lie in it. Elsewhere, for an installed wheel, they lie in the
current folder.
"""

from pathlib import Path


def _root() -> Path:
    clone = Path(__file__).resolve().parent.parent
    return clone if (clone / "pyproject.toml").is_file() else Path.cwd()


ROOT = _root()
DATA = ROOT / "data"
RUNS = ROOT / "runs"
RESULTS = ROOT / "results"
ANALYSIS = RESULTS / "analysis"
BUILD = ROOT / "build"
