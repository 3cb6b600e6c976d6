"""Stochastic weight averaging (Izmailov et al. 2018)."""

from collections.abc import Iterator

import keras
import numpy as np

from fer_lib.experiments import Experiment
from fer_lib.runs.run import Run
from fer_lib.training.batches import TrainSequence
from fer_lib.training.checkpoint import (
    BEST_WEIGHTS_FILE,
    EPOCH_WEIGHTS_FILE,
    save_weights,
    seed_layers,
)


def batch_norm_layers(model: keras.Model) -> Iterator[keras.layers.BatchNormalization]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from batch_norm_layers(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            yield layer


def apply_swa(
    run: Run,
    trainer: keras.Model,
    network: keras.Model,
    batches: TrainSequence,
    seed: int,
    experiment: Experiment,
) -> None:
    """Put the average of the last epochs' weights in the place of the best epoch's.

    The averages that batch normalisation uses belong to no average of weights: they are estimated
    anew, as plain averages
    over one epoch of training's batches.
    """
    last, sums = experiment.epochs, [np.zeros(w.shape) for w in network.get_weights()]
    for epoch in range(last - experiment.swa_epochs, last):
        network.load_weights(run.folder / EPOCH_WEIGHTS_FILE.format(epoch + 1))
        sums = [
            total + np.asarray(w, float)
            for total, w in zip(sums, network.get_weights(), strict=True)
        ]
    network.set_weights([total / experiment.swa_epochs for total in sums])
    normalisations = list(batch_norm_layers(network))
    momenta = [layer.momentum for layer in normalisations]
    batches.start(last)
    seed_layers(trainer, seed, last)
    for step in range(len(batches)):
        for layer in normalisations:
            layer.momentum = step / (step + 1)
        trainer(batches[step][0], training=True)
    for layer, momentum in zip(normalisations, momenta, strict=True):
        layer.momentum = momentum
    save_weights(network, run.folder / BEST_WEIGHTS_FILE)
