"""Render the book of one profile from its executed notebooks: `python book/render.py build/full`.

Pages and notebooks are staged into one folder, so that addresses are flat, and Jupyter Book builds
it with warnings as errors. MathJax and the playground's ONNX Runtime come from npm's registry where
it can be reached, and are served from the book itself.
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
# Packages of npm's registry, with the SHA-512 of their archives.
MATHJAX = (
    "mathjax@3.2.2",
    "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw==",
)
RUNTIME = (
    "onnxruntime-web@1.30.0",
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
)
RUNTIME_FILES = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
PLAYGROUND_LIMIT = 4_000_000  # bytes of the model that a reader's browser loads


def main() -> int:
    from readme import (
        draw_figure,
    )  # on the front page too; it imports the library, which takes seconds

    build = Path(sys.argv[1]).resolve()
    pages, output, extra = build / "pages", build / "_build" / "html", build / "extra"
    stage(build / "notebooks", pages)
    draw_figure(pages / "_accuracy.svg", build.name)
    shutil.rmtree(extra, ignore_errors=True)
    extra.mkdir()
    reason = playground(package(*RUNTIME), pages, extra / "playground", build.name)
    if reason:
        print(f"the playground is left out: {reason}", file=sys.stderr)
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
        ignore=shutil.ignore_patterns("*.py", "_ext", "_toc.yml", "__pycache__", "playground"),
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
    """Return the folder of a package, downloaded once from npm's registry.

    Args:
        name: with its version, `name@1.0.0`.
        sha512: of its archive, base64.

    Returns:
        None where there is no npm, or its registry cannot be reached.

    Raises:
        ValueError: the archive is not the pinned one.
    """
    folder = ROOT / "build" / "npm" / name
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # two books may be rendered at once
        return _download(name, sha512, folder)


def _download(name: str, sha512: str, folder: Path) -> Path | None:
    if (folder / "package").is_dir():
        return folder / "package"
    npm = shutil.which("npm")
    if npm is None:
        print(f"{name} is left out: npm is not on this machine", file=sys.stderr)
        return None
    packed = subprocess.run(
        [npm, "pack", name, "--json"], cwd=folder, capture_output=True, text=True
    )
    if packed.returncode:
        print(f"{name} is left out: npm's registry cannot be reached", file=sys.stderr)
        return None
    file = folder / json.loads(packed.stdout)[0]["filename"]
    digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    if digest != sha512:
        raise ValueError(f"{name}: its archive has the SHA-512 {digest}, pinned is {sha512}")
    with tempfile.TemporaryDirectory(dir=folder) as tmp, tarfile.open(file) as archive:
        # Python 3.11 has the filter since 3.11.4.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp)
        (Path(tmp) / "package").rename(folder / "package")
    return folder / "package"


def playground(runtime: Path | None, pages: Path, folder: Path, profile: str) -> str | None:
    """Write the playground's page into `pages` and its files into `folder`.

    Its model is the best single one of the profile: the recorded one, or in `quick` the one that
    was just trained.

    Args:
        runtime: the package of ONNX Runtime Web, or None where it cannot be had.

    Returns:
        Why the playground is left out, which its page says too; None where it is there.

    Raises:
        ValueError: the model is too large for a browser to load.
    """
    from fer_lib.profiles import get_profile
    from fer_lib.runs.store import best_single_run

    run = best_single_run(get_profile(profile).results_folder)
    if runtime and run:
        reason, page = None, _playground_page(run, runtime, folder)
    else:
        reason = (
            "no model is recorded with its weights yet"
            if runtime
            else "npm's registry could not be reached for ONNX Runtime Web when it was built"
        )
        page = f"<p><em>The playground was left out of this book: {reason}.</em></p>"
    (pages / "_playground.html").write_text(page, encoding="utf-8")
    return reason


def _playground_page(run, runtime: Path, folder: Path) -> str:
    from fer_lib.deploy.exported import ensure_exported

    model = ensure_exported(run)
    size = model.stat().st_size
    if size > PLAYGROUND_LIMIT:
        raise ValueError(f"{model}: {size:,} bytes; a browser loads {PLAYGROUND_LIMIT:,} at most")
    folder.mkdir()
    shutil.copy(model, folder / "model.onnx")
    shutil.copy(ROOT / "book" / "playground" / "playground.js", folder)
    for name in RUNTIME_FILES:
        shutil.copy(runtime / "dist" / name, folder)
    page = (ROOT / "book" / "playground" / "app.html").read_text(encoding="utf-8")
    return page.replace("PLAYGROUND_SETTINGS", playground_settings())


def playground_settings() -> str:
    """The library's constants that the playground needs, and a drawn face per emotion, as JSON."""
    import numpy as np

    from fer_lib.data.labels import COLORS, EMOTION_NAMES, IMAGE_SIZE
    from fer_lib.data.synthetic import synthetic_faces
    from fer_lib.deploy.faces import CONFIDENT_ABOVE
    from fer_lib.deploy.images import MAX_SIDE
    from fer_lib.deploy.inference import INPUT, OUTPUT

    faces = synthetic_faces(np.arange(len(EMOTION_NAMES)), seed=7)
    examples = [
        {"emotion": name, "pixels": base64.b64encode(face.tobytes()).decode()}
        for name, face in zip(EMOTION_NAMES, faces, strict=True)
    ]
    return json.dumps(
        {
            "emotions": EMOTION_NAMES,
            "colors": COLORS,
            "image_size": IMAGE_SIZE,
            "max_side": MAX_SIDE,
            "confident_above": CONFIDENT_ABOVE,
            "input": INPUT,
            "output": OUTPUT,
            "examples": examples,
        }
    )


def configuration(mathjax: Path | None, extra: Path, profile: str) -> dict:
    """`_config.yml` with what only this build knows.

    Args:
        mathjax: its package, or None where it cannot be had: then formulas need the internet.
        extra: a folder whose content is copied into the book.
    """
    from fer_lib.profiles import get_profile
    from fer_lib.report.quoted import quoted_numbers

    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    sphinx = config["sphinx"]["config"]
    extensions = config["sphinx"]["local_extensions"]
    extensions.update({name: str(ROOT / folder) for name, folder in extensions.items()})
    sphinx["html_extra_path"] = [str(extra)]
    if mathjax:
        # Not in _static: Jupyter Book loads every script there by itself, and MathJax must be
        # loaded once.
        shutil.copy(mathjax / "es5" / "tex-svg.js", extra)
        sphinx["mathjax_path"] = "../tex-svg.js"
    # What the pages quote as {{ key }}: a key without a value is a warning, and so an error.
    config["parse"] = {"myst_substitutions": quoted_numbers(get_profile(profile))}
    if profile == "quick":
        sphinx["html_theme_options"]["announcement"] = (
            "Quick profile: all models on these pages were trained for minutes on synthetic faces. "
            "Numbers and figures show that the code works; they are not results on FER2013."
        )
    return config


if __name__ == "__main__":
    sys.exit(main())
