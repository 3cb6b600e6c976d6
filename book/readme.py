"""Write the README's table and figure from the recorded runs: `python book/readme.py`.

The book's first page has its figure from here, too.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from fer_lib.analysis.comparison import HEADLINE_MEASURES, seed_summary
from fer_lib.analysis.ensembles import headline_ensemble, se_cnn_models
from fer_lib.analysis.model_size import model_sizes
from fer_lib.experiments import EXPERIMENTS, HOG, HOG_CONFIGURATION, PRIVATE_TEST_EXPERIMENTS
from fer_lib.io import atomic_write
from fer_lib.paths import RESULTS
from fer_lib.plotting.comparison import accuracy_comparison
from fer_lib.plotting.style import use
from fer_lib.profiles import get_profile
from fer_lib.report.format import show
from fer_lib.runs.predictions import Predictor
from fer_lib.runs.store import find_run, find_runs

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results: written by book/readme.py -->\n", "<!-- end of results -->"
FIGURE = "results/accuracy.svg"
TITLES = {
    HOG: HOG_CONFIGURATION["title"],
    **{name: EXPERIMENTS[name].title for name in PRIVATE_TEST_EXPERIMENTS},
}
COLUMNS = (
    "public_test_accuracy",
    "private_test_accuracy",
    "private_test_accuracy_sd",
    "deduplicated_private_test_accuracy",
    "both_accuracy",
)


def headline(folder: Path) -> dict[str, Predictor]:
    """The headline ensemble by title; nothing where no ensemble is recorded."""
    models = se_cnn_models(folder)
    ensemble = headline_ensemble(models, model_sizes(models))
    return {f"Ensemble: {ensemble.title}": ensemble} if ensemble else {}


def recorded_models(folder: Path = RESULTS) -> dict[str, Predictor | None]:
    """Seed 0 of each experiment evaluated on PrivateTest, and the headline ensemble.

    Returns:
        By title, the classical baseline first; None for an experiment that is not recorded.
    """
    return {title: find_run(folder, name, 0) for name, title in TITLES.items()} | headline(folder)


def section(folder: Path = RESULTS) -> str:
    """The generated part of the README, in Markdown."""
    runs = {title: find_runs(folder, name) for name, title in TITLES.items()}
    ensembles = headline(folder)
    runs |= {title: [ensemble] for title, ensemble in ensembles.items()}
    measures = {name: HEADLINE_MEASURES[name] for name in COLUMNS if name in HEADLINE_MEASURES}
    table = seed_summary(runs, measures | {"both_accuracy": ("both", "accuracy")})
    table["seeds"] = table["seeds"].where(~table["model"].isin(ensembles))
    cells = show(table[["model", "seeds", *COLUMNS]]).data
    rows = [cells.columns, ["---"] * cells.shape[1], *cells.to_numpy()]
    table = ["| " + " | ".join(row) + " |" for row in rows]
    alt = (
        "Accuracy of seed 0 of each recorded model with its 95 % interval, "
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
