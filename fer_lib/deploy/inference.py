"""Predict with an exported model in ONNX Runtime, without Keras."""

import functools
from pathlib import Path

import numpy as np
import onnxruntime

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.io import sha256_of
from fer_lib.text import QUOTED_LENGTH, printable, quoted

INPUT, OUTPUT = "pixels", "probabilities"  # the graph's own names
FORMAT = 2  # of exported files: raise it when the exporter changes what it writes
BATCH = 64
# The best recorded single model; `benchmarks/package_model.py` writes it and its SHA-256.
DEFAULT_MODEL = Path(__file__).with_name("emotion_classifier.onnx")


class ModelError(ValueError):
    """Raised for a file that is not an exported model; the message says why."""


def export_fingerprint(weights: Path, predictions: Path) -> str:
    """Return a string that identifies the weights and the predictions that an export depends on.

    The predictions determine the temperature."""
    return f"{FORMAT}-{sha256_of(weights)}-{sha256_of(predictions)}"


class OnnxModel:
    """An exported model in ONNX Runtime.

    Attributes:
        metadata: entries written by the exporter: `labels`, `temperature`, `tta`, `version`,
            `experiment`, `seed`, `fingerprint` and more.

    Args:
        path: a file written by `python -m fer_lib export`.
        threads: number of threads per prediction; 0 uses one per core.

    Raises:
        ModelError: the file is missing or was not written by the exporter.
    """

    def __init__(self, path: Path, threads: int = 0):
        if not Path(path).is_file():
            raise ModelError(f"{printable(path)}: no such file")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that wait for work would take the core from the one that has some.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            raise ModelError(
                f"{printable(path)}: cannot be loaded ({printable(error)[:QUOTED_LENGTH]})"
            ) from error
        outputs = {output.name for output in self._session.get_outputs()}
        if [entry.name for entry in self._session.get_inputs()] != [INPUT] or OUTPUT not in outputs:
            raise ModelError(f"{printable(path)}: has no input {INPUT!r} and output {OUTPUT!r}")
        self._name = printable(path)
        self.metadata = self._session.get_modelmeta().custom_metadata_map
        if (labels := self.metadata.get("labels")) != ",".join(EMOTION_NAMES):
            raise ModelError(
                f"{printable(path)}: was not written by `python -m fer_lib export` "
                f"(its labels are {quoted(labels)})"
            )

    def probabilities(self, faces: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float32 [n, 7] in label order.

        Args:
            faces: gray levels, uint8 [n, 48, 48]. They are predicted in batches of 64.

        Raises:
            ModelError: what the model returns are not probabilities of seven classes.
        """
        pixels = faces[..., None].astype(np.float32)
        batches = [pixels[i : i + BATCH] for i in range(0, len(pixels), BATCH)] or [pixels]
        try:
            rows = np.concatenate(
                [self._session.run([OUTPUT], {INPUT: batch})[0] for batch in batches]
            )
        except Exception as error:
            message = printable(error)[:QUOTED_LENGTH]
            raise ModelError(f"{self._name}: cannot predict ({message})") from error
        sums_to_one = rows.shape == (len(faces), len(EMOTION_NAMES)) and np.allclose(
            rows.sum(axis=1), 1, atol=1e-3
        )
        if not sums_to_one or not (rows >= 0).all():
            raise ModelError(f"{self._name}: does not return probabilities")
        return rows


@functools.lru_cache(maxsize=4)
def _load(path: Path, changed: int | None) -> OnnxModel:
    return OnnxModel(path)


def load_onnx_model(model: str | Path | OnnxModel | None = None) -> OnnxModel:
    """Load an exported model; by default the best recorded single model, part of the package.

    A process loads a file once, as long as it does not change: ONNX Runtime takes longer to load it
    than to classify a face. A loaded model is returned unchanged.

    Raises:
        ModelError: as `OnnxModel`.

    Example:
        >>> load_onnx_model().metadata["labels"]
        'angry,disgust,fear,happy,sad,surprise,neutral'
    """
    if not (model is None or isinstance(model, str | Path)):
        return model
    path = DEFAULT_MODEL if model is None else Path(model)
    return _load(path, path.stat().st_mtime_ns if path.is_file() else None)
