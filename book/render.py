"""Render the book of one profile: `python book/render.py build/full`.

Pages, executed notebooks and what `prepare.py` wrote are staged into one folder, so that addresses
are flat. Sphinx builds it in Jupyter Book's configuration, with warnings as errors.
"""

import os
import re
import shutil
import sys
from pathlib import Path

# ruff: noqa: E402
# An optional checker of addresses, whose grammar takes a second to compile, is not imported.
sys.modules.setdefault("rfc3987_syntax", None)

import nbformat
import yaml

ROOT = Path(__file__).resolve().parent.parent
# Jupyter Book loads these for what the book has not: live code, comments, PDF.
UNUSED = ("sphinx_thebe", "sphinx_comments", "sphinx_jupyterbook_latex")
PROCESSES = 2
STYLE_NAME = re.compile(r"\bT_[0-9a-f]{5}(?=\b|_)")
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
BINDER, COLAB = "https://mybinder.org", "https://colab.research.google.com"
QUICK_NOTICE = (
    "Quick profile: all models on these pages were trained for minutes on synthetic faces. "
    "Numbers and figures show that the code works; they are not results on FER2013."
)


def render(build: Path) -> int:
    """Stage the book of a profile, build it, and put it in place when all of it succeeded.

    Returns:
        An exit code.
    """
    print(f"rendering {(build / 'html').relative_to(ROOT)}", flush=True)
    pages, prepared, output = build / "pages", build / "prepared", build / "_build"
    stage(build / "notebooks", prepared, pages)
    file = build / "_config.yml"
    settings = configuration(prepared, build.name)
    file.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    shutil.rmtree(output, ignore_errors=True)
    if code := run_sphinx(pages, output, file):
        return code
    shutil.rmtree(build / "html", ignore_errors=True)
    shutil.move(output / "html", build / "html")
    return 0


def stage(notebooks: Path, prepared: Path, pages: Path) -> None:
    """Copy prose, generated files, and notebooks without papermill's traces, into `pages`."""
    shutil.rmtree(pages, ignore_errors=True)
    ignored = ("*.py", "page.css", "_ext", "_toc.yml", "__pycache__", "playground")
    shutil.copytree(ROOT / "book", pages, ignore=shutil.ignore_patterns(*ignored))
    for path in prepared.glob("_*"):
        shutil.copy(path, pages)
    for path in sorted(notebooks.glob("*.ipynb")):
        if not (ROOT / "notebooks" / path.name).exists():
            continue  # a failed one, or one of an earlier version
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.pop("papermill", None)
        notebook.cells = [
            cell
            for cell in notebook.cells
            if "injected-parameters" not in cell.metadata.get("tags", [])
        ]
        for cell in notebook.cells:
            for name in ("papermill", "execution"):  # times
                cell.metadata.pop(name, None)
            cell.pop("id", None)
        unify_outputs(notebook.cells)
        notebook.cells = finding_first(notebook.cells)
        notebook.nbformat_minor = 4  # the last without cell ids
        nbformat.write(notebook, pages / path.name)


def unify_outputs(cells: list) -> None:
    """Make outputs the same whenever a notebook is executed.

    The names of pandas's styled tables are random, and are numbered; addresses in memory are left
    out of what represents an object as text, and so is the standard error, with its times.
    """
    numbers = {}
    for cell in cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for data in (output.get("data", {}) for output in cell.outputs):
            if html := data.get("text/html"):
                data["text/html"] = STYLE_NAME.sub(
                    lambda name: f"T_{numbers.setdefault(name[0], len(numbers)):05}", html
                )
                data["text/plain"] = ADDRESS.sub("", data.get("text/plain", ""))


def finding_first(cells: list) -> list:
    """The cells with the folded code after the finding, which it may compute, and not before it."""
    folded = [cell for cell in cells if "hide-input" in cell.metadata.get("tags", [])]
    findings = [i for i, cell in enumerate(cells) if "**Finding.**" in cell.source]
    if not folded or not findings or cells.index(folded[0]) > findings[0]:
        return cells
    after = findings[0] + 1
    return [*(cell for cell in cells[:after] if cell is not folded[0]), folded[0], *cells[after:]]


def configuration(prepared: Path, profile: str) -> dict:
    """`_config.yml` with what only this build knows.

    Args:
        prepared: the folder that `prepare.py` wrote. Without MathJax in it, formulas need the
            internet.
    """
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    sphinx = config["sphinx"]["config"]
    theme = sphinx["html_theme_options"]
    theme["extra_footer"] = cite_as(citation)
    extensions = config["sphinx"]["local_extensions"]
    extensions.update({name: str(ROOT / folder) for name, folder in extensions.items()})
    config["title"] = citation["title"]
    # What the pages quote as {{ key }}: a key without a value is a warning, and so an error.
    quoted = yaml.safe_load((prepared / "quoted.json").read_text(encoding="utf-8"))
    config["parse"] = {"myst_substitutions": quoted}
    sphinx["html_extra_path"] = [str(prepared / "extra")]
    # Not in _static: Jupyter Book loads every script there by itself, and MathJax must be loaded
    # once.
    if (prepared / "extra" / "tex-svg.js").exists():
        sphinx["mathjax_path"] = "../tex-svg.js"
    if profile == "quick":
        theme["announcement"] = QUICK_NOTICE
    if address := os.environ.get("REPOSITORY_URL", citation.get("repository-code", "")):
        theme.update(repository_buttons(address.rstrip("/")))
    return config


def cite_as(citation: dict) -> str:
    """The line at the foot of every page, in HTML."""
    authors = ", ".join(author["name"] for author in citation["authors"])
    version, date = citation["version"], citation["date-released"]
    return (
        f"<p>Cite as: {authors}, <em>{citation['title']}</em>, version {version}, {date}. "
        '<a href="cite.html">How to cite</a> · <a href="cite.html#license">MIT license</a></p>'
    )


def repository_buttons(address: str) -> dict:
    """The theme's options for the buttons that lead to the repository or run a notebook of it.

    Colab opens notebooks of GitHub only, and the addresses of edits are known of some hosts only.
    """
    known = any(host in address for host in ("github", "gitlab", "bitbucket"))
    launch = {"notebook_interface": "jupyterlab", "binderhub_url": BINDER}
    return {
        "repository_url": address,
        "repository_branch": "main",
        "repository_provider": "" if known else "github",  # for its icon
        "use_repository_button": True,
        "use_edit_page_button": known,
        "use_issues_button": "github" in address or "gitlab" in address,
        "launch_buttons": launch | ({"colab_url": COLAB} if "github.com" in address else {}),
    }


def run_sphinx(pages: Path, output: Path, config: Path) -> int:
    """Build the pages as HTML into `output/html`.

    Returns:
        The exit code: not 0 where Sphinx warned; every warning and dangling reference is listed.
    """
    from jupyter_book.config import get_final_config
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    options = {
        "external_toc_path": str(ROOT / "book" / "_toc.yml"),
        "latex_individualpages": False,
        "nitpicky": True,
    }
    settings, _ = get_final_config(user_yaml=config, cli_config=options, sourcedir=pages)
    settings["extensions"] = [name for name in settings["extensions"] if name not in UNUSED]
    settings.pop("comments_config", None)
    with patch_docutils(str(pages)), docutils_namespace():
        app = Sphinx(
            srcdir=pages,
            confdir=None,
            outdir=output / "html",
            doctreedir=output / "doctrees",
            buildername="html",
            confoverrides=settings,
            status=None,
            warningiserror=True,
            keep_going=True,
            parallel=PROCESSES,
        )
        # It numbers sections after all pages are read, and does not say that this is safe.
        app.extensions["sphinx_multitoc_numbering"].parallel_read_safe = True
        app.build()
    return app.statuscode


if __name__ == "__main__":
    sys.exit(render(Path(sys.argv[1]).resolve()))
