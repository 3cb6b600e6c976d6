"""Render the page of one run as a single HTML file: `python book/page.py custom_cnn 0 full`.

`notebooks/23_your_run.ipynb` is executed with the run's experiment and seed, and converted. Unlike
a page of the book it requires no further file and no other server.
"""

import argparse
import html
import re
import sys
from pathlib import Path

import nbformat
from execute import FAILED, describe, execute
from nbconvert import HTMLExporter
from nbconvert.preprocessors import TagRemovePreprocessor
from pygments.formatters import HtmlFormatter

from fer_lib.experiments import EXPERIMENTS
from fer_lib.paths import BUILD
from fer_lib.profiles import get_profile
from fer_lib.runs.run import run_folder
from fer_lib.runs.store import find_run

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "23_your_run.ipynb"
STYLE = ROOT / "book" / "page.css"
HTML = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # no script, no server
KINDS = {"fig": "Figure", "tab": "Table"}


class PageError(Exception):
    """The page cannot be made; the message says what to do."""


def require_run(experiment: str, seed: int, profile_name: str) -> None:
    """Require a finished run.

    Raises:
        PageError: there is no such experiment, or no finished run of it.
    """
    if experiment not in EXPERIMENTS:
        raise PageError(f"no experiment {experiment!r}; python -m fer_lib list shows their names")
    profile = get_profile(profile_name)
    folders = (profile.results_folder, profile.training_folder)
    if not any(find_run(folder, experiment, seed) for folder in folders):
        option = "" if profile_name == "full" else f" --profile {profile_name}"
        raise PageError(
            f"{run_folder(profile.training_folder, experiment, seed)}: there is no finished run; "
            f"train it with: python -m fer_lib train {experiment} --seed {seed}{option}"
        )


def write_page(experiment: str, seed: int, profile_name: str, build: Path = BUILD) -> Path:
    """Execute the notebook for a run, and write its page.

    Raises:
        PageError: as `require_run`.
        PapermillExecutionError: as `execute.execute`.
    """
    require_run(experiment, seed, profile_name)
    suffix = "" if profile_name == "full" else f"-{profile_name}"
    page = build / "page" / f"{experiment}-seed-{seed}{suffix}.html"
    executed = page.with_suffix(".ipynb")
    execute(NOTEBOOK, executed, profile=profile_name, seed=seed, experiment=experiment)
    title = f"{EXPERIMENTS[experiment].title}, seed {seed}"
    page.write_text(to_html(executed, title), encoding="utf-8")
    return page


def to_html(executed: Path, title: str) -> str:
    """Convert an executed notebook; figures and tables get numbers and captions as in the book.

    Cells with the tag `book-only` are left out: they tell how the page is made.
    """
    notebook = number_figures(nbformat.read(executed, as_version=4))
    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True)
    exporter.exclude_output_prompt = True
    exporter.register_preprocessor(
        TagRemovePreprocessor(
            remove_cell_tags=("remove-cell", "injected-parameters", "book-only"),
            remove_input_tags=("remove-input", "hide-input"),
            remove_all_outputs_tags=("remove-output",),
        ),
        enabled=True,
    )
    body, _ = exporter.from_notebook_node(notebook)
    style = HtmlFormatter().get_style_defs(".highlight") + STYLE.read_text(encoding="utf-8")
    return HTML.format(title=html.escape(title), style=style, body=body, policy=POLICY)


def number_figures(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Number figures and tables, and replace the roles that only Sphinx knows."""
    labels, counts = {}, dict.fromkeys(KINDS, 0)
    for cell in notebook.cells:
        figure = cell.metadata.get("mystnb", {}).get("figure")
        if figure and (kind := figure["name"].split("-")[0]) in KINDS:
            counts[kind] += 1
            label = labels[figure["name"]] = f"{KINDS[kind]} {counts[kind]}"
            for output in cell.outputs:
                _caption(output, label, figure.get("caption"))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"\{numref\}`([^`]+)`", lambda role: labels[role[1]], cell.source)
            cell.source = re.sub(r"\{doc\}`([^`]+)`", r"the page “\1” of the report", text)
    return notebook


def _caption(output: nbformat.NotebookNode, label: str, caption: str | None) -> None:
    """Put the label before the caption of a table, or both under a figure."""
    data = output.get("data", {})
    if "text/html" in data:
        data["text/html"] = data["text/html"].replace("<caption>", f"<caption>{label}. ", 1)
    elif "image/png" in data and caption:
        png = data["image/png"].replace("\n", "")
        image = f'<img alt="{html.escape(caption)}" src="data:image/png;base64,{png}">'
        text = f"<figcaption>{label}. {html.escape(caption)}</figcaption>"
        data["text/html"] = f"<figure>{image}{text}</figure>"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment")
    parser.add_argument("seed", type=int)
    parser.add_argument("profile", choices=("full", "quick"))
    options = parser.parse_args()
    try:
        page = write_page(options.experiment, options.seed, options.profile)
    except (PageError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except FAILED as error:
        print(f"the notebook failed: {describe(error)}", file=sys.stderr)
        return 1
    print(f"The page: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
