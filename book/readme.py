"""Write the README's table and figure from the recorded runs: `python book/readme.py`.

They are those of the book's front page.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from fer_lib.io import atomic_write
from fer_lib.paths import RESULTS
from fer_lib.plotting.headline import headline_accuracies
from fer_lib.plotting.style import use
from fer_lib.profiles import get_profile
from fer_lib.report.quoted import front_page
from fer_lib.runs.manifest import manifest_updated

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results: written by book/readme.py -->\n", "<!-- end of results -->"
FIGURE = "results/accuracy.svg"
ALT = "Accuracy of each model on PrivateTest, the mean over its seeds with a 95 % interval"


def section(folder: Path = RESULTS) -> str:
    """The generated part of the README, in Markdown."""
    return f"\n{front_page(folder).table()}\n\n![{ALT}]({FIGURE})\n\n"


def draw_figure(path: Path, profile_name: str = "full") -> None:
    """Draw the figure of a profile's runs as SVG; the same records give the same bytes."""
    profile = get_profile(profile_name)
    page = front_page(profile.results_folder)
    use(profile)
    with matplotlib.rc_context({"svg.hashsalt": "fer_lib"}):
        headline_accuracies(page.accuracies, page.models).savefig(
            path, format="svg", metadata={"Date": None}, facecolor="white"
        )


def main() -> int:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    with atomic_write(ROOT / "README.md") as tmp:
        tmp.write_text(before + BEGIN + section() + END + rest.split(END)[1], encoding="utf-8")
    with manifest_updated(), atomic_write(ROOT / FIGURE) as tmp:
        draw_figure(tmp)
    return 0


if __name__ == "__main__":
    sys.exit(main())
