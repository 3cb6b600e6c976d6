"""Write the README's table and picture from the recorded runs: `python book/readme.py`. The book's
first page has its picture from here, too."""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from fer_lib import baselines, beyond, plotting, profiles, runs, tables
from fer_lib.experiments import EXPERIMENTS, HEADLINES
from fer_lib.files import replacing

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results: written by book/readme.py -->\n", "<!-- end of results -->"
PICTURE = "results/accuracy.svg"


def recorded(folder: Path = profiles.RESULTS) -> dict[str, runs.Run | beyond.Ensemble | None]:
    """Seed 0 of the classical baseline and of each headline experiment in a folder of runs, and the
    best ensemble on PublicTest, by title."""
    names = {baselines.HOG: baselines.CONFIGURATION["title"]}
    names |= {name: EXPERIMENTS[name].title for name in HEADLINES}
    found = {title: runs.find(folder, name, 0) for name, title in names.items()}
    if together := beyond.best_ensemble(beyond.small_networks(folder)):
        found[f"Ensemble: {together.title}"] = together
    return found


def section() -> str:
    """The generated part of the README, in Markdown."""
    rows = [
        "| model | " + " | ".join([*tables.SPLIT_TITLES.values(), tables.UNSEEN]) + " |",
        "|---" * 5 + "|",
    ]
    for title, run in recorded().items():
        cells = [
            *(tables.accuracy(run, split) for split in tables.SPLIT_TITLES),
            tables.accuracy_unseen(run),
        ]
        rows.append(f"| {title} | " + " | ".join(cells) + " |")
    alt = "Accuracy of each recorded model with its 95 % interval, on PrivateTest and on both test splits together"
    return "\n".join(["", *rows, "", f"![{alt}]({PICTURE})", "", ""])


def picture(path: Path, profile_name: str = "full") -> None:
    """Draw the picture of a profile's runs as SVG; the same records give the same bytes."""
    profile = profiles.find(profile_name)
    plotting.use(profile)
    with matplotlib.rc_context({"svg.hashsalt": "fer_lib"}):
        plotting.accuracy_comparison(recorded(profile.results_folder)).savefig(
            path, format="svg", metadata={"Date": None}, facecolor="white"
        )


def main() -> int:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    with replacing(ROOT / "README.md") as aside:
        aside.write_text(before + BEGIN + section() + END + rest.split(END)[1], encoding="utf-8")
    with replacing(ROOT / PICTURE) as aside:
        picture(aside)
    return 0


if __name__ == "__main__":
    sys.exit(main())
