"""Knowledge distillation (Hinton et al. 2015) with the teachers' probabilities as soft targets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from fer_lib.data.labels import EMOTIONS
from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.experiments import Experiment
from fer_lib.io import atomic_write
from fer_lib.models.registry import split_head
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import Run
from fer_lib.training.checkpoint import SOFT_TARGETS_FILE


def soft_targets(
    run: Run, experiment: Experiment, dependencies: Mapping[str, Run], images: np.ndarray
) -> np.ndarray:
    """Return the mean probabilities of an experiment's teachers.

    Computing them takes minutes, so they are stored in the folder of the student's run until it is
    finished.

    Args:
        run: The student's run.
        experiment: Its `teachers` and `teacher_tta` are used.
        dependencies: The teachers' runs, by key.
        images: uint8 [n, 48, 48], not augmented.

    Returns:
        float32 [n, 7].
    """
    path = run.folder / SOFT_TARGETS_FILE
    if (stored := _stored_targets(path, len(images))) is not None:
        return stored
    probabilities = []
    for number, key in enumerate(experiment.teachers, 1):
        print(f"soft targets of teacher {number} of {len(experiment.teachers)}: {key}", flush=True)
        teacher = load_model(dependencies[key])
        probabilities.append(softmax(predict_logits(teacher, images, experiment.teacher_tta)))
    targets = np.mean(probabilities, axis=0).astype(np.float32)
    with atomic_write(path) as tmp:
        np.save(tmp, targets)
    return targets


def _stored_targets(path: Path, n: int) -> np.ndarray | None:
    """The stored targets of n images; None where there are none, or the file is damaged."""
    try:
        targets = np.load(path)
    except (OSError, ValueError, EOFError):
        return None
    is_sound = targets.shape == (n, len(EMOTIONS)) and targets.dtype == np.float32
    return targets if is_sound and np.isfinite(targets).all() else None


def distillation_targets(labels, teacher_probabilities, weight: float):
    """Mix labels with the teachers' probabilities: (1 − w) · labels + w · probabilities.

    The student's loss is cross-entropy against these targets. NumPy arrays and Keras tensors give
    the same.

    Args:
        labels: one-hot labels, float32 [n, classes].
        teacher_probabilities: the mean over the teachers, float32 [n, classes].
        weight: w, `Experiment.distillation_weight`.

    Example:
        >>> distillation_targets(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]]), 0.8).round(2)
        array([[0.6, 0.4]])
    """
    return labels + weight * (teacher_probabilities - labels)


def load_teacher(run: Run) -> keras.Model:
    """Return a frozen teacher for consistent distillation (Beyer et al. 2022).

    It takes images of any size, because augmentation may crop them, and computes in the precision
    it was trained in, which on a GPU is several times as fast as float32.

    Args:
        run: The teacher's run.

    Returns:
        A model from images, float32 [batch, height, width, 1], to logits.

    Raises:
        RunError: If the run has no weights.
    """
    features, head = split_head(load_model(run, run.experiment.dtype_policy))
    teacher = keras.Model(features.inputs[0], head(features.outputs[0]))
    teacher.trainable = False
    return teacher


def mean_probabilities(teachers: Sequence[keras.Model], images):
    """Return the mean of the teachers' probabilities.

    The teachers run in inference mode, and no gradient flows through them.

    Args:
        teachers: Models from `load_teacher`.
        images: The augmented batch, float32 [batch, height, width, 1].

    Returns:
        A tensor, float32 [batch, classes].
    """
    probabilities = [
        ops.softmax(ops.cast(teacher(images, training=False), "float32")) for teacher in teachers
    ]
    return ops.stop_gradient(sum(probabilities) / len(probabilities))
