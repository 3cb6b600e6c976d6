"""Facial expression recognition on FER2013: data, models, training, evaluation and prediction.

`import fer_lib` is fast. The functions and classes below load what they need when they are first
used.

Example:
    >>> import fer_lib
    >>> run = fer_lib.load_run("custom_cnn", seed=0)
    >>> round(run.metrics["private_test"]["accuracy"], 3)
    0.653
"""

import importlib
import os

from fer_lib import tensorflow_messages

__version__ = "0.1.0"  # pyproject.toml reads it from here

__all__ = [
    "Tracker",
    "__version__",
    "load_dataset",
    "load_model",
    "load_run",
    "predict_camera",
    "predict_faces",
    "predict_video",
    "train",
]

_MODULES = {
    "Tracker": "fer_lib.deploy.tracking",
    "load_dataset": "fer_lib.data.dataset",
    "load_model": "fer_lib.api",
    "load_run": "fer_lib.api",
    "predict_camera": "fer_lib.deploy.tracking",
    "predict_faces": "fer_lib.deploy.faces",
    "predict_video": "fer_lib.deploy.tracking",
    "train": "fer_lib.api",
}

# TensorFlow reads these when it is imported, which is after this. The first suppresses messages
# about the machine. The second turns oneDNN on for all x86 processors, where it makes float32
# training faster; by default it is on only for those with AVX-512 VNNI.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
tensorflow_messages.suppress()


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
