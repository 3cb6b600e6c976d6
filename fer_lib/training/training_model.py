"""The model that is trained: augmentation, the experiment's model, and additional losses."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from fer_lib.experiments import Experiment
from fer_lib.models.registry import split_head
from fer_lib.training.augmentation import AUGMENTATIONS
from fer_lib.training.distillation import distillation_targets, mean_probabilities
from fer_lib.training.losses import focal_loss
from fer_lib.training.multitask import VOTE_CLASSES
from fer_lib.training.optimizers import build_optimizer


class TrainingModel(keras.Model):
    """An experiment's model with augmentation, and optionally a FER+ vote head and teachers.

    Images are augmented once; the teachers predict on the same augmented images as the model. The
    loss is

        label_loss((1 − w) · target + w · teachers, logits) + v · cross_entropy(votes, vote logits)

    where w is `distillation_weight` and v is `ferplus_weight`. Votes and teachers are used in
    training only. The experiment's model, whose layers this one shares, is saved and predicts.

    Input: images of any real dtype, [batch, 48, 48, 1], gray levels 0–255. Targets: float32
    [batch, 7]; in training with votes, a dictionary of these as `labels`, `vote_shares`, float32
    [batch, 8], and `vote_weights`, float32 [batch].

    Args:
        model: The experiment's model.
        experiment: Its `augmentation`, `ferplus_weight` and `distillation_weight` are used.
        teachers: Models from `distillation.load_teacher`, for consistent distillation.
    """

    def __init__(
        self, model: keras.Model, experiment: Experiment, teachers: Sequence[keras.Model] = ()
    ):
        super().__init__(name="training_model")
        self.augmentation = AUGMENTATIONS[experiment.augmentation]()
        self.features, self.head = split_head(model)
        self.vote_head = (
            layers.Dense(len(VOTE_CLASSES), dtype="float32", name="ferplus_logits")
            if experiment.ferplus_weight
            else None
        )
        self.teachers = list(teachers)
        self._ferplus_weight = experiment.ferplus_weight
        self._distillation_weight = experiment.distillation_weight
        self._vote_loss = keras.losses.CategoricalCrossentropy(from_logits=True, name="vote_loss")

    def build(self, input_shape):
        self.augmentation.build(input_shape)
        if self.vote_head:
            self.vote_head.build(self.features.output_shape)
        self.built = True

    def augment(self, images):
        """Return an augmented batch, float32."""
        return self.augmentation(ops.cast(images, "float32"), training=True)

    def call(self, images, training=False):
        pixels = self.augment(images) if training else ops.cast(images, "float32")
        features = self.features(pixels, training=training)
        outputs = {"logits": self.head(features)}
        if training and self.vote_head:
            outputs["vote_logits"] = self.vote_head(features)
        if training and self.teachers:
            outputs["teacher_probabilities"] = mean_probabilities(self.teachers, pixels)
        return outputs

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        targets = _label_targets(y)
        if "teacher_probabilities" in y_pred:
            teachers = y_pred["teacher_probabilities"]
            targets = distillation_targets(targets, teachers, self._distillation_weight)
        loss = super().compute_loss(x, targets, y_pred["logits"], sample_weight, training)
        if "vote_logits" in y_pred:
            loss += self._ferplus_weight * self._vote_loss(
                y["vote_shares"], y_pred["vote_logits"], y["vote_weights"]
            )
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, _label_targets(y), y_pred["logits"], sample_weight)

    @property
    def checkpoint_variables(self) -> list:
        """The variables of a checkpoint: all weights but the teachers', and the optimizer's."""
        vote_weights = self.vote_head.weights if self.vote_head else []
        weights = self.features.weights + self.head.weights + vote_weights
        return weights + self.optimizer.variables


def _label_targets(targets):
    return targets["labels"] if isinstance(targets, dict) else targets


def compile_model(
    model: keras.Model,
    experiment: Experiment,
    steps_per_epoch: int,
    teachers: Sequence[keras.Model] = (),
) -> TrainingModel:
    """Compile an experiment's model with its loss and optimizer.

    Args:
        model: The experiment's model.
        experiment: The configuration of loss and optimizer.
        steps_per_epoch: The number of batches of an epoch.
        teachers: Models from `distillation.load_teacher`, if any.

    Returns:
        A training model that shares the layers of `model`.
    """
    training_model = TrainingModel(model, experiment, teachers)
    training_model.compile(
        optimizer=build_optimizer(experiment, steps_per_epoch),
        loss=focal_loss(experiment.focal_gamma, experiment.focal_alpha, experiment.label_smoothing),
        metrics=["accuracy"],
    )
    return training_model
