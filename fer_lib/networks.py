"""An experiment's network: built, loaded from a run, and asked for its answers."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
from scipy.special import log_softmax

from fer_lib.emotions import EMOTIONS
from fer_lib.evaluation import probabilities
from fer_lib.experiments import Experiment
from fer_lib.models import MODELS
from fer_lib.runs import WEIGHTS, Run, RunError
from fer_lib.shifts import ONE_PLACE, SCHEMES, shifted

PREDICTION_BATCH = 256


def build(
    experiment: Experiment,
    precision: str | None = None,
    pretrained: bool = True,
    classes: int = len(EMOTIONS),
) -> keras.Model:
    """Build an experiment's network, untrained.

    Args:
        precision: a Keras dtype policy in place of the experiment's own.
        pretrained: False leaves out the loading of pretrained weights, for a network whose
            weights come from a file.
        classes: how many logits it has.
    """
    options = dict(experiment.model_options)
    if "weights" in options and not pretrained:
        options["weights"] = None
    with _dtype_policy(precision or experiment.precision):
        return MODELS[experiment.model](**options, classes=classes)


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def load(run: Run) -> keras.Model:
    """Return a run's network in float32 with its best weights.

    Raises:
        RunError: the run keeps no weights.
    """
    if not run.weights:
        raise RunError(f"{run.folder}: this run keeps no weights (there is no {WEIGHTS})")
    classes = len(
        run.config.get("classes", EMOTIONS)
    )  # only a network that was trained on other faces says which
    model = build(run.experiment, precision="float32", pretrained=False, classes=classes)
    model.load_weights(run.weights)
    return model


def predict(
    model: keras.Model, images: np.ndarray, flip_averaging: bool = False, places: str = ONE_PLACE
) -> np.ndarray:
    """Return logits float32 [n, classes] for images uint8 [n, 48, 48].

    Args:
        flip_averaging: the logarithms of probabilities averaged over an image and its mirror
            image stand in for logits.
        places: one of `shifts.SCHEMES`; likewise over the shifted images.
    """
    if len(shifts := SCHEMES[places]) > 1:
        answers = [
            probabilities(predict(model, shifted(images, *shift), flip_averaging))
            for shift in shifts
        ]
        return np.log(np.mean(answers, axis=0)).astype(np.float32)
    logits = np.asarray(
        model.predict(images[..., None], batch_size=PREDICTION_BATCH, verbose=0), np.float32
    )
    if not flip_averaging:
        return logits
    mirrored = predict(model, images[:, :, ::-1])
    return np.logaddexp(log_softmax(logits, axis=1), log_softmax(mirrored, axis=1)) - np.float32(
        np.log(2)
    )
