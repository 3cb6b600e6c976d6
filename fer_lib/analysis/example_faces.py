"""What models predict for the example faces (`data.example_faces`), and Grad-CAM of it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_lib.analysis.records import recorded_or_computed
from fer_lib.data.example_faces import example_faces
from fer_lib.paths import ANALYSIS
from fer_lib.profiles import Profile
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import Run

EXAMPLES_PATH = ANALYSIS / "example_faces.json"


@dataclass(frozen=True)
class ExamplePredictions:
    """A model's predictions for the example faces, in their order.

    Attributes:
        probabilities: float [n, 7], with the run's own test-time augmentation.
        maps: Grad-CAM of the predicted classes, float [n, h, w], 0–1.
    """

    probabilities: np.ndarray
    maps: np.ndarray


def predict_examples(run: Run) -> dict[str, list]:
    """Predict the example faces with a run's weights.

    Returns:
        The attributes of `ExamplePredictions` by name, rounded, as lists.

    Raises:
        RunError: the run keeps no weights.
    """
    from fer_lib.analysis.grad_cam import grad_cam
    from fer_lib.evaluation.inference import load_model, predict_run

    images, model = np.stack([face.image for face in example_faces()]), load_model(run)
    probabilities = softmax(predict_run(run, images, model=model))
    maps = grad_cam(model, images, probabilities.argmax(axis=1), run.experiment.tta)
    return {
        "probabilities": np.round(probabilities, 5).tolist(),
        "maps": np.round(maps.astype(float), 4).tolist(),
    }


def load_or_predict_examples(
    runs: dict[str, Run | None], profile: Profile, path: Path = EXAMPLES_PATH
) -> dict[str, ExamplePredictions | None]:
    """Return the predictions by title: recorded, or of runs that the notebook trained.

    Args:
        runs: by title; None for a run that is not recorded.
    """
    records = recorded_or_computed(runs, predict_examples, profile, path)
    return {
        title: record
        and ExamplePredictions(**{name: np.array(values) for name, values in record.items()})
        for title, record in records.items()
    }
