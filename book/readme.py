"""Write the README's table and figure from the recorded runs: `python book/readme.py`.

The book's first page has its figure from here, too.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from fer_lib.analysis.comparison import accuracy_table
from fer_lib.analysis.ensembles import best_ensemble, se_cnn_models
from fer_lib.experiments import EXPERIMENTS, HOG, HOG_CONFIGURATION, PRIVATE_TEST_EXPERIMENTS
from fer_lib.io import atomic_write
from fer_lib.paths import RESULTS
from fer_lib.plotting.comparison import accuracy_comparison
from fer_lib.plotting.style import use
from fer_lib.profiles import get_profile
from fer_lib.report.format import show
from fer_lib.runs.predictions import Predictor
from fer_lib.runs.store import find_run

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results: written by book/readme.py -->\n", "<!-- end of results -->"
FIGURE = "results/accuracy.svg"


def recorded_models(folder: Path = RESULTS) -> dict[str, Predictor | None]:
    """Seed 0 of each experiment evaluated on PrivateTest, and the best ensemble on PublicTest.

    Returns:
        By title, the classical baseline first; None for an experiment that is not recorded.
    """
    names = {HOG: HOG_CONFIGURATION["title"]}
    names |= {name: EXPERIMENTS[name].title for name in PRIVATE_TEST_EXPERIMENTS}
    models = {title: find_run(folder, name, 0) for name, title in names.items()}
    if ensemble := best_ensemble(se_cnn_models(folder)):
        models[f"Ensemble: {ensemble.title}"] = ensemble
    return models


def section() -> str:
    """The generated part of the README, in Markdown."""
    cells = show(accuracy_table(recorded_models())).data
    rows = [cells.columns, ["---"] * cells.shape[1], *cells.to_numpy()]
    table = ["| " + " | ".join(row) + " |" for row in rows]
    alt = (
        "Accuracy of each recorded model with its 95 % interval, "
        "on PrivateTest and on both test splits together"
    )
    return "\n".join(["", *table, "", f"![{alt}]({FIGURE})", "", ""])


def draw_figure(path: Path, profile_name: str = "full") -> None:
    """Draw the figure of a profile's runs as SVG; the same records give the same bytes."""
    profile = get_profile(profile_name)
    use(profile)
    with matplotlib.rc_context({"svg.hashsalt": "fer_lib"}):
        accuracy_comparison(recorded_models(profile.results_folder)).savefig(
            path, format="svg", metadata={"Date": None}, facecolor="white"
        )


def main() -> int:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    with atomic_write(ROOT / "README.md") as tmp:
        tmp.write_text(before + BEGIN + section() + END + rest.split(END)[1], encoding="utf-8")
    with atomic_write(ROOT / FIGURE) as tmp:
        draw_figure(tmp)
    return 0


if __name__ == "__main__":
    sys.exit(main())
