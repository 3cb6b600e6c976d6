"""Export a run as one LiteRT (TensorFlow Lite) file, from gray pixels to probabilities."""

import importlib
import warnings
from pathlib import Path

import numpy as np

from fer_lib.data.dataset import Dataset
from fer_lib.deploy.inference import BATCH
from fer_lib.deploy.onnx_export import (
    ExportReport,
    calibrated_model,
    compare,
    fit_run_temperature,
    require_accepted,
)
from fer_lib.io import atomic_write
from fer_lib.runs.run import Run


def export_litert(run: Run, path: Path, dataset: Dataset | None = None) -> ExportReport:
    """Export a run as one LiteRT file and compare it with Keras.

    Input and output are those of `onnx_export.export_onnx`; the weights are float32. The file
    appears only if it passes the comparison.

    Args:
        path: ends with `.tflite`.
        dataset: FER2013, whose PublicTest is used for the comparison; None uses synthetic faces.

    Raises:
        ExportError: a probability is more than 1e-4 from Keras's; no file is left.
        RunError: the run keeps no weights.
    """
    model = calibrated_model(run, fit_run_temperature(run))
    with atomic_write(path) as tmp:
        model.export(tmp, format="litert", verbose=False)
        report = compare(LiteRTModel(tmp).probabilities, model, dataset)
        require_accepted(report, path)
    return report


class LiteRTModel:
    """An exported file in LiteRT's interpreter: that of `ai-edge-litert`, or TensorFlow's."""

    def __init__(self, path: Path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # TensorFlow's is deprecated
            self._interpreter = _interpreter_class()(str(path))
        (self._input,), (self._output,) = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )

    def probabilities(self, faces: np.ndarray) -> np.ndarray:
        """Return probabilities, as `inference.OnnxModel.probabilities`."""
        pixels = faces[..., None].astype(np.float32)
        return np.concatenate(
            [self._run(pixels[i : i + BATCH]) for i in range(0, len(pixels), BATCH)]
        )

    def _run(self, batch: np.ndarray) -> np.ndarray:
        self._interpreter.resize_tensor_input(self._input["index"], batch.shape)
        self._interpreter.allocate_tensors()
        self._interpreter.set_tensor(self._input["index"], batch)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])


def _interpreter_class() -> type:
    try:
        return importlib.import_module("ai_edge_litert.interpreter").Interpreter
    except ModuleNotFoundError:
        return importlib.import_module("tensorflow").lite.Interpreter
