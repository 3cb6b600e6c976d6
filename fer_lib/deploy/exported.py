"""Locate, update and load the exported files of runs in `build/`."""

import logging
from pathlib import Path

from fer_lib.deploy.inference import ModelError, OnnxModel, export_fingerprint
from fer_lib.paths import BUILD
from fer_lib.runs.run import PREDICTIONS_FILE, Run

_logger = logging.getLogger(__name__)


def export_path(run: Run, int8: bool = False, build: Path = BUILD) -> Path:
    """Return the path of an exported run, `build/<profile>/onnx/<experiment>-seed-<n>.onnx`."""
    name = f"{run.name}-seed-{run.seed}{'-int8' if int8 else ''}.onnx"
    return build / run.config["profile"] / "onnx" / name


def litert_path(run: Run, build: Path = BUILD) -> Path:
    """Return the path of a run in LiteRT, `build/<profile>/litert/<experiment>-seed-<n>.tflite`."""
    return build / run.config["profile"] / "litert" / f"{run.name}-seed-{run.seed}.tflite"


def load_exported(run: Run, build: Path = BUILD) -> OnnxModel | None:
    """Load the exported model of a run.

    Returns:
        None if there is none, if its file is damaged, or if the run has changed since.
    """
    path = export_path(run, build=build)
    try:
        model = OnnxModel(path) if path.is_file() else None
    except ModelError:
        return None
    current = export_fingerprint(run.weights, run.folder / PREDICTIONS_FILE)
    return model if model and model.metadata.get("fingerprint") == current else None


def ensure_exported(run: Run, build: Path = BUILD) -> Path:
    """Return the exported file of a run, after exporting the run unless its file is current.

    Raises:
        ModelError: the run must be exported, and Keras is not installed.
        ExportError: as `export_onnx`.
    """
    path = export_path(run, build=build)
    if load_exported(run, build) is None:
        try:
            from fer_lib.deploy.onnx_export import export_onnx
        except ModuleNotFoundError as error:
            raise ModelError(
                f"exporting {run.key} needs {error.name}: install fer_lib[train], "
                "or give an exported model"
            ) from error
        _logger.warning("exporting %s from Keras, once", run.key)
        export_onnx(run, path)
    return path
