"""Optimizer and learning-rate schedule of an experiment."""

import keras

from fer_lib.experiments import Experiment

_NO_WEIGHT_DECAY = ["gamma", "beta", "bias"]  # parts of variable names: only kernels decay


def learning_rate_schedule(
    experiment: Experiment, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return a constant learning rate, or linear warm-up from 0 with cosine decay to 0.

    The decay (Loshchilov & Hutter 2017) ends with the last epoch.

    Args:
        experiment: Its `learning_rate`, `warmup_epochs` and `epochs` are used.
        steps_per_epoch: The number of batches of an epoch.

    Example:
        >>> from fer_lib.experiments import EXPERIMENTS
        >>> schedule = learning_rate_schedule(EXPERIMENTS["se_cnn"], steps_per_epoch=100)
        >>> [round(float(schedule(step)), 3) for step in (0, 100, 200, 11_000)]
        [0.0, 0.025, 0.05, 0.0]
    """
    if experiment.warmup_epochs is None:
        return experiment.learning_rate
    warmup_steps = experiment.warmup_epochs * steps_per_epoch
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=experiment.learning_rate,
        warmup_steps=warmup_steps,
        decay_steps=experiment.epochs * steps_per_epoch - warmup_steps,
    )


def build_optimizer(experiment: Experiment, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Return Adam or SGD with Nesterov momentum, as the experiment says.

    Weight decay is decoupled (Loshchilov & Hutter 2019) and applies to kernels only.

    Args:
        experiment: Its `optimizer` and `weight_decay` are used, and its learning rate.
        steps_per_epoch: The number of batches of an epoch.
    """
    learning_rate = learning_rate_schedule(experiment, steps_per_epoch)
    weight_decay = experiment.weight_decay or None
    optimizer = (
        keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=True, weight_decay=weight_decay)
        if experiment.optimizer == "sgd"
        else keras.optimizers.Adam(learning_rate, weight_decay=weight_decay)
    )
    if weight_decay:
        optimizer.exclude_from_weight_decay(var_names=_NO_WEIGHT_DECAY)
    return optimizer
