"""Render the book of one profile from its executed notebooks: `python book/render.py build/full`.

Pages and notebooks are staged into one folder, so that addresses are flat, and Jupyter Book builds it with warnings as
errors. MathJax comes from npm's registry where it can be reached and is served from the book itself.
"""

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parent.parent
MATHJAX = "mathjax@3.2.2"


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    pages, output = build / "pages", build / "_build" / "html"
    stage(build / "notebooks", pages)
    config = build / "_config.yml"
    settings = configuration(mathjax(ROOT / "build" / "mathjax"), pages, build.name)
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    shutil.rmtree(build / "_build", ignore_errors=True)
    command = [Path(sys.executable).with_name("jupyter-book"), "build", pages, "--config", config, "--toc", ROOT / "book" / "_toc.yml"]
    # -W -n: every warning and every dangling reference is an error; --keep-going lists them all.
    done = subprocess.run([*command, "--path-output", build, "-W", "-n", "--keep-going", "-q"], cwd=ROOT)
    if done.returncode:
        return done.returncode
    shutil.rmtree(build / "html", ignore_errors=True)
    shutil.move(output, build / "html")
    return 0


def stage(notebooks: Path, pages: Path) -> None:
    """Copy the prose, and the notebooks without papermill's traces, into `pages`."""
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(ROOT / "book", pages, ignore=shutil.ignore_patterns("*.py", "_toc.yml", "__pycache__"))
    for path in sorted(notebooks.glob("*.ipynb")):
        if path.name.endswith(".failed.ipynb"):
            continue
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.pop("papermill", None)
        notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
        for cell in notebook.cells:
            cell.metadata.pop("papermill", None)
            cell.pop("id", None)
        notebook.nbformat_minor = 4  # the last without cell ids
        nbformat.write(notebook, pages / path.name)


def mathjax(folder: Path) -> Path | None:
    """Return MathJax's script, fetched once from npm's registry, or None where it cannot be had."""
    script = folder / "package" / "es5" / "tex-svg.js"
    if script.is_file():
        return script
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not on this machine: formulas will need a network to be typeset", file=sys.stderr)
        return None
    folder.mkdir(parents=True, exist_ok=True)
    packed = subprocess.run([npm, "pack", MATHJAX, "--json"], cwd=folder, capture_output=True, text=True)
    if packed.returncode:
        print("npm's registry cannot be reached: formulas will need a network to be typeset", file=sys.stderr)
        return None
    with tarfile.open(folder / json.loads(packed.stdout)[0]["filename"]) as archive:
        archive.extractall(folder, filter="data")
    return script


def configuration(mathjax_file: Path | None, pages: Path, profile: str) -> dict:
    """`_config.yml` with what only this build knows."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    sphinx = config["sphinx"]["config"]
    if mathjax_file:
        # Not in _static: Jupyter Book loads every script there by itself, and MathJax must be loaded once.
        extra = pages.parent / "extra"
        extra.mkdir(exist_ok=True)
        shutil.copy(mathjax_file, extra)
        sphinx["html_extra_path"] = [str(extra)]
        sphinx["mathjax_path"] = f"../{mathjax_file.name}"
    if profile == "quick":
        sphinx["html_theme_options"]["announcement"] = (
            "Quick profile: every network on these pages was trained for minutes on synthetic faces. "
            "Numbers and figures show that the code works, not what it reaches on FER2013."
        )
    return config


if __name__ == "__main__":
    sys.exit(main())
