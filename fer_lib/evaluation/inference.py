"""Predict with the model of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fer_lib.data.labels import EMOTIONS
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import WEIGHTS_FILE, Run, RunError
from fer_lib.tta import NO_TTA, views

if TYPE_CHECKING:
    from pathlib import Path

    import keras

PREDICTION_BATCH = 256


def load_model(run: Run, dtype_policy: str = "float32") -> keras.Model:
    """Return a run's model with its recorded weights.

    Args:
        dtype_policy: a Keras dtype policy.

    Raises:
        RunError: the run keeps no weights, or its file is damaged.
    """
    from fer_lib.models.registry import build_model  # Keras, which takes seconds to import

    if not run.weights:
        raise RunError(f"{run.folder}: this run keeps no weights (there is no {WEIGHTS_FILE})")
    # A run pretrained on other faces has their classes in its configuration.
    classes = len(run.config.get("classes", EMOTIONS))
    model = build_model(run.experiment, dtype_policy, pretrained=False, num_classes=classes)
    load_weights(model, run.weights)
    return model


def load_weights(model: keras.Model, path: Path) -> None:
    """Load a file of weights into a model.

    Raises:
        RunError: the file is missing, damaged, or of another model; the message names it.
    """
    try:
        model.load_weights(path)
    except Exception as error:  # of HDF5 and Keras, which do not name the file
        reason = str(error).strip().partition("\n")[0][:160] or type(error).__name__
        raise RunError(
            f"{path}: missing, damaged, or the weights of another model ({reason})"
        ) from error


def predict_logits(model: keras.Model, images: np.ndarray, tta: str = NO_TTA) -> np.ndarray:
    """Return logits float32 [n, classes] for images uint8 [n, 48, 48].

    Args:
        tta: one of `tta.SCHEMES`. Where it has several views, the logarithm of their mean
            probability stands in for the logits.
    """
    logits = [
        np.asarray(
            model.predict(view(images)[..., None], batch_size=PREDICTION_BATCH, verbose=0),
            np.float32,
        )
        for view in views(tta)
    ]
    return logits[0] if len(logits) == 1 else mean_probability_logits(logits)


def mean_probability_logits(logits: list[np.ndarray]) -> np.ndarray:
    """Return the logarithm of the mean of the probabilities of several logits [n, classes].

    Softmax turns the result, float32 of the same shape, into the mean probability.
    """
    return np.log(np.mean([softmax(values) for values in logits], axis=0)).astype(np.float32)


def predict_run(
    run: Run, images: np.ndarray, tta: str | None = None, model: keras.Model | None = None
) -> np.ndarray:
    """Return a run's logits float32 [n, classes] for images uint8 [n, 48, 48].

    Args:
        tta: a scheme in place of the run's own (`run.experiment.tta`).
        model: as `load_model(run)` returns it, where it predicts more than once.

    Raises:
        RunError: the run keeps no weights.
    """
    return predict_logits(model or load_model(run), images, tta or run.experiment.tta)
