"""Train one experiment with one seed: build, compile, fit, finish.

Training works with every Keras backend and resumes exactly: every random draw is determined by seed
and epoch, and weights, optimizer and history are stored together after each epoch. On the same
machine, with the same number of threads and the same library versions, an interrupted run ends in
the same digits as an uninterrupted one.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np

from fer_lib.data.dataset import Dataset, Split
from fer_lib.data.labels import EMOTIONS
from fer_lib.evaluation.inference import PREDICTION_BATCH, load_model, load_weights, predict_logits
from fer_lib.models.registry import build_model
from fer_lib.runs.run import HISTORY_COLUMNS, WEIGHTS_FILE, Run, RunError
from fer_lib.training import checkpoint
from fer_lib.training.batches import TrainSequence, one_hot, stratified_subset
from fer_lib.training.distillation import distillation_targets, load_teacher, soft_targets
from fer_lib.training.initialization import load_compatible_weights, provenance
from fer_lib.training.multitask import load_vote_targets
from fer_lib.training.run_spec import RunSpec, check_or_write_config, finish_run, train_once
from fer_lib.training.swa import average_weights, estimate_batch_norm_statistics
from fer_lib.training.training_model import compile_model

NO_RUNS: Mapping[str, Run] = MappingProxyType({})


def train_run(
    spec: RunSpec,
    dataset: Dataset,
    folder: Path,
    verbose: int | str = "auto",
    dependencies: Mapping[str, Run] = NO_RUNS,
) -> Run:
    """Train a run, or continue it after its last complete epoch.

    The run is fitted on Training and validated on PublicTest after each epoch. It keeps the weights
    of the epoch with the lowest validation loss or, with SWA, the average over the last epochs.
    Predictions are those of the weights in half precision. PrivateTest is predicted only if the
    experiment's `evaluate_private_test` is True.

    Args:
        spec: The experiment and the seed.
        dataset: FER2013, or synthetic faces in the same form.
        folder: The folder of the run.
        verbose: As in `keras.Model.fit`.
        dependencies: The runs of `spec.experiment.dependencies(spec.seed)` by key, with weights.
            They are not needed if the run is finished.

    Returns:
        The finished run. A run that was finished before is returned at once.

    Raises:
        RunError: If `folder` has a run of another configuration or on other data, if another
            process is training it, if a dependency does not fit, or if the loss is NaN or infinite.
        DataError: If the experiment uses the FER+ votes and they are missing or broken.
        OSError: If the folder cannot be written or the disk is full. The last checkpoint remains.

    Example:
        >>> from fer_lib.data.dataset import load_dataset
        >>> from fer_lib.experiments import EXPERIMENTS
        >>> spec = RunSpec("custom_cnn", EXPERIMENTS["custom_cnn"], seed=0)
        >>> train_run(spec, load_dataset(), Path("my_run"))  # doctest: +SKIP
    """
    run = Run(folder)
    config = {**spec.to_dict(), "data_sha256": dataset.sha256}
    if dataset.public_test_drawn:
        config["public_test_drawn"] = True

    def train() -> None:
        votes = load_vote_targets(dataset) if spec.experiment.ferplus_weight else {}
        trainer = Trainer(spec, run, dependencies)
        details = provenance(spec, trainer.network, dependencies)
        if votes:
            details["ferplus_masked_images"] = int((votes["vote_weights"] == 0).sum())
        check_or_write_config(run, config | details)
        trainer.compile(dataset.training, votes)
        trainer.fit(dataset.public_test, verbose)
        trainer.finish(config | details, dataset)

    return train_once(run, config, train)


class Trainer:
    """Trains the network of one run.

    The network is built with random weights from the seed, or with the weights that the experiment
    starts from. Call `compile`, then `fit`, then `finish` for a run on FER2013 or `save_weights`
    for a run on other faces.

    Args:
        spec: The experiment and the seed.
        run: The run, whose folder receives checkpoints and weights.
        dependencies: The runs whose weights the experiment needs, by key.
        num_classes: The number of classes of the labels.

    Attributes:
        network: The experiment's model, which is saved and predicts.
        model: The `TrainingModel` that wraps it and is compiled and fitted.
        batches: The `TrainSequence` of an epoch.
        history: The epochs so far.
    """

    def __init__(
        self,
        spec: RunSpec,
        run: Run,
        dependencies: Mapping[str, Run] = NO_RUNS,
        num_classes: int = len(EMOTIONS),
    ):
        self.spec, self.run, self.dependencies = spec, run, dependencies
        self.experiment, self.num_classes = spec.experiment, num_classes
        self.history = checkpoint.History(spec.experiment.patience)
        keras.utils.set_random_seed(spec.seed)
        self.network = build_model(spec.experiment, num_classes=num_classes)
        if key := spec.experiment.init_run_key(spec.seed):
            load_compatible_weights(self.network, dependencies[key])

    def compile(
        self, training: Split, votes: Mapping[str, np.ndarray] = MappingProxyType({})
    ) -> None:
        """Prepare the batches and targets of Training, and compile the training model.

        Args:
            training: The images to fit.
            votes: The targets of the FER+ head for these images (`multitask.vote_targets`), empty
                without one.
        """
        experiment, teachers = self.experiment, []
        if experiment.train_fraction < 1:
            rows = stratified_subset(training.labels, experiment.train_fraction, self.spec.seed)
            training = training[rows]
            votes = {name: values[rows] for name, values in votes.items()}
        targets = one_hot(training.labels, self.num_classes)
        if experiment.consistent_distillation:
            teachers = [load_teacher(self.dependencies[key]) for key in experiment.teachers]
        elif experiment.teachers:
            soft = soft_targets(self.run, experiment, self.dependencies, training.images)
            targets = distillation_targets(targets, soft, experiment.distillation_weight)
        self.batches = TrainSequence(training, targets, experiment, self.spec.seed, votes)
        self.model = compile_model(self.network, experiment, len(self.batches), teachers)
        self.model.build((None, *training.images.shape[1:], 1))
        self.model.optimizer.build(self.model.trainable_variables)

    def fit(self, validation: Split, verbose: int | str = "auto") -> None:
        """Fit from the last complete epoch on, and average weights if the experiment uses SWA."""
        checkpoint.restore_state(self.run, self.model.checkpoint_variables, self.history)
        if len(self.history) < self.experiment.epochs and not self.history.patience_exhausted:
            self.fit_epochs(validation, verbose)
        if self.experiment.swa_epochs:
            self.average_last_epochs()

    def fit_epochs(self, validation: Split, verbose: int | str = "auto") -> None:
        """Fit on Training, and validate on PublicTest after each epoch."""
        images = validation.images[..., None]
        self.model.fit(
            self.batches,
            validation_data=(images, one_hot(validation.labels, self.num_classes)),
            validation_batch_size=PREDICTION_BATCH,
            initial_epoch=len(self.history),
            epochs=self.experiment.epochs,
            shuffle=False,  # the batches are in an order drawn from (seed, epoch) already
            callbacks=[CheckpointCallback(self)],  # keeps the best epoch, and stops early
            verbose=verbose,
        )

    def average_last_epochs(self) -> None:
        """Replace the best weights by the mean of those after the last `swa_epochs` epochs."""
        epochs, folder = self.experiment.epochs, self.run.folder
        averaged = range(epochs - self.experiment.swa_epochs + 1, epochs + 1)
        files = [folder / checkpoint.EPOCH_WEIGHTS_FILE.format(epoch) for epoch in averaged]
        average_weights(self.network, files)
        self.seed_epoch(epochs)
        estimate_batch_norm_statistics(self.model, self.batches)
        checkpoint.save_weights(self.network, folder / checkpoint.BEST_WEIGHTS_FILE)

    def seed_epoch(self, epoch: int) -> None:
        """Seed every random draw of an epoch from (seed, epoch)."""
        self.batches.start_epoch(epoch)
        checkpoint.seed_layers(self.model, self.spec.seed, epoch)

    def save_weights(self) -> None:
        """Write the best weights, in half precision, as the weights of the run.

        Raises:
            RunError: If the best weights are damaged, or out of the range of half precision.
        """
        folder = self.run.folder
        model = build_model(self.experiment, "float16", False, self.num_classes)
        load_weights(model, folder / checkpoint.BEST_WEIGHTS_FILE)
        if not all(np.isfinite(np.asarray(w, np.float32)).all() for w in model.get_weights()):
            raise RunError(f"{folder}: a weight or a moving variance does not fit half precision")
        checkpoint.save_weights(model, folder / WEIGHTS_FILE)

    def finish(self, config: dict, dataset: Dataset) -> None:
        """Predict with the best weights in half precision, and write the record of the run."""
        self.save_weights()
        # A process that was killed after the last state has not written the history.
        checkpoint.save_history(self.run, self.history)
        model, experiment = load_model(self.run), self.experiment
        splits = ["public_test"] + ["private_test"] * experiment.evaluate_private_test
        logits = {
            name: predict_logits(model, getattr(dataset, name).images, experiment.tta)
            for name in splits
        }
        seconds = [row["seconds"] for row in self.history.rows]
        outcome = {
            "stopped_by": "patience" if self.history.patience_exhausted else "epochs",
            "epochs_run": len(self.history),
            "best_epoch": self.history.best_epoch,
            "hours": round(sum(seconds) / 3600, 3),
            "parameters": model.count_params(),
            "images_per_second": round(self.batches.num_images / float(np.median(seconds)), 1),
            "keras_backend": keras.backend.backend(),
        }
        finish_run(self.run.folder, config | outcome, logits, dataset)
        checkpoint.remove_checkpoints(self.run)


class CheckpointCallback(keras.callbacks.Callback):
    """Writes a checkpoint after each epoch, and stops training when patience is exhausted.

    Keras's `EarlyStopping` and `BackupAndRestore` write in place and lose the best epoch and the
    state of random layers when a process ends. Here both are derived from the history and the
    epoch.
    """

    def __init__(self, trainer: Trainer):
        super().__init__()
        self._trainer = trainer

    def on_epoch_begin(self, epoch, logs=None):
        self._trainer.seed_epoch(epoch)
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        trainer, history, run = self._trainer, self._trainer.history, self._trainer.run
        row = {
            "epoch": epoch + 1,
            **logs,
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": time.perf_counter() - self._start,
        }
        if not np.isfinite([row["loss"], row["val_loss"]]).all():
            raise RunError(
                f"{run.folder}: the loss of epoch {row['epoch']} is {row['loss']}, in "
                f"validation {row['val_loss']}; a lower learning rate may help"
            )
        history.rows.append({column: row[column] for column in HISTORY_COLUMNS})
        # The state is written last: a process killed before it repeats the epoch to the same end.
        if history.best_epoch == len(history):
            checkpoint.save_weights(trainer.network, run.folder / checkpoint.BEST_WEIGHTS_FILE)
        if epoch >= trainer.experiment.epochs - trainer.experiment.swa_epochs:
            name = checkpoint.EPOCH_WEIGHTS_FILE.format(epoch + 1)
            checkpoint.save_weights(trainer.network, run.folder / name)
        checkpoint.save_state(run, self.model.checkpoint_variables, history)
        self.model.stop_training |= history.patience_exhausted
