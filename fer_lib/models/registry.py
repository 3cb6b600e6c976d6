"""The networks. Each takes raw grey pixels and returns logits; scaling and colour channels are its
own business.

Contract: input [batch, 48, 48, 1], grey levels 0–255 of any real dtype; output float32 [batch,
classes], in label order.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from fer_lib.data.labels import EMOTIONS
from fer_lib.experiments import Experiment
from fer_lib.models.custom_cnn import custom_cnn
from fer_lib.models.mobilenetv2 import mobilenetv2

MODELS = {"custom_cnn": custom_cnn, "mobilenetv2": mobilenetv2}


def build_model(
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
    with _dtype_policy(precision or experiment.dtype_policy):
        return MODELS[experiment.model](**options, classes=classes)


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def pooling_layer(model: keras.Model) -> keras.layers.Layer:
    """Return the layer that averages the last feature maps: its input is what Grad-CAM weighs."""
    poolings = (keras.layers.GlobalAveragePooling2D,)
    return next(layer for layer in reversed(model.layers) if isinstance(layer, poolings))
