"""Convert MediaPipe's face detector from LiteRT to ONNX: a maintainer's script.

It takes `face_detection_short_range.tflite` from a package of npm's registry and writes
`fer_lib/deploy/face_detection_short_range.onnx`, which is part of the package. The weights keep
their half precision; the graph computes in float32. Needs npm and the `train` extra: written with
Python 3.11, TensorFlow 2.21, tf2onnx 1.17 and onnx 1.23.

    python benchmarks/convert_face_detector.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))

from prepare import package  # noqa: E402

from fer_lib.deploy.face_detection import MODEL  # noqa: E402
from fer_lib.io import atomic_write  # noqa: E402

PACKAGE = (
    "@mediapipe/face_detection@0.4.1657300184",
    "k5aYtTf7av7GwD3C9T4LJB/okHK/uJwFQSOmJ9OHZMlwg7SdYVMolRgDlA962OU7fIBKsrOA7f7BzD2gpzcAKw==",
)
SOURCE = "face_detection_short_range.tflite"


def main() -> None:
    folder = package(*PACKAGE)
    if folder is None:
        raise SystemExit(1)
    with tempfile.TemporaryDirectory() as tmp:
        converted = Path(tmp) / "converted.onnx"
        command = [sys.executable, "-m", "tf2onnx.convert", "--opset", "13"]
        command += ["--tflite", folder / SOURCE, "--output", converted]
        subprocess.run(command, check=True)
        model = onnx.load(converted)
    store_half_precision(model.graph)
    onnx.checker.check_model(model, full_check=True)
    with atomic_write(MODEL) as path:
        onnx.save(model, path)
    print(f"{MODEL.relative_to(ROOT)}: {MODEL.stat().st_size:,} bytes")


def store_half_precision(graph: onnx.GraphProto) -> None:
    """Store weights in half precision, which the original has, and convert them in the graph."""
    casts = []
    for stored in graph.initializer:
        array = onnx.numpy_helper.to_array(stored)
        half = array.astype(np.float16)
        if array.dtype == np.float32 and array.size > 1 and np.array_equal(half, array):
            name = stored.name
            stored.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}/half"))
            casts.append(
                onnx.helper.make_node("Cast", [stored.name], [name], to=onnx.TensorProto.FLOAT)
            )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


if __name__ == "__main__":
    main()
