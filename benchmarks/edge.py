"""What a network costs on a device, in each form that it can be had in: Keras, ONNX, and ONNX in 8
bits.

The best recorded small network and MobileNetV2 fine-tuned, all forms in one process with one
thread. They take turns, so that
whatever else the machine does meets all alike. Needs FER2013: accuracy is that on PublicTest. Run
it on a machine that does
nothing else. Writes `results/analysis/edge.json`.

    python benchmarks/edge.py [REPETITIONS]
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# Before TensorFlow is imported, which reads them once.
os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

import keras
import numpy as np

import fer_lib  # noqa: F401, before Keras: it sets what TensorFlow reads, too
from fer_lib.data.dataset import Dataset
from fer_lib.data.readers import DataError
from fer_lib.deploy.faces import Classifier
from fer_lib.deploy.onnx_export import ExportError, calibrated_model, export_onnx, export_unchecked
from fer_lib.evaluation.inference import load_model
from fer_lib.evaluation.metrics import classification_metrics
from fer_lib.experiments import EXPERIMENTS
from fer_lib.io import write_json
from fer_lib.models.complexity import multiply_adds
from fer_lib.paths import RESULTS
from fer_lib.profiles import get_profile
from fer_lib.runs.environment import hardware
from fer_lib.runs.run import Run
from fer_lib.runs.store import best_single_run, find_run

REPETITIONS = 300
WARM_UP = 10
BATCH = 64
LARGE_NETWORK = "mobilenetv2_fine_tuned"


def forms(run: Run, dataset: Dataset, folder: Path) -> dict[str, tuple[Callable, int, str]]:
    """By name, each form's function from faces uint8 [n, 48, 48] to probabilities, its file's
    bytes, and what its check says."""
    model, _ = calibrated_model(run)
    model.compile(jit_compile=False)

    def in_keras(faces):
        return model.predict_on_batch(faces[..., None].astype(np.float32))

    made = {"Keras": (in_keras, run.weights.stat().st_size, "")}
    for name, int8 in (("ONNX", False), ("ONNX, int8", True)):
        path = folder / f"{run.config['experiment']}{int8}.onnx"
        try:
            said = "; ".join(export_onnx(run, path, int8))
        except ExportError as error:
            said, path = f"refused: {error}", export_unchecked(run, path, int8)
        made[name] = (Classifier(path, threads=1).probabilities, path.stat().st_size, said)
    return made


def milliseconds(work: Callable) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    dataset = get_profile("full").dataset()
    small, large = best_single_run(RESULTS), find_run(RESULTS, LARGE_NETWORK, 0)
    if dataset is None:
        raise DataError("FER2013 is not on this machine; data/README.md says how to get it")
    faces, labels = dataset.public_test.images, dataset.public_test.labels
    rows, works = [], []
    with tempfile.TemporaryDirectory() as folder:
        for run in (small, large):
            experiment = EXPERIMENTS[run.config["experiment"]]
            operations = multiply_adds(load_model(run)) * experiment.forward_passes
            for form, (classify, size, said) in forms(run, dataset, Path(folder)).items():
                p = np.concatenate(
                    [classify(part) for part in np.array_split(faces, len(faces) // BATCH)]
                )
                metrics = classification_metrics(np.log(np.maximum(p, 1e-30)), labels)
                works.append(classify)
                rows.append(
                    {
                        "model": experiment.title,
                        "form": form,
                        "bytes": size,
                        "multiply_adds": operations,
                        "accuracy": metrics["accuracy"],
                        "interval": metrics["intervals"]["accuracy"],
                        "check": said,
                    }
                )
                print(
                    f"{rows[-1]['network']}, {form}: {size / 1e6:.2f} MB, accuracy on PublicTest {metrics['accuracy']:.2%}; {said}"
                )
        one, many = faces[:1], faces[:BATCH]
        times = {"one": [[] for _ in works], "many": [[] for _ in works]}
        for turn in range(WARM_UP + repetitions):
            for work, one_face, batch in zip(works, *times.values(), strict=True):
                one_face.append(milliseconds(lambda: work(one)))
                if turn % 10 == 0:
                    batch.append(milliseconds(lambda: work(many)))
    for row, one_face, batch in zip(rows, *times.values(), strict=True):
        row["median_ms"], row["percentile_95_ms"] = (
            float(np.quantile(one_face[WARM_UP:], q)) for q in (0.5, 0.95)
        )
        row["images_per_second"] = BATCH * 1000 / min(batch[1:])
        print(
            f"{row['network']}, {row['form']}: {row['median_ms']:.2f} ms, {row['images_per_second']:,.0f} images a second"
        )
    record = {
        "hardware": hardware(),
        "keras_backend": keras.backend.backend(),
        "repetitions": repetitions,
        "rows": rows,
    }
    write_json(RESULTS / "analysis" / "edge.json", record)


if __name__ == "__main__":
    main()
