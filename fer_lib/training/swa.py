"""Stochastic weight averaging (Izmailov et al. 2018)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from fer_lib.evaluation.inference import load_weights
from fer_lib.training.batches import TrainSequence
from fer_lib.training.training_model import TrainingModel


def average_weights(network: keras.Model, paths: Sequence[Path]) -> None:
    """Set a network's weights to the mean of several weights files.

    Args:
        network: The network whose weights are set.
        paths: Weights files of the same network.

    Raises:
        RunError: If a file is missing or damaged.
    """
    sums = [np.zeros(w.shape) for w in network.get_weights()]
    for path in paths:
        load_weights(network, path)
        weights = network.get_weights()
        sums = [total + np.asarray(w, float) for total, w in zip(sums, weights, strict=True)]
    network.set_weights([total / len(paths) for total in sums])


def estimate_batch_norm_statistics(model: TrainingModel, batches: TrainSequence) -> None:
    """Estimate batch-norm statistics as means over one epoch of augmented batches.

    This is necessary after averaging weights: the statistics of the average differ from the average
    of the statistics.

    Args:
        model: The training model, whose batch-norm layers are updated.
        batches: The batches of an epoch.
    """
    momenta = {layer: layer.momentum for layer in batch_norm_layers(model.features)}
    for step in range(len(batches)):
        for layer in momenta:
            layer.momentum = step / (step + 1)  # a plain mean over the steps so far
        model.features(model.augment(batches[step][0]), training=True)
    for layer, momentum in momenta.items():
        layer.momentum = momentum


def batch_norm_layers(model: keras.Model) -> Iterator[keras.layers.BatchNormalization]:
    """Yield the batch-norm layers of a model and of the models nested in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from batch_norm_layers(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            yield layer
