"""Training: exact to resume, the same on every Keras backend, and what a run folder is written
by."""

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from fer_lib import baselines
from fer_lib.augmentation import AUGMENTATIONS
from fer_lib.batches import Batches, one_hot, rows_of_share
from fer_lib.data import DataError, Dataset, Split
from fer_lib.emotions import EMOTIONS
from fer_lib.evaluation import probabilities
from fer_lib.experiments import PRETRAINING_NAME, Experiment
from fer_lib.files import ASIDE, read_arrays, read_json, replacing, sha256_of, write_json
from fer_lib.networks import PREDICTION_BATCH, build, load, predict
from fer_lib.profiles import Profile
from fer_lib.runs import (
    HISTORY_COLUMNS,
    WEIGHTS,
    Run,
    RunError,
    find,
    folder_of,
    parts_of,
    write_run,
)

_STATE = "state.npz"
_BEST = "best.weights.h5"
_EPOCH = "epoch-{}.weights.h5"
_TAUGHT = "taught.npy"


def compiled(experiment: Experiment, network: keras.Model, steps_per_epoch: int) -> keras.Model:
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


def train(
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
        others: the runs, with their weights, that `experiment.needs(seed)` names, by key; not
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
    claim(run, start)
    if run.finished:
        return run
    with alone(run):
        if run.finished:  # by another process, since
            return run
        return _train(run, start, experiment, dataset, verbose, others)


@contextmanager
def alone(run: Run) -> Iterator[None]:
    """Keep a second process from the same run. The operating system opens the lock when a process
    ends, however it ends.

    Raises:
        RunError: another process has it.
    """
    lock = FileLock(run.folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{run.folder}: another process is training this run; wait for it, or stop it first"
        ) from None
    try:
        for stale in run.folder.glob(f"{ASIDE}*"):  # of a process that was killed while it wrote
            stale.unlink()
        yield
    finally:
        lock.release()


def _train(
    run: Run,
    start: dict,
    experiment: Experiment,
    dataset: Dataset,
    verbose: int | str,
    others: Mapping[str, Run],
) -> Run:
    seed, training, validation = start["seed"], dataset.training, dataset.public_test
    start |= _taken_up(experiment, seed, others)
    keras.utils.set_random_seed(seed)
    network = build(experiment)
    if source := experiment.start_with(seed):
        take_weights(network, others[source])
    start |= _initial_weights(network, experiment)
    claim(run, start)
    if experiment.training_share < 1:
        rows = rows_of_share(training.labels, experiment.training_share, seed)
        training = Split(training.images[rows], training.labels[rows])
    targets = one_hot(training.labels, len(EMOTIONS))
    if experiment.teachers:
        targets += experiment.teachers_share * (
            _taught(run, experiment, others, training.images) - targets
        )
    batches = Batches(training, targets, experiment, seed)
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


def _taken_up(experiment: Experiment, seed: int, others: Mapping[str, Run]) -> dict:
    """What a record says of the runs that an experiment takes up: the SHA-256 of their weights, and
    of other faces what they were."""
    keys = experiment.needs(seed)
    if not keys:
        return {}
    taken_up = {"weights_sha256_of": {key: sha256_of(others[key].weights) for key in keys}}
    if (source := experiment.start_with(seed)) and (faces := others[source].config.get("faces")):
        taken_up["other_faces"] = faces
    return taken_up


def fit(
    run: Run,
    experiment: Experiment,
    network: keras.Model,
    seed: int,
    batches: Batches,
    validation: tuple[np.ndarray, np.ndarray],
    verbose: int | str,
) -> "Keeper":
    """Train a network, or go on from the last epoch that ended in the run's folder; its best
    weights are kept there.

    Args:
        validation: images uint8 [n, 48, 48], and their targets float32 [n, classes].

    Returns:
        What kept the run: its history, and which epoch is the best.

    Raises:
        RunError: the loss is no number. OSError: the folder cannot be written, or the disk is full.
    """
    trainer = compiled(experiment, network, len(batches))
    trainer.build((None, *batches[0][0].shape[1:]))
    trainer.optimizer.build(trainer.trainable_variables)

    history = _restore(run, trainer)
    keeper = Keeper(run, network, batches, seed, experiment, history)
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
    if experiment.averaged_epochs:
        _average(run, trainer, network, batches, seed, experiment)
    return keeper


def take_weights(network: keras.Model, source: Run) -> None:
    """Start a network from a run's weights, layer by layer. Where the run knew other classes, the
    last layer stays as it is.

    Raises:
        RunError: the run's network has other layers, or keeps no weights.
    """
    given = {layer.name: layer.get_weights() for layer in load(source).layers}
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


def _taught(
    run: Run, experiment: Experiment, others: Mapping[str, Run], images: np.ndarray
) -> np.ndarray:
    """What the experiment's teachers say of images uint8 [n, 48, 48]: the mean of their
    probabilities, float32 [n, 7].

    It takes minutes, so it is kept in the run's folder while the run goes on.
    """
    path = run.folder / _TAUGHT
    if path.exists():
        return np.load(path)
    said = []
    for number, key in enumerate(experiment.teachers, 1):
        print(
            f"teacher {number} of {len(experiment.teachers)}: {key} looks at {len(images):,} images, {experiment.teachers_places}",
            flush=True,
        )
        teacher = others[key]
        said.append(
            probabilities(
                predict(
                    load(teacher),
                    images,
                    teacher.experiment.flip_averaging,
                    experiment.teachers_places,
                )
            )
        )
    taught = np.mean(said, axis=0).astype(np.float32)
    with replacing(path) as aside:
        np.save(aside, taught)
    return taught


def train_by_name(name: str, seed: int, profile: Profile, verbose: int | str = "auto") -> Run:
    """Train an experiment of the table, or the classical baseline, where the profile keeps its
    runs.

    Raises:
        ValueError: there is no experiment of that name.
        DataError: the profile's data set is missing or broken.
        RunError: as `train`.
    """
    experiment = None if name == baselines.HOG else profile.experiment(name)
    dataset = profile.dataset()
    if dataset is None:
        raise DataError("FER2013 is not on this machine; data/README.md says how to get it")
    for note in dataset.notes:
        print(f"note: {note}", flush=True)
    folder = folder_of(profile.training_folder, name, seed)
    if experiment is None:
        start = {
            "experiment": name,
            "seed": seed,
            "profile": profile.name,
            "configuration": baselines.CONFIGURATION,
        }
        claim(Run(folder), {**start, "data_sha256": dataset.sha256})
        return find(profile.training_folder, name, seed) or baselines.train(
            seed, dataset, folder, profile.name
        )
    needs = () if find(profile.training_folder, name, seed) else experiment.needs(seed)
    others = {key: _needed(key, profile, verbose) for key in needs}
    return train(name, experiment, seed, dataset, folder, profile.name, verbose, others)


def _needed(key: str, profile: Profile, verbose: int | str) -> Run:
    """The run with weights that another starts from or is taught by. Where notebooks train, it is
    trained now."""
    name, seed = parts_of(key)
    if profile.trains_in_notebooks:
        if name == PRETRAINING_NAME:
            raise RunError(
                f"the {profile.name} profile trains nothing that starts from other faces: its own are such faces already"
            )
        return train_by_name(name, seed, profile, verbose)
    for root in (profile.results_folder, profile.training_folder):
        if (run := find(root, name, seed)) and run.weights:
            return run
    verb = "pretrain" if name == PRETRAINING_NAME else f"train {name}"
    raise RunError(
        f"{folder_of(profile.training_folder, name, seed)}: not there yet, and what is asked for needs its weights; "
        f"first python -m fer_lib {verb} --seed {seed}"
    )


def obtain(name: str, seed: int, profile: Profile) -> Run | None:
    """Return the run that a notebook shows: the recorded one, or in `quick` one trained now.

    None stands for a run that is not recorded yet. On FER2013 this never trains: that takes hours
    and is asked for by
    name (`python -m fer_lib train`).

    Raises:
        RunError: a record is there in part. As `train_by_name`, where it trains.
    """
    if profile.trains_in_notebooks:
        return train_by_name(name, seed, profile, verbose=2)  # at once, if it was trained before
    run = find(profile.results_folder, name, seed)
    if run is None and (folder := folder_of(profile.results_folder, name, seed)).exists():
        raise RunError(
            f"{folder}: a record that has lost its metrics.json; restore it, or remove the folder"
        )
    return run


def _seed_layers(trainer: keras.Model, seed: int, epoch: int) -> None:
    """Let every random draw of the layers follow from (seed, epoch)."""
    states = [v for v in trainer.variables if v.name == "seed_generator_state"]
    for index, state in enumerate(states):
        words = np.random.SeedSequence([seed, epoch, index]).generate_state(2)
        state.assign((words >> 1).astype(state.dtype))  # 31 bits fit every backend's seed type


class Keeper(keras.callbacks.Callback):
    """Keeps the run on disk after each epoch, and stops when patience ends.

    Keras's own `EarlyStopping` and `BackupAndRestore` forget the best epoch and the state of the
    random layers between
    two processes, and write in place; here both follow from the history and the epoch's number.
    """

    def __init__(
        self,
        run: Run,
        network: keras.Model,
        batches: Batches,
        seed: int,
        experiment: Experiment,
        history: list[dict],
    ):
        super().__init__()
        self._run, self._network, self._batches = run, network, batches
        self._seed, self._experiment, self._history = seed, experiment, history

    @property
    def table(self) -> pd.DataFrame:
        """One row an epoch, `HISTORY_COLUMNS`."""
        return pd.DataFrame(self._history)

    @property
    def best(self) -> int:
        """The position in the history of the lowest validation loss; the first, where it was
        reached twice."""
        return int(np.argmin([row["val_loss"] for row in self._history]))

    @property
    def exhausted(self) -> bool:
        return (
            bool(self._history) and len(self._history) - 1 - self.best >= self._experiment.patience
        )

    def on_epoch_begin(self, epoch, logs=None):
        self._batches.start(epoch)
        _seed_layers(self.model, self._seed, epoch)
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row = {
            "epoch": epoch + 1,
            **logs,
            "learning_rate": rate,
            "seconds": time.perf_counter() - self._began,
        }
        if not np.isfinite([row["loss"], row["val_loss"]]).all():
            raise RunError(
                f"{self._run.folder}: the loss of epoch {row['epoch']} is {row['loss']}, in validation {row['val_loss']}; "
                "a lower learning rate may help"
            )
        self._history.append({column: row[column] for column in HISTORY_COLUMNS})
        # The order matters: killed between these two writes, the epoch is repeated and ends the
        # same.
        if self.best == len(self._history) - 1:
            _save_weights(self._network, self._run.folder / _BEST)
        if epoch >= self._experiment.epochs - self._experiment.averaged_epochs:
            _save_weights(self._network, self._run.folder / _EPOCH.format(epoch + 1))
        _keep(self._run, self.model, self._history)
        if self.exhausted:
            self.model.stop_training = True


def _normalisations(model: keras.Model) -> Iterator[keras.layers.BatchNormalization]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _normalisations(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            yield layer


def _average(
    run: Run,
    trainer: keras.Model,
    network: keras.Model,
    batches: Batches,
    seed: int,
    experiment: Experiment,
) -> None:
    """Put the average of the last epochs' weights in the place of the best epoch's.

    The averages that batch normalisation uses belong to no average of weights: they are estimated
    anew, as plain averages
    over one epoch of training's batches.
    """
    last, sums = experiment.epochs, [np.zeros(w.shape) for w in network.get_weights()]
    for epoch in range(last - experiment.averaged_epochs, last):
        network.load_weights(run.folder / _EPOCH.format(epoch + 1))
        sums = [
            total + np.asarray(w, float)
            for total, w in zip(sums, network.get_weights(), strict=True)
        ]
    network.set_weights([total / experiment.averaged_epochs for total in sums])
    normalisations = list(_normalisations(network))
    momenta = [layer.momentum for layer in normalisations]
    batches.start(last)
    _seed_layers(trainer, seed, last)
    for step in range(len(batches)):
        for layer in normalisations:
            layer.momentum = step / (step + 1)
        trainer(batches[step][0], training=True)
    for layer, momentum in zip(normalisations, momenta, strict=True):
        layer.momentum = momentum
    _save_weights(network, run.folder / _BEST)


def claim(run: Run, start: dict) -> None:
    """Write the run's configuration, or check that what is there is the same; where it is not,
    nothing is written.

    Raises:
        RunError: it is not; the message has both values. ValueError: what is there is no
        experiment's configuration.
    """
    path = run.folder / "config.json"
    written = there = read_json(path) if path.exists() else {}
    if "model" in there.get("configuration", {}):
        there = {**there, "configuration": Experiment.from_dict(there["configuration"]).to_dict()}
    for key, expected in start.items():
        if there.get(key, expected) == expected:
            continue
        if key == "configuration":
            changed = [
                k
                for k in expected.keys() | there[key].keys()
                if there[key].get(k) != expected.get(k)
            ]
            found, expected = ({k: side.get(k) for k in changed} for side in (there[key], expected))
        else:
            found = there[key]
        raise RunError(
            f"{run.folder}: this run began with {key} {found}, now it is {expected}; "
            "copy the experiment's row under a new name, or remove the folder"
        )
    if start.keys() - written.keys():
        write_json(path, {**start, **written})


def _save_weights(network: keras.Model, path: Path) -> None:
    arrays = network.get_weights()
    needed = sum(
        array.nbytes + 8192 for array in arrays
    )  # the file's own bookkeeping is some 3 kB an array
    if (
        shutil.disk_usage(path.parent).free < needed
    ):  # HDF5 crashes the process where the disk fills
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    with replacing(path) as aside:
        network.save_weights(aside)


def _state_variables(trainer: keras.Model) -> list:
    return [*trainer.weights, *trainer.optimizer.variables]


def _keep(run: Run, trainer: keras.Model, history: list[dict]) -> None:
    arrays = {f"v{i:04}": np.asarray(v) for i, v in enumerate(_state_variables(trainer))}
    with replacing(run.folder / _STATE) as aside:
        np.savez(aside, history=np.array(json.dumps(history)), **arrays)
    with replacing(run.folder / "history.csv") as aside:
        pd.DataFrame(history).to_csv(aside, index=False)


def _restore(run: Run, trainer: keras.Model) -> list[dict]:
    """Put the last kept epoch's weights and optimizer in place, and return its history."""
    path = run.folder / _STATE
    if not path.exists():
        return []
    state = read_arrays(path)
    for i, variable in enumerate(_state_variables(trainer)):
        variable.assign(state[f"v{i:04}"])
    return json.loads(str(state["history"]))


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
    run: Run, experiment: Experiment, dataset: Dataset, start: dict, keeper: Keeper, shown: int
) -> Run:
    """Predict with the best weights in half precision and write what makes the run a finished one.

    Args:
        shown: how many images an epoch showed.
    """
    save_half(run, build(experiment, precision="float16", pretrained=False))
    network = build(experiment, precision="float32", pretrained=False)
    network.load_weights(run.folder / WEIGHTS)
    splits = ("public_test", "private_test") if experiment.opens_private_test else ("public_test",)
    logits = {
        name: predict(network, getattr(dataset, name).images, experiment.flip_averaging)
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
    with replacing(
        run.folder / "history.csv"
    ) as aside:  # a kill after the last epoch's state may have left it behind
        history.to_csv(aside, index=False)
    finished = write_run(run.folder, config, logits, dataset)
    clear(run)
    return finished


def save_half(run: Run, network: keras.Model) -> None:
    """Keep a run's best weights in half precision, as `WEIGHTS`.

    Args:
        network: built in float16; it takes the weights.

    Raises:
        RunError: a weight does not fit half precision.
    """
    network.load_weights(run.folder / _BEST)
    if not all(np.isfinite(np.asarray(w, np.float32)).all() for w in network.get_weights()):
        raise RunError(f"{run.folder}: a weight or a running variance does not fit half precision")
    _save_weights(network, run.folder / WEIGHTS)


def clear(run: Run) -> None:
    """Remove what only a run that goes on needs."""
    for kept in (
        _STATE,
        _BEST,
        _TAUGHT,
        *(path.name for path in run.folder.glob(_EPOCH.format("*"))),
    ):
        (run.folder / kept).unlink(missing_ok=True)
