"""Knowledge distillation (Hinton et al. 2015): soft targets from trained teachers."""

from collections.abc import Mapping

import numpy as np

from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.experiments import Experiment
from fer_lib.io import atomic_write
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import Run
from fer_lib.training.checkpoint import SOFT_TARGETS_FILE


def soft_targets(
    run: Run, experiment: Experiment, others: Mapping[str, Run], images: np.ndarray
) -> np.ndarray:
    """What the experiment's teachers say of images uint8 [n, 48, 48]: the mean of their
    probabilities, float32 [n, 7].

    It takes minutes, so it is kept in the run's folder while the run goes on.
    """
    path = run.folder / SOFT_TARGETS_FILE
    if path.exists():
        return np.load(path)
    probabilities = []
    for number, key in enumerate(experiment.teachers, 1):
        print(f"soft targets of teacher {number} of {len(experiment.teachers)}: {key}", flush=True)
        teacher = load_model(others[key])
        probabilities.append(softmax(predict_logits(teacher, images, experiment.teacher_tta)))
    targets = np.mean(probabilities, axis=0).astype(np.float32)
    with atomic_write(path) as tmp:
        np.save(tmp, targets)
    return targets
