"""Training: exact to resume, the same on every Keras backend, and what a run folder is written
by."""

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np

from fer_lib.data.dataset import Dataset, Split
from fer_lib.data.labels import EMOTIONS
from fer_lib.evaluation.inference import PREDICTION_BATCH, load_model, predict_logits
from fer_lib.experiments import Experiment
from fer_lib.io import atomic_write, sha256_of
from fer_lib.models.registry import build_model
from fer_lib.runs.run import WEIGHTS_FILE, Run, RunError
from fer_lib.training.augmentation import AUGMENTATIONS
from fer_lib.training.batches import TrainSequence, one_hot, stratified_subset
from fer_lib.training.checkpoint import (
    CheckpointCallback,
    check_or_write_config,
    remove_checkpoints,
    restore_state,
    run_lock,
    save_float16_weights,
)
from fer_lib.training.distillation import soft_targets
from fer_lib.training.finish import finish_run
from fer_lib.training.swa import apply_swa


def compile_model(
    experiment: Experiment, network: keras.Model, steps_per_epoch: int
) -> keras.Model:
    """Return `network` behind its experiment's augmentation, compiled to be trained as the
    experiment says."""
    # A plain stack is taken layer by layer: unlike the network as a whole, its layers take pictures
    # of any size.
    parts = network.layers if isinstance(network, keras.Sequential) else [network]
    trainer = keras.Sequential([AUGMENTATIONS[experiment.augmentation](), *parts])
    loss = keras.losses.CategoricalFocalCrossentropy(
        experiment.focal_alpha,
        experiment.focal_gamma,
        from_logits=True,
        label_smoothing=experiment.label_smoothing,
        name="focal_loss",
    )
    trainer.compile(_optimizer(experiment, steps_per_epoch), loss, metrics=["accuracy"])
    return trainer


def _optimizer(experiment: Experiment, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    rate = experiment.learning_rate
    if experiment.warmup_epochs is not None:
        warmup = experiment.warmup_epochs * steps_per_epoch
        rate = keras.optimizers.schedules.CosineDecay(
            0.0,
            experiment.epochs * steps_per_epoch - warmup,
            warmup_target=rate,
            warmup_steps=warmup,
        )
    kinds = {
        "adam": keras.optimizers.Adam,
        "sgd": partial(keras.optimizers.SGD, momentum=0.9, nesterov=True),
    }
    optimizer = kinds[experiment.optimizer](rate, weight_decay=experiment.weight_decay or None)
    if experiment.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer


def train_run(
    name: str,
    experiment: Experiment,
    seed: int,
    dataset: Dataset,
    folder: Path,
    profile: str,
    verbose: int | str = "auto",
    others: Mapping[str, Run] = MappingProxyType({}),
) -> Run:
    """Train one experiment with one seed in `folder`, or go on from the last epoch that ended
    there.

    Fits on Training and validates on PublicTest after each epoch; stops after `patience` epochs
    without a lower validation
    loss, keeps the weights of the lowest, and predicts with them in half precision. PrivateTest is
    predicted only where
    the experiment says so. On one machine, with one thread count and the same library versions, an
    interrupted run ends
    in the same digits as an unbroken one: every random draw follows from (seed, epoch), and
    weights, optimizer and
    history change place in one rename.

    Args:
        name: the experiment's name, for the record. profile: `full` or `quick`, likewise.
        verbose: as in `keras.Model.fit`.
        others: the runs, with their weights, that `experiment.dependencies(seed)` names, by key; not
            asked for where the run is finished.

    Returns:
        The finished run; at once, if it was finished before.

    Raises:
        RunError: `folder` holds a run of another configuration or of other data, or another process
        trains it now.
        OSError: the folder cannot be written, or the disk is full; what was kept before stays.
    """
    run = Run(folder)
    start = {
        "experiment": name,
        "seed": seed,
        "profile": profile,
        "configuration": experiment.to_dict(),
        "data_sha256": dataset.sha256,
        **({"public_test_drawn": True} if dataset.public_test_drawn else {}),
    }
    check_or_write_config(run, start)
    if run.finished:
        return run
    with run_lock(run):
        if run.finished:  # by another process, since
            return run
        return _train(run, start, experiment, dataset, verbose, others)


def _train(
    run: Run,
    start: dict,
    experiment: Experiment,
    dataset: Dataset,
    verbose: int | str,
    others: Mapping[str, Run],
) -> Run:
    seed, training, validation = start["seed"], dataset.training, dataset.public_test
    start |= _provenance(experiment, seed, others)
    keras.utils.set_random_seed(seed)
    network = build_model(experiment)
    if source := experiment.init_run_key(seed):
        load_compatible_weights(network, others[source])
    start |= _initial_weights(network, experiment)
    check_or_write_config(run, start)
    if experiment.train_fraction < 1:
        rows = stratified_subset(training.labels, experiment.train_fraction, seed)
        training = Split(training.images[rows], training.labels[rows])
    targets = one_hot(training.labels, len(EMOTIONS))
    if experiment.teachers:
        targets += experiment.distillation_weight * (
            soft_targets(run, experiment, others, training.images) - targets
        )
    batches = TrainSequence(training, targets, experiment, seed)
    keeper = fit(
        run,
        experiment,
        network,
        seed,
        batches,
        (validation.images, one_hot(validation.labels, len(EMOTIONS))),
        verbose,
    )
    return _finish(run, experiment, dataset, start, keeper, len(training))


def _provenance(experiment: Experiment, seed: int, others: Mapping[str, Run]) -> dict:
    """What a record says of the runs that an experiment takes up: the SHA-256 of their weights, and
    of other faces what they were."""
    keys = experiment.dependencies(seed)
    if not keys:
        return {}
    taken_up = {"dependency_weights_sha256": {key: sha256_of(others[key].weights) for key in keys}}
    if (source := experiment.init_run_key(seed)) and (faces := others[source].config.get("faces")):
        taken_up["pretraining"] = faces
    return taken_up


def fit(
    run: Run,
    experiment: Experiment,
    network: keras.Model,
    seed: int,
    batches: TrainSequence,
    validation: tuple[np.ndarray, np.ndarray],
    verbose: int | str,
) -> CheckpointCallback:
    """Train a network, or go on from the last epoch that ended in the run's folder; its best
    weights are kept there.

    Args:
        validation: images uint8 [n, 48, 48], and their targets float32 [n, classes].

    Returns:
        What kept the run: its history, and which epoch is the best.

    Raises:
        RunError: the loss is no number. OSError: the folder cannot be written, or the disk is full.
    """
    trainer = compile_model(experiment, network, len(batches))
    trainer.build((None, *batches[0][0].shape[1:]))
    trainer.optimizer.build(trainer.trainable_variables)

    history = restore_state(run, trainer)
    keeper = CheckpointCallback(run, network, batches, seed, experiment, history)
    if not keeper.exhausted and len(history) < experiment.epochs:
        trainer.fit(
            batches,
            validation_data=(validation[0][..., None], validation[1]),
            validation_batch_size=PREDICTION_BATCH,
            initial_epoch=len(history),
            epochs=experiment.epochs,
            shuffle=False,  # the batches are shuffled by (seed, epoch) already
            callbacks=[keeper],
            verbose=verbose,
        )
    if experiment.swa_epochs:
        apply_swa(run, trainer, network, batches, seed, experiment)
    return keeper


def load_compatible_weights(network: keras.Model, source: Run) -> None:
    """Start a network from a run's weights, layer by layer. Where the run knew other classes, the
    last layer stays as it is.

    Raises:
        RunError: the run's network has other layers, or keeps no weights.
    """
    given = {layer.name: layer.get_weights() for layer in load_model(source).layers}
    if odd := {layer.name for layer in network.layers} ^ given.keys():
        raise RunError(
            f"{source.folder}: its network does not fit: only one of the two has {', '.join(sorted(odd))}"
        )
    for layer in network.layers:
        if layer.name == "logits" and "classes" in source.config:
            continue
        shapes = [w.shape for w in layer.get_weights()]
        if (found := [w.shape for w in given[layer.name]]) != shapes:
            raise RunError(
                f"{source.folder}: its network does not fit: {layer.name} has weights of {found}, expected {shapes}"
            )
        layer.set_weights(given[layer.name])


def _initial_weights(network: keras.Model, experiment: Experiment) -> dict[str, str | None]:
    """SHA-256 over the values of all initial weights, variable by variable, and over those of the
    pretrained base."""

    def sha256(model: keras.Model) -> str:
        return hashlib.sha256(
            b"".join(np.asarray(w, np.float32).tobytes() for w in model.get_weights())
        ).hexdigest()

    bases = [layer for layer in network.layers if isinstance(layer, keras.Model)]
    pretrained = sha256(bases[0]) if experiment.model_options.get("weights") else None
    return {"initial_weights_sha256": sha256(network), "pretrained_weights_sha256": pretrained}


def _finish(
    run: Run,
    experiment: Experiment,
    dataset: Dataset,
    start: dict,
    keeper: CheckpointCallback,
    shown: int,
) -> Run:
    """Predict with the best weights in half precision and write what makes the run a finished one.

    Args:
        shown: how many images an epoch showed.
    """
    save_float16_weights(run, build_model(experiment, dtype_policy="float16", pretrained=False))
    network = build_model(experiment, dtype_policy="float32", pretrained=False)
    network.load_weights(run.folder / WEIGHTS_FILE)
    splits = (
        ("public_test", "private_test") if experiment.evaluate_private_test else ("public_test",)
    )
    logits = {
        name: predict_logits(network, getattr(dataset, name).images, experiment.tta)
        for name in splits
    }
    history = keeper.table
    seconds = history["seconds"]
    config = {
        **start,
        "stopped_by": "patience" if keeper.exhausted else "epochs",
        "epochs_run": len(history),
        "best_epoch": keeper.best + 1,
        "hours": round(float(seconds.sum()) / 3600, 3),
        "parameters": network.count_params(),
        "images_per_second": round(shown / float(seconds.median()), 1),
        "keras_backend": keras.backend.backend(),
    }
    with atomic_write(
        run.folder / "history.csv"
    ) as aside:  # a kill after the last epoch's state may have left it behind
        history.to_csv(aside, index=False)
    finished = finish_run(run.folder, config, logits, dataset)
    remove_checkpoints(run)
    return finished
