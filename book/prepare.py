"""Write what the book needs besides its pages: `python book/prepare.py build/full`.

The figures of the front page, the numbers that pages quote, MathJax and the playground. The last
two come with packages of npm's registry where it can be reached, and are served from the book
itself. `parts.py` runs this beside the notebooks; `render.py` puts everything together.
"""

import json
import shutil
import sys
from pathlib import Path

from npm import package

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
# Served as .js, which every host knows, and many do not know .mjs.
RUNTIME_FILES = {
    "ort.wasm.bundle.min.mjs": "onnxruntime.js",
    "ort-wasm-simd-threaded.wasm": "onnxruntime.wasm",
}
SCRIPTS = ROOT / "book" / "playground"
MODEL, LIVE_MODEL, DETECTOR = "model.onnx", "model_single_view.onnx", "face_detection.onnx"
PORTRAIT = "astronaut.png"  # with which the playground starts
MAX_SIDE = 4096  # pixels that an image keeps along its longer side in the playground
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
    draw_example(folder / "_example.png")
    numbers = quoted_numbers(get_profile(profile))
    (folder / "quoted.json").write_text(json.dumps(numbers), encoding="utf-8")
    (folder / "extra" / ".nojekyll").touch()  # Jekyll would leave out folders such as _static
    if mathjax := package(*MATHJAX):
        shutil.copy(mathjax / "es5" / "tex-svg.js", folder / "extra")
    reason = playground(package(*RUNTIME), folder, folder / "extra" / "playground", profile)
    if reason:
        print(f"the playground is left out: {reason}", file=sys.stderr)
    write_licenses(mathjax, not reason, folder)
    return 0


def draw_example(path: Path) -> None:
    """Draw what the packaged model predicts for the astronaut, in the style of the last figure."""
    from skimage.data import astronaut

    from fer_lib import predict_faces
    from fer_lib.plotting.headline import predicted_face

    photo = astronaut()
    (face,) = predict_faces(photo)
    percents = [100 * probability for probability in face.probabilities.values()]
    predicted_face(photo, face.box, percents).savefig(path, dpi=110)


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
    from PIL import Image
    from single_view import write_single_view
    from skimage import data

    from fer_lib.deploy import face_detection
    from fer_lib.deploy.exported import ensure_exported

    model = ensure_exported(run)
    size = model.stat().st_size
    if size > PLAYGROUND_LIMIT:
        raise ValueError(f"{model}: {size:,} bytes; a browser loads {PLAYGROUND_LIMIT:,} at most")
    folder.mkdir()
    shutil.copy(model, folder / MODEL)
    write_single_view(model, folder / LIVE_MODEL)
    shutil.copy(face_detection.MODEL, folder / DETECTOR)
    Image.fromarray(data.astronaut()).save(folder / PORTRAIT)
    for path in SCRIPTS.glob("*.js"):
        shutil.copy(path, folder)
    for name, served_as in RUNTIME_FILES.items():
        shutil.copy(runtime / "dist" / name, folder / served_as)
    page = (SCRIPTS / "app.html").read_text(encoding="utf-8")
    page = page.replace("MODEL_MEGABYTES", f"{size / 1e6:.1f}")
    return page.replace("PLAYGROUND_SETTINGS", json.dumps(playground_settings()))


def playground_settings() -> dict:
    """The names of the playground's files, and the library's constants that it needs."""
    from fer_lib.data.labels import COLORS, EMOTION_NAMES, IMAGE_SIZE
    from fer_lib.deploy import face_detection, tracking
    from fer_lib.deploy.faces import CONFIDENT_ABOVE
    from fer_lib.deploy.inference import INPUT, OUTPUT

    return {
        "emotions": EMOTION_NAMES,
        "colors": COLORS,
        "image_size": IMAGE_SIZE,
        "max_side": MAX_SIDE,
        "confident_above": CONFIDENT_ABOVE,
        "runtime_binary": RUNTIME_FILES["ort-wasm-simd-threaded.wasm"],
        "model": MODEL,
        "live_model": LIVE_MODEL,
        "input": INPUT,
        "output": OUTPUT,
        "portrait": PORTRAIT,
        "detector": {
            "file": DETECTOR,
            "input": "input",
            "outputs": ["regressors", "classificators"],
            "input_size": face_detection.INPUT_SIZE,
            "anchors": face_detection.ANCHORS,
            "candidate_threshold": face_detection.CANDIDATE_THRESHOLD,
            "score_threshold": face_detection.SCORE_THRESHOLD,
            "lowest_score": face_detection.LOWEST_SCORE,
            "overlap_limit": face_detection.OVERLAP_LIMIT,
            "lengths": face_detection.LENGTHS,
            "largest_magnification": face_detection.LARGEST_MAGNIFICATION,
            "tile_overlap": face_detection.TILE_OVERLAP,
            "largest_in_tile": face_detection.LARGEST_IN_TILE,
            "refined_side": face_detection.REFINED_SIDE,
            "square_side": face_detection.SQUARE_SIDE,
            "square_shift": face_detection.SQUARE_SHIFT,
        },
        "tracking": {
            "search_every": tracking.SEARCH_EVERY,
            "search_without_face_every": tracking.SEARCH_WITHOUT_FACE_EVERY,
            "followed_threshold": face_detection.FOLLOWED_THRESHOLD,
            "smoothing": tracking.SMOOTHING,
            "remembered": tracking.REMEMBERED,
        },
    }


def write_licenses(mathjax: Path | None, has_playground: bool, pages: Path) -> None:
    """Write the licenses of what the book serves, and a list of them for a page.

    Args:
        mathjax: its package; None where the book has not got it.
        pages: the folder of the list; the licenses are in `extra/licenses` below it.
    """
    import onnxruntime

    from fer_lib.deploy import face_detection

    runtime, detector = Path(onnxruntime.__file__).parent, face_detection.MODEL
    texts = {}
    if mathjax:
        texts["MathJax, Apache-2.0"] = [mathjax / "LICENSE"]
    if has_playground:
        # npm's package has none; ONNX Runtime's for Python has those of the same source.
        texts["ONNX Runtime Web, MIT"] = [runtime / "LICENSE", runtime / "ThirdPartyNotices.txt"]
        texts["BlazeFace, Apache-2.0"] = [
            detector.with_suffix(".NOTICE"),
            detector.with_suffix(".LICENSE"),
        ]
    folder = pages / "extra" / "licenses"
    folder.mkdir(parents=True)
    items = []
    for title, paths in texts.items():
        links = []
        for path in paths:
            kind = "notices" if path.stem == "ThirdPartyNotices" else path.suffix[1:] or path.name
            name = f"{title.partition(',')[0].replace(' ', '-')}-{kind.lower()}.txt"
            shutil.copy(path, folder / name)
            links.append(f'<a href="licenses/{name}">{kind.lower()}</a>')
        items.append(f"<li>{title}: {', '.join(links)}</li>")
    page = f"<ul>{''.join(items)}</ul>" if items else "<p>This book serves none.</p>"
    (pages / "_licenses.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(prepare(Path(sys.argv[1]).resolve()))
