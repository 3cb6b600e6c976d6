"""Compare the time of a prediction with that of two other packages, as their users call them.

`fer` detects faces with OpenCV's cascade and classifies them with a network that its package holds.
Of deepface, only its emotion network is measured, built from the layers that it publishes, with
random weights, and called as deepface calls it. All run in one process on one core and take turns.
Times are processor times, because other programs may run: medians of single calls. Needs
the `train` extra, `fer` 25.10.3 and opencv-python 4 in an environment of their own. Writes
`results/analysis/packages.json`.

    taskset --cpu-list 0 python benchmarks/packages.py [--repetitions N]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

# Before TensorFlow is imported, which reads them once.
os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

import fer_lib  # noqa: F401, I001, before Keras: it sets what TensorFlow reads, too
import cv2
import keras
import numpy as np
from fer.fer import FER
from keras import layers
from skimage import data

from fer_lib.analysis.benchmarks import PACKAGES_PATH
from fer_lib.deploy.faces import predict_faces
from fer_lib.deploy.inference import BATCH, DEFAULT_MODEL, OnnxModel
from fer_lib.deploy.onnx_export import write_onnx
from fer_lib.io import write_json
from fer_lib.paths import RESULTS
from fer_lib.runs.environment import hardware
from fer_lib.runs.run import Run
from fer_lib.runs.store import best_single_run

REPETITIONS = 50
WARM_UP = 3
BATCH_EVERY = 5  # repetitions
PHOTO = "photo, 512 × 512, with detection"
ONE = "cropped face"
MANY = f"{BATCH} cropped faces"


class WithoutFlip(Run):
    """A run whose network sees only the image itself."""

    @property
    def experiment(self):
        """The experiment, without test-time augmentation."""
        return replace(super().experiment, tta="none")


def deepface_network() -> keras.Model:
    """The layers of deepface 0.0.103, `deepface/models/demography/tf/Emotion.py`."""
    return keras.Sequential(
        [
            keras.Input((48, 48, 1)),
            layers.Conv2D(64, 5, activation="relu"),
            layers.MaxPooling2D(5, 2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.AveragePooling2D(3, 2),
            layers.Conv2D(128, 3, activation="relu"),
            layers.Conv2D(128, 3, activation="relu"),
            layers.AveragePooling2D(3, 2),
            layers.Flatten(),
            layers.Dense(1024, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(1024, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(7, activation="softmax"),
        ]
    )


def tasks(folder: Path) -> dict[tuple[str, str], Callable[[], object]]:
    """A call for each package or form and task."""
    photo = data.astronaut()
    face = np.asarray(photo[57:172, 166:281])
    face = cv2.resize(
        cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (48, 48), interpolation=cv2.INTER_AREA
    )
    faces = np.stack([face] * BATCH)
    run = best_single_run(RESULTS)
    paths = {"int8": folder / "int8.onnx", "no flip": folder / "no-flip.onnx"}
    write_onnx(run, paths["int8"], int8=True)
    write_onnx(WithoutFlip(run.folder), paths["no flip"])
    model = OnnxModel(DEFAULT_MODEL, threads=1)
    found = {
        ("fer_lib, predict_faces", PHOTO): lambda: predict_faces(photo, model),
        ("fer_lib, predict_faces", ONE): lambda: predict_faces(face, model, cropped=True),
        ("fer_lib, predict_faces", MANY): lambda: predict_faces([*faces], model, cropped=True),
    }
    models = {"": model} | {f", {name}": OnnxModel(path, 1) for name, path in paths.items()}
    for name, form in models.items():
        found[f"fer_lib, network{name}", ONE] = lambda m=form: m.probabilities(faces[:1])
        found[f"fer_lib, network{name}", MANY] = lambda m=form: m.probabilities(faces)
    detector = FER()
    mosaic = np.concatenate([np.concatenate([face] * 8, axis=1)] * 8)
    mosaic = cv2.cvtColor(mosaic, cv2.COLOR_GRAY2BGR)
    squares = [(48 * (k % 8), 48 * (k // 8), 48, 48) for k in range(BATCH)]
    bgr = np.ascontiguousarray(photo[..., ::-1])
    found["fer, detect_emotions", PHOTO] = lambda: detector.detect_emotions(bgr)
    for name, count in ((ONE, 1), (MANY, BATCH)):
        found["fer, detect_emotions", name] = lambda n=count: detector.detect_emotions(
            mosaic, face_rectangles=squares[:n]
        )
    network, pixels = deepface_network(), faces[..., None]
    found["deepface, network", ONE] = lambda: network(pixels[:1], training=False).numpy()
    found["deepface, network", MANY] = lambda: network.predict_on_batch(pixels)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repetitions", type=int, default=REPETITIONS, help=f"(default: {REPETITIONS})"
    )
    repetitions = parser.parse_args().repetitions
    if len(os.sched_getaffinity(0)) > 1:
        raise SystemExit("run it on one core, with taskset: libraries count the cores at import")
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        calls = tasks(Path(folder))
    times: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
    for turn in range(WARM_UP + repetitions):
        for key, call in calls.items():
            if key[1] != MANY or turn % BATCH_EVERY == 0:
                began = time.process_time()
                call()
                times[key].append(1000 * (time.process_time() - began))
    rows = [
        {
            "package": package,
            "task": task,
            "repetitions": len(measured[1 if task == MANY else WARM_UP :]),
            "ms": float(np.median(measured[1 if task == MANY else WARM_UP :])),
        }
        for (package, task), measured in times.items()
    ]
    for row in rows:
        print(f"{row['package']}, {row['task']}: {row['ms']:.2f} ms")
    write_json(PACKAGES_PATH, {"hardware": hardware(), "rows": rows})


if __name__ == "__main__":
    main()
