"""Predict with an exported model in ONNX Runtime, without Keras."""

from pathlib import Path

import numpy as np
import onnxruntime

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.io import sha256_of

INPUT, OUTPUT = "pixels", "probabilities"  # the graph's own names
FORMAT = 2  # of exported files: raise it when the exporter changes what it writes
BATCH = 64


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
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            raise ModelError(f"{path}: cannot be loaded ({str(error).splitlines()[0]})") from error
        self.metadata = self._session.get_modelmeta().custom_metadata_map
        if (labels := self.metadata.get("labels")) != ",".join(EMOTION_NAMES):
            raise ModelError(
                f"{path}: was not written by `python -m fer_lib export` (its labels are {labels!r})"
            )

    def probabilities(self, faces: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float32 [n, 7] in label order.

        Args:
            faces: gray levels, uint8 [n, 48, 48]. They are predicted in batches of 64.
        """
        pixels = faces[..., None].astype(np.float32)
        batches = [pixels[i : i + BATCH] for i in range(0, len(pixels), BATCH)] or [pixels]
        return np.concatenate([self._session.run([OUTPUT], {INPUT: batch})[0] for batch in batches])
