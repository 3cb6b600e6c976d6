"""Write the README's table and picture from the recorded runs: `python book/readme.py`. The book's
first page has its picture from here, too."""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from fer_lib.analysis.beyond import best_ensemble, small_networks
from fer_lib.analysis.comparison import UNSEEN, accuracy, accuracy_unseen
from fer_lib.evaluation.ensembles import Ensemble
from fer_lib.experiments import EXPERIMENTS, HOG, HOG_CONFIGURATION, PRIVATE_TEST_EXPERIMENTS
from fer_lib.io import atomic_write
from fer_lib.paths import RESULTS
from fer_lib.plotting.comparison import accuracy_comparison
from fer_lib.plotting.style import use
from fer_lib.profiles import get_profile
from fer_lib.report.format import SPLIT_TITLES
from fer_lib.runs.run import Run
from fer_lib.runs.store import find_run

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results: written by book/readme.py -->\n", "<!-- end of results -->"
PICTURE = "results/accuracy.svg"


def recorded(folder: Path = RESULTS) -> dict[str, Run | Ensemble | None]:
    """Seed 0 of the classical baseline and of each headline experiment in a folder of runs, and the
    best ensemble on PublicTest, by title."""
    names = {HOG: HOG_CONFIGURATION["title"]}
    names |= {name: EXPERIMENTS[name].title for name in PRIVATE_TEST_EXPERIMENTS}
    found = {title: find_run(folder, name, 0) for name, title in names.items()}
    if together := best_ensemble(small_networks(folder)):
        found[f"Ensemble: {together.title}"] = together
    return found


def section() -> str:
    """The generated part of the README, in Markdown."""
    rows = [
        "| model | " + " | ".join([*SPLIT_TITLES.values(), UNSEEN]) + " |",
        "|---" * 5 + "|",
    ]
    for title, run in recorded().items():
        cells = [
            *(accuracy(run, split) for split in SPLIT_TITLES),
            accuracy_unseen(run),
        ]
        rows.append(f"| {title} | " + " | ".join(cells) + " |")
    alt = "Accuracy of each recorded model with its 95 % interval, on PrivateTest and on both test splits together"
    return "\n".join(["", *rows, "", f"![{alt}]({PICTURE})", "", ""])


def picture(path: Path, profile_name: str = "full") -> None:
    """Draw the picture of a profile's runs as SVG; the same records give the same bytes."""
    profile = get_profile(profile_name)
    use(profile)
    with matplotlib.rc_context({"svg.hashsalt": "fer_lib"}):
        accuracy_comparison(recorded(profile.results_folder)).savefig(
            path, format="svg", metadata={"Date": None}, facecolor="white"
        )


def main() -> int:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    with atomic_write(ROOT / "README.md") as aside:
        aside.write_text(before + BEGIN + section() + END + rest.split(END)[1], encoding="utf-8")
    with atomic_write(ROOT / PICTURE) as aside:
        picture(aside)
    return 0


if __name__ == "__main__":
    sys.exit(main())
