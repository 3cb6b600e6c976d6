"""Render the book of one profile from its executed notebooks: `python book/render.py build/full`.

Pages and notebooks are staged into one folder, so that addresses are flat, and Jupyter Book builds
it with warnings as
errors. MathJax and the playground's ONNX Runtime come from npm's registry where it can be reached,
and are served from the
book itself.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import nbformat
import yaml
from filelock import FileLock

ROOT = Path(__file__).resolve().parent.parent
# What npm's registry gives, and the SHA-512 that it must have.
MATHJAX = (
    "mathjax@3.2.2",
    "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw==",
)
RUNTIME = (
    "onnxruntime-web@1.30.0",
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
)
RUNTIME_FILES = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
PLAYGROUND_LIMIT = 4_000_000  # bytes of the network that a reader's browser loads


def main() -> int:
    from readme import (
        draw_figure,
    )  # the first page's is the README's; it imports the library, which takes seconds

    build = Path(sys.argv[1]).resolve()
    pages, output, extra = build / "pages", build / "_build" / "html", build / "extra"
    stage(build / "notebooks", pages)
    draw_figure(pages / "_accuracy.svg", build.name)
    shutil.rmtree(extra, ignore_errors=True)
    extra.mkdir()
    without = playground(package(*RUNTIME), pages, extra / "playground", build.name)
    if without:
        print(f"the playground is left out: {without}", file=sys.stderr)
    config = build / "_config.yml"
    settings = configuration(package(*MATHJAX), extra, build.name)
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    shutil.rmtree(build / "_build", ignore_errors=True)
    command = [
        Path(sys.executable).with_name("jupyter-book"),
        "build",
        pages,
        "--config",
        config,
        "--toc",
        ROOT / "book" / "_toc.yml",
    ]
    # -W -n: every warning and every dangling reference is an error; --keep-going lists them all.
    done = subprocess.run(
        [*command, "--path-output", build, "-W", "-n", "--keep-going", "-q"], cwd=ROOT
    )
    if done.returncode:
        return done.returncode
    shutil.rmtree(build / "html", ignore_errors=True)
    shutil.move(output, build / "html")
    return 0


def stage(notebooks: Path, pages: Path) -> None:
    """Copy the prose, and the notebooks without papermill's traces, into `pages`."""
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(
        ROOT / "book",
        pages,
        ignore=shutil.ignore_patterns("*.py", "_toc.yml", "__pycache__", "playground"),
    )
    for path in sorted(notebooks.glob("*.ipynb")):
        if path.name.endswith(".failed.ipynb"):
            continue
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.pop("papermill", None)
        notebook.cells = [
            cell
            for cell in notebook.cells
            if "injected-parameters" not in cell.metadata.get("tags", [])
        ]
        for cell in notebook.cells:
            cell.metadata.pop("papermill", None)
            cell.pop("id", None)
        notebook.nbformat_minor = 4  # the last without cell ids
        nbformat.write(notebook, pages / path.name)


def package(name: str, sha512: str) -> Path | None:
    """Return the folder of a package, fetched once from npm's registry, or None where it cannot be
    had.

    Raises:
        ValueError: the registry gave another file than the one that is pinned.
    """
    folder = ROOT / "build" / "npm" / name
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # two books may be rendered at once
        return _fetch(name, sha512, folder)


def _fetch(name: str, sha512: str, folder: Path) -> Path | None:
    if (folder / "package").is_dir():
        return folder / "package"
    npm = shutil.which("npm")
    if npm is None:
        print(f"npm is not on this machine: there is no {name}", file=sys.stderr)
        return None
    packed = subprocess.run(
        [npm, "pack", name, "--json"], cwd=folder, capture_output=True, text=True
    )
    if packed.returncode:
        print(f"npm's registry cannot be reached: there is no {name}", file=sys.stderr)
        return None
    file = folder / json.loads(packed.stdout)[0]["filename"]
    digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    if digest != sha512:
        raise ValueError(
            f"{name}: the registry's file has the SHA-512 {digest}, pinned is {sha512}"
        )
    with tempfile.TemporaryDirectory(dir=folder) as aside, tarfile.open(file) as archive:
        archive.extraction_filter = getattr(
            tarfile, "data_filter", None
        )  # Python 3.11 has had it since 3.11.4
        archive.extractall(aside)
        (Path(aside) / "package").rename(folder / "package")
    return folder / "package"


def playground(runtime: Path | None, pages: Path, folder: Path, profile: str) -> str | None:
    """Put the playground into its page, and its files into `folder`; or put the reason into the
    page why it is left out, and return it.

    The network is the best small one of the profile: the recorded one, or in `quick` the one that
    was just trained.
    """
    from fer_lib.deploy.onnx_export import ensure_exported
    from fer_lib.profiles import get_profile
    from fer_lib.runs.store import best_single_run

    run = best_single_run(get_profile(profile).results_folder)
    without = (
        None
        if runtime
        else "ONNX Runtime Web could not be had from npm's registry when it was built"
    )
    without = without or (None if run else "no small network is recorded with its weights yet")
    page = f"<p><em>The playground was left out of this book: {without}.</em></p>"
    if not without:
        from fer_lib.deploy.onnx_export import ensure_exported
        from fer_lib.profiles import get_profile
        from fer_lib.runs.store import best_single_run

        network = ensure_exported(run)
        size = network.stat().st_size
        if size > PLAYGROUND_LIMIT:
            raise ValueError(
                f"{network}: {size / 1e6:.1f} MB; a browser is to load {PLAYGROUND_LIMIT / 1e6:.0f} MB at most"
            )
        folder.mkdir()
        shutil.copy(network, folder / "model.onnx")
        shutil.copy(ROOT / "book" / "playground" / "playground.js", folder)
        for name in RUNTIME_FILES:
            shutil.copy(runtime / "dist" / name, folder)
        page = (
            (ROOT / "book" / "playground" / "app.html")
            .read_text(encoding="utf-8")
            .replace("ABOUT", about())
        )
    (pages / "_playground.html").write_text(page, encoding="utf-8")
    return without


def about() -> str:
    """What the playground must know of the library, as JSON: the emotions, and one drawn face of
    each."""
    import numpy as np

    from fer_lib.data.labels import COLORS, EMOTION_NAMES
    from fer_lib.data.readers import IMAGE_SIZE
    from fer_lib.data.synthetic import synthetic_faces
    from fer_lib.deploy.faces import INPUT, OUTPUT, UNSURE_BELOW
    from fer_lib.deploy.images import LONGEST

    faces = synthetic_faces(np.arange(len(EMOTION_NAMES)), seed=7)
    examples = [
        {"label": name, "grey": base64.b64encode(face.tobytes()).decode()}
        for name, face in zip(EMOTION_NAMES, faces, strict=True)
    ]
    return json.dumps(
        {
            "labels": EMOTION_NAMES,
            "colours": COLORS,
            "side": IMAGE_SIZE,
            "longest": LONGEST,
            "unsure_below": UNSURE_BELOW,
            "input": INPUT,
            "output": OUTPUT,
            "examples": examples,
        }
    )


def configuration(mathjax: Path | None, extra: Path, profile: str) -> dict:
    """`_config.yml` with what only this build knows.

    Args:
        mathjax: its package, or None where it is not to be had: then formulas need a network.
        extra: a folder whose content goes into the book as it is.
    """
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    sphinx = config["sphinx"]["config"]
    sphinx["html_extra_path"] = [str(extra)]
    if mathjax:
        # Not in _static: Jupyter Book loads every script there by itself, and MathJax must be
        # loaded once.
        shutil.copy(mathjax / "es5" / "tex-svg.js", extra)
        sphinx["mathjax_path"] = "../tex-svg.js"
    if profile == "quick":
        sphinx["html_theme_options"]["announcement"] = (
            "Quick profile: every network on these pages was trained for minutes on synthetic faces. "
            "Numbers and figures show that the code works, not what it reaches on FER2013."
        )
    return config


if __name__ == "__main__":
    sys.exit(main())
