"""Train one experiment with one seed: build, compile, fit, finish.

Training is the same on every Keras backend, and exact to resume: on one machine, with one thread
count and the same library versions, an interrupted run ends in the same digits as an uninterrupted
one, because every random draw follows from (seed, epoch), and weights, optimizer and history are
stored together after each epoch.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import keras

from fer_lib.data.dataset import Dataset, Split
from fer_lib.data.labels import EMOTIONS
from fer_lib.evaluation.inference import PREDICTION_BATCH, load_model, predict_logits
from fer_lib.models.registry import build_model
from fer_lib.runs.run import Run
from fer_lib.training.batches import TrainSequence, one_hot, stratified_subset
from fer_lib.training.checkpoint import (
    CheckpointCallback,
    History,
    remove_checkpoints,
    restore_state,
    save_float16_weights,
    save_history,
    seed_layers,
)
from fer_lib.training.distillation import load_teacher, soft_targets
from fer_lib.training.finish import finish_run
from fer_lib.training.initialization import load_compatible_weights, provenance
from fer_lib.training.locks import check_or_write_config, run_lock
from fer_lib.training.multitask import VoteTargets, load_vote_targets
from fer_lib.training.run_spec import RunSpec
from fer_lib.training.swa import apply_swa
from fer_lib.training.training_model import compile_model

NO_RUNS: Mapping[str, Run] = MappingProxyType({})


def train_run(
    spec: RunSpec,
    dataset: Dataset,
    folder: Path,
    verbose: int | str = "auto",
    dependencies: Mapping[str, Run] = NO_RUNS,
) -> Run:
    """Train a run in `folder`, or continue after the last complete epoch there.

    Fits on Training, validates on PublicTest after each epoch, and keeps the weights of the lowest
    validation loss, or their average with SWA. Predictions are those of the weights in half
    precision; PrivateTest is predicted only where the experiment says so.

    Args:
        spec: what is trained.
        dataset: FER2013, or synthetic faces in its form.
        folder: of the run.
        verbose: as in `keras.Model.fit`.
        dependencies: the runs, with weights, of `spec.experiment.dependencies(spec.seed)`, by key;
            not needed where the run is finished.

    Returns:
        The finished run; at once, if it was finished before.

    Raises:
        RunError: `folder` holds a run of another configuration or on other data, another process
            is training it, a dependency does not fit, or the loss is no number.
        DataError: the experiment uses the FER+ votes, which are missing or broken.
        OSError: the folder cannot be written, or the disk is full; the last checkpoint stays.

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
    check_or_write_config(run, config)
    if run.finished:
        return run
    with run_lock(run):
        if run.finished:  # by another process in the meantime
            return run
        votes = load_vote_targets(dataset) if spec.experiment.ferplus_weight else None
        trainer = Trainer(spec, run, dependencies)
        trainer.build()
        config |= provenance(spec, trainer.network, dependencies)
        if votes:
            config["ferplus_masked_images"] = votes.num_masked
        check_or_write_config(run, config)
        trainer.compile(dataset.training, votes)
        trainer.fit(dataset.public_test, verbose)
        return trainer.finish(config, dataset)


class Trainer:
    """Trains the network of one run.

    Its methods are called in their order: `build`, `compile`, `fit`, and then `finish` for a run on
    FER2013, or `save_weights` for a run on other faces.

    Args:
        spec: what is trained.
        run: whose folder takes checkpoints and weights.
        dependencies: the runs whose weights the experiment needs, by key.
        num_classes: of the images' labels.

    Attributes:
        network: the experiment's model, which is saved and predicts.
        model: the `TrainingModel` around it, which is compiled and fitted.
        batches: the `TrainSequence` of an epoch.
        history: the epochs so far.
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
        self.history = History(spec.experiment.patience)

    def build(self) -> None:
        """Build the network from the seed, or from the weights that the experiment starts from."""
        keras.utils.set_random_seed(self.spec.seed)
        self.network = build_model(self.experiment, num_classes=self.num_classes)
        if key := self.experiment.init_run_key(self.spec.seed):
            load_compatible_weights(self.network, self.dependencies[key])

    def compile(self, training: Split, votes: VoteTargets | None = None) -> None:
        """Prepare the batches of `training`, and compile the training model for them.

        Args:
            votes: the targets of the FER+ head for these images, where it is trained.
        """
        experiment, teachers = self.experiment, []
        if experiment.train_fraction < 1:
            rows = stratified_subset(training.labels, experiment.train_fraction, self.spec.seed)
            training = Split(training.images[rows], training.labels[rows])
            votes = votes and votes[rows]
        targets = one_hot(training.labels, self.num_classes)
        if experiment.consistent_distillation:
            teachers = [load_teacher(self.dependencies[key]) for key in experiment.teachers]
        elif experiment.teachers:
            soft = soft_targets(self.run, experiment, self.dependencies, training.images)
            targets += experiment.distillation_weight * (soft - targets)
        self.batches = TrainSequence(training, targets, experiment, self.spec.seed, votes)
        self.model = compile_model(self.network, experiment, len(self.batches), teachers)
        self.model.build((None, *training.images.shape[1:], 1))
        self.model.optimizer.build(self.model.trainable_variables)

    def fit(self, validation: Split, verbose: int | str = "auto") -> None:
        """Fit for all epochs or until patience ends, from the last complete epoch on."""
        restore_state(self.run, self.model, self.history)
        if len(self.history) < self.experiment.epochs and not self.history.patience_exhausted:
            self.model.fit(
                self.batches,
                validation_data=(
                    validation.images[..., None],
                    one_hot(validation.labels, self.num_classes),
                ),
                validation_batch_size=PREDICTION_BATCH,
                initial_epoch=len(self.history),
                epochs=self.experiment.epochs,
                shuffle=False,  # the batches are in an order drawn from (seed, epoch) already
                callbacks=[CheckpointCallback(self)],
                verbose=verbose,
            )
        if self.experiment.swa_epochs:
            apply_swa(self)

    def seed_epoch(self, epoch: int) -> None:
        """Make every random draw of an epoch follow from (seed, epoch)."""
        self.batches.start_epoch(epoch)
        seed_layers(self.model, self.spec.seed, epoch)

    def save_weights(self) -> None:
        """Write the best weights in half precision, as the run's weights."""
        model = build_model(self.experiment, "float16", False, self.num_classes)
        save_float16_weights(self.run, model)

    def finish(self, config: dict, dataset: Dataset) -> Run:
        """Predict with the best weights in half precision, and write the record of the run."""
        self.save_weights()
        save_history(self.run, self.history)  # a process killed after the last state left it out
        model, experiment = load_model(self.run), self.experiment
        splits = ["public_test"] + ["private_test"] * experiment.evaluate_private_test
        logits = {
            name: predict_logits(model, getattr(dataset, name).images, experiment.tta)
            for name in splits
        }
        seconds = self.history.to_frame()["seconds"]
        config |= {
            "stopped_by": "patience" if self.history.patience_exhausted else "epochs",
            "epochs_run": len(self.history),
            "best_epoch": self.history.best_epoch,
            "hours": round(float(seconds.sum()) / 3600, 3),
            "parameters": model.count_params(),
            "images_per_second": round(self.batches.num_images / float(seconds.median()), 1),
            "keras_backend": keras.backend.backend(),
        }
        run = finish_run(self.run.folder, config, logits, dataset)
        remove_checkpoints(run)
        return run
