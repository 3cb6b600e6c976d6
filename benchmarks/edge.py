"""Measure latency, file size and accuracy of models in Keras, as ONNX and as ONNX in int8.

The models are the best recorded single one, the SE-CNN, and MobileNetV2 fine-tuned. All forms run
in one process with one thread and take turns, so that a disturbance of the machine affects all
alike. Needs FER2013 for accuracy on PublicTest, and an otherwise idle machine while it measures
latency. Writes `results/analysis/edge.json`.

    python benchmarks/edge.py [--repetitions N] [--latency-only]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Before TensorFlow is imported, which reads them once.
os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

import keras
import numpy as np

import fer_lib  # noqa: F401, before Keras: it sets what TensorFlow reads, too
from fer_lib.analysis.benchmarks import LATENCY_PATH
from fer_lib.data.dataset import Dataset, load_dataset
from fer_lib.deploy.inference import OnnxModel
from fer_lib.deploy.onnx_export import (
    ExportReport,
    calibrated_model,
    compare_with_keras,
    fit_run_temperature,
    write_onnx,
)
from fer_lib.evaluation.inference import load_model
from fer_lib.evaluation.metrics import classification_metrics
from fer_lib.io import read_json, write_json
from fer_lib.models.complexity import multiply_adds
from fer_lib.paths import RESULTS
from fer_lib.runs.environment import hardware
from fer_lib.runs.manifest import manifest_updated
from fer_lib.runs.run import Run
from fer_lib.runs.store import best_single_run, find_run

REPETITIONS = 300
WARM_UP = 10
BATCH = 64
BATCH_EVERY = 10  # repetitions
COMPARED = ("se_cnn", "mobilenetv2_fine_tuned")


@dataclass(frozen=True)
class Form:
    """A model in one form: predicts probabilities [n, 7] from faces uint8 [n, 48, 48]."""

    name: str
    predict: Callable[[np.ndarray], np.ndarray]
    size: int  # bytes of its file
    report: ExportReport | None = None


def measured_runs() -> list[Run]:
    """The best recorded single run, and those that it is compared with; each once."""
    runs = [best_single_run(RESULTS), *(find_run(RESULTS, name, 0) for name in COMPARED)]
    return list({run.key: run for run in runs}.values())


def forms(run: Run, dataset: Dataset, folder: Path, compare: bool) -> Iterator[Form]:
    """Each form of a run; an int8 file that the exporter would refuse is measured too.

    Args:
        compare: whether ONNX files are compared with Keras, which gives their `report`.
    """
    model = calibrated_model(run, fit_run_temperature(run))
    model.compile(jit_compile=False)

    def predict_in_keras(faces: np.ndarray) -> np.ndarray:
        return model.predict_on_batch(faces[..., None].astype(np.float32))

    yield Form("Keras", predict_in_keras, run.weights.stat().st_size)
    for name, int8 in (("ONNX", False), ("ONNX, int8", True)):
        path = folder / f"{run.name}-{int8}.onnx"
        in_keras = write_onnx(run, path, dataset, int8)
        report = compare_with_keras(path, in_keras, dataset) if compare else None
        predict = OnnxModel(path, threads=1).probabilities
        yield Form(name, predict, path.stat().st_size, report)


def accuracy_row(run: Run, form: Form, dataset: Dataset) -> dict:
    """A row of the record without its times."""
    images, labels = dataset.public_test.images, dataset.public_test.labels
    batches = np.array_split(images, len(images) // BATCH)
    probabilities = np.concatenate([form.predict(batch) for batch in batches])
    metrics = classification_metrics(np.log(np.maximum(probabilities, 1e-30)), labels)
    return {
        "model": run.experiment.title,
        "form": form.name,
        "bytes": form.size,
        "multiply_adds": multiply_adds(load_model(run)) * run.experiment.forward_passes,
        "accuracy": metrics["accuracy"],
        "interval": metrics["intervals"]["accuracy"],
        "max_probability_difference": form.report and form.report.max_probability_difference,
        "accepted": form.report and form.report.accepted,
    }


def recorded_rows(expected: list[tuple[str, str]]) -> list[dict]:
    """The rows of the record, if they are of the expected models and forms.

    Raises:
        SystemExit: they are not.
    """
    rows = read_json(LATENCY_PATH)["rows"]
    if [(row["model"], row["form"]) for row in rows] != expected:
        raise SystemExit(f"{LATENCY_PATH} has other models; run without --latency-only")
    return rows


def milliseconds(predict: Callable, faces: np.ndarray) -> float:
    """The time of one call."""
    began = time.perf_counter()
    predict(faces)
    return 1000 * (time.perf_counter() - began)


def latencies(measured: list[Form], faces: np.ndarray, repetitions: int) -> list[dict]:
    """By form, the times of one face and the throughput in batches."""
    one, batch = ([[] for _ in measured] for _ in range(2))
    for turn in range(WARM_UP + repetitions):
        for form, one_ms, batch_ms in zip(measured, one, batch, strict=True):
            one_ms.append(milliseconds(form.predict, faces[:1]))
            if turn % BATCH_EVERY == 0:
                batch_ms.append(milliseconds(form.predict, faces[:BATCH]))
    return [
        {
            "median_ms": float(np.quantile(one_ms[WARM_UP:], 0.5)),
            "percentile_95_ms": float(np.quantile(one_ms[WARM_UP:], 0.95)),
            "images_per_second": BATCH * 1000 / min(batch_ms[1:]),
        }
        for one_ms, batch_ms in zip(one, batch, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repetitions", type=int, default=REPETITIONS, help=f"(default: {REPETITIONS})"
    )
    parser.add_argument(
        "--latency-only",
        action="store_true",
        help="keep the recorded sizes and accuracies, which must be of the same runs",
    )
    options = parser.parse_args()
    dataset = load_dataset()
    with tempfile.TemporaryDirectory() as folder:
        pairs = [
            (run, form)
            for run in measured_runs()
            for form in forms(run, dataset, Path(folder), compare=not options.latency_only)
        ]
        if options.latency_only:
            rows = recorded_rows([(run.experiment.title, form.name) for run, form in pairs])
        else:
            rows = [accuracy_row(run, form, dataset) for run, form in pairs]
        print("measuring latency", flush=True)
        forms_in_turn = [form for _, form in pairs]
        times = latencies(forms_in_turn, dataset.public_test.images, options.repetitions)
    for row, measurement in zip(rows, times, strict=True):
        row |= measurement
        print(
            f"{row['model']}, {row['form']}: {row['median_ms']:.2f} ms, "
            f"{row['images_per_second']:,.0f} images per second"
        )
    record = {
        "hardware": hardware(),
        "keras_backend": keras.backend.backend(),
        "repetitions": options.repetitions,
        "rows": rows,
    }
    with manifest_updated():
        write_json(LATENCY_PATH, record)


if __name__ == "__main__":
    main()
