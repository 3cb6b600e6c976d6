"""Locate and update the exported files of runs."""

import logging
from pathlib import Path

from fer_lib.deploy.inference import DEFAULT_MODEL, ModelError, OnnxModel, export_fingerprint
from fer_lib.paths import BUILD
from fer_lib.runs.run import PREDICTIONS_FILE, Run

_logger = logging.getLogger(__name__)


def export_path(run: Run, int8: bool = False, build: Path = BUILD) -> Path:
    """Return the path of an exported run, `build/<profile>/onnx/<experiment>-seed-<n>.onnx`."""
    name = f"{run.name}-seed-{run.seed}{'-int8' if int8 else ''}.onnx"
    return build / run.config["profile"] / "onnx" / name


def litert_path(run: Run) -> Path:
    """Return the path of a run in LiteRT, `build/<profile>/litert/<experiment>-seed-<n>.tflite`."""
    return BUILD / run.config["profile"] / "litert" / f"{run.name}-seed-{run.seed}.tflite"


def is_export_of(path: Path, run: Run) -> bool:
    """Whether a file is an undamaged export of a run as it is now."""
    try:
        exported = path.is_file() and OnnxModel(path).metadata.get("fingerprint")
    except ModelError:
        return False
    return exported == export_fingerprint(run.weights, run.folder / PREDICTIONS_FILE)


def ensure_exported(run: Run, build: Path = BUILD) -> Path:
    """Return the exported file of a run: the packaged one, or that in `build/`.

    Where neither is current, the run is exported.

    Raises:
        ModelError: the run must be exported, and Keras is not installed.
        ExportError: as `export_onnx`.
    """
    path = export_path(run, build=build)
    for candidate in (DEFAULT_MODEL, path):
        if is_export_of(candidate, run):
            return candidate
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
