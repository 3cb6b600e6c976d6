"""Stochastic weight averaging (Izmailov et al. 2018)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import keras
import numpy as np

from fer_lib.training.checkpoint import BEST_WEIGHTS_FILE, EPOCH_WEIGHTS_FILE, save_weights

if TYPE_CHECKING:
    from fer_lib.training.trainer import Trainer


def apply_swa(trainer: "Trainer") -> None:
    """Replace the weights of the best epoch by the mean of those after the last epochs.

    Batch-norm statistics of averaged weights are not the average of statistics: they are estimated
    anew, as means over one epoch of augmented batches.
    """
    network, experiment = trainer.network, trainer.experiment
    first, last = experiment.epochs - experiment.swa_epochs + 1, experiment.epochs
    sums = [np.zeros(w.shape) for w in network.get_weights()]
    for epoch in range(first, last + 1):
        network.load_weights(trainer.run.folder / EPOCH_WEIGHTS_FILE.format(epoch))
        weights = network.get_weights()
        sums = [total + np.asarray(w, float) for total, w in zip(sums, weights, strict=True)]
    network.set_weights([total / experiment.swa_epochs for total in sums])
    trainer.seed_epoch(experiment.epochs)
    _estimate_batch_norm_statistics(trainer)
    save_weights(network, trainer.run.folder / BEST_WEIGHTS_FILE)


def _estimate_batch_norm_statistics(trainer: "Trainer") -> None:
    normalizations = list(batch_norm_layers(trainer.network))
    momenta = [layer.momentum for layer in normalizations]
    for step in range(len(trainer.batches)):
        for layer in normalizations:
            layer.momentum = step / (step + 1)  # a plain mean over the steps so far
        images, _ = trainer.batches[step]
        trainer.model.features(trainer.model.augment(images), training=True)
    for layer, momentum in zip(normalizations, momenta, strict=True):
        layer.momentum = momentum


def batch_norm_layers(model: keras.Model) -> Iterator[keras.layers.BatchNormalization]:
    """Yield the batch-norm layers of a model and of the models nested in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from batch_norm_layers(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            yield layer
