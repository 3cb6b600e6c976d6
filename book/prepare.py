"""Write what the book needs besides its pages: `python book/prepare.py build/full`.

The figure of the front page, the numbers that pages quote, MathJax and the playground. The last two
come with packages of npm's registry where it can be reached, and are served from the book itself.
`parts.py` runs this beside the notebooks; `render.py` puts everything together.
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
PORTRAIT = "astronaut.png"  # with which the playground starts
MAX_SIDE = 1600  # pixels that an image keeps along its longer side in the playground
PLAYGROUND_LIMIT = 4_000_000  # bytes of the model that a reader's browser loads


def prepare(build: Path) -> int:
    """Write all of it into `prepared` of a build, and return an exit code."""
    from readme import draw_figure  # imports the library, which takes a second

    from fer_lib.profiles import get_profile
    from fer_lib.report.quoted import quoted_numbers

    folder, profile = build / "prepared", build.name
    print(f"preparing {folder.relative_to(ROOT)}", flush=True)
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "extra").mkdir(parents=True)
    draw_figure(folder / "_accuracy.svg", profile)
    numbers = quoted_numbers(get_profile(profile))
    (folder / "quoted.json").write_text(json.dumps(numbers), encoding="utf-8")
    if mathjax := package(*MATHJAX):
        shutil.copy(mathjax / "es5" / "tex-svg.js", folder / "extra")
    reason = playground(package(*RUNTIME), folder, folder / "extra" / "playground", profile)
    if reason:
        print(f"the playground is left out: {reason}", file=sys.stderr)
    return 0


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
    portrait = write_portrait(folder)
    shutil.copy(ROOT / "book" / "playground" / "playground.js", folder)
    for name in RUNTIME_FILES:
        shutil.copy(runtime / "dist" / name, folder)
    page = (ROOT / "book" / "playground" / "app.html").read_text(encoding="utf-8")
    return page.replace("PLAYGROUND_SETTINGS", json.dumps(playground_settings() | portrait))


def write_portrait(folder: Path) -> dict:
    """Write NASA's portrait of Eileen Collins, in the public domain, from scikit-image.

    Returns:
        Settings of the playground: the name of the file, and the box of her face, as the command
        line detects it.
    """
    from PIL import Image
    from skimage import data

    from fer_lib.deploy.face_detection import detect_faces
    from fer_lib.deploy.images import photo_from_array

    pixels = data.astronaut()
    Image.fromarray(pixels).save(folder / PORTRAIT)
    (face,) = detect_faces(photo_from_array(pixels))
    return {"portrait": PORTRAIT, "portrait_box": [round(edge) for edge in face.square]}


def playground_settings() -> dict:
    """The library's constants that the playground needs, and a drawn face per emotion."""
    import numpy as np

    from fer_lib.data.labels import COLORS, EMOTION_NAMES, IMAGE_SIZE
    from fer_lib.data.synthetic import synthetic_faces
    from fer_lib.deploy.faces import CONFIDENT_ABOVE
    from fer_lib.deploy.inference import INPUT, OUTPUT

    faces = synthetic_faces(np.arange(len(EMOTION_NAMES)), seed=7)
    drawings = [
        {"emotion": name, "pixels": base64.b64encode(face.tobytes()).decode()}
        for name, face in zip(EMOTION_NAMES, faces, strict=True)
    ]
    return {
        "emotions": EMOTION_NAMES,
        "colors": COLORS,
        "image_size": IMAGE_SIZE,
        "max_side": MAX_SIDE,
        "confident_above": CONFIDENT_ABOVE,
        "input": INPUT,
        "output": OUTPUT,
        "drawings": drawings,
    }


if __name__ == "__main__":
    sys.exit(prepare(Path(sys.argv[1]).resolve()))
