"""Where a network looks: Grad-CAM."""

import keras
import numpy as np

from fer_lib import training
from fer_lib.data import DataError, Dataset
from fer_lib.emotions import NAMES
from fer_lib.files import read_json, write_json
from fer_lib.profiles import RESULTS, Profile
from fer_lib.runs import Run, first_images

RECORD = RESULTS / "analysis" / "grad_cam.json"
EMOTIONS_SHOWN = ("disgust", "fear")


def grad_cam(network: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017) at the last convolutional map.

    The map's channels, weighted by the gradient of a class's logit, summed, negative values cut to 0, and scaled to 1 at
    the largest. The map goes through global average pooling, so one gradient with respect to the pooled channels serves
    every position; it is worked out backwards through the dense layers, the same on every Keras backend.

    Args:
        network: one of `models.MODELS`, in float32. images: uint8 [n, 48, 48]. classes: integers [n], the class explained.

    Returns:
        float32 [n, h, w], 0–1; all 0 where nothing speaks for the class.
    """
    pooling = network.get_layer("average")
    features = keras.Model(network.inputs, pooling.input).predict(images[..., None], verbose=0)
    after = network.layers[network.layers.index(pooling) + 1 :]
    head = [layer for layer in after if isinstance(layer, keras.layers.Dense)]
    values, active = features.mean(axis=(1, 2)), []
    for layer in head[:-1]:  # each a ReLU layer
        values = np.maximum(values @ np.asarray(layer.kernel) + np.asarray(layer.bias), 0)
        active.append(values > 0)
    gradient = np.asarray(head[-1].kernel).T[classes]
    for layer, mask in zip(reversed(head[:-1]), reversed(active), strict=True):
        gradient = (gradient * mask) @ np.asarray(layer.kernel).T
    maps = np.maximum(np.einsum("nhwc,nc->nhw", features, gradient), 0)
    largest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0)


def sample_maps(run: Run, dataset: Dataset) -> dict[str, list[dict]]:
    """Grad-CAM of a run's own answers for its first PrivateTest images of disgust and of fear.

    Returns:
        By emotion, a list of `hash` (of the image), `answer` (an emotion's name) and `map` (rows of numbers, 0–1).

    Raises:
        DataError: the images are not in this copy of the data set.
    """
    network, maps = training.load(run), {}
    where = {value: row for row, value in enumerate(dataset.private_test.hashes.tolist())}
    for emotion in EMOTIONS_SHOWN:
        rows = first_images(run, emotion)
        hashes = run.predictions["private_test_hashes"][rows].tolist()
        answers = run.predictions["private_test_logits"][rows].argmax(axis=1)
        if missing := set(hashes) - where.keys():
            raise DataError(f"{len(missing)} images of {run.folder} are not in this copy of FER2013, pixel for pixel; expected Kaggle's CSV")
        found = grad_cam(network, dataset.private_test.images[[where[value] for value in hashes]], answers)
        maps[emotion] = [
            {"hash": value, "answer": NAMES[answer], "map": np.round(grid, 4).tolist()}
            for value, answer, grid in zip(hashes, answers, found.astype(float), strict=True)
        ]
    return maps


def record(runs: list[Run], dataset: Dataset) -> None:
    """Write the `sample_maps` of recorded runs to `RECORD`."""
    write_json(RECORD, {_key(run): sample_maps(run, dataset) for run in runs})


def _key(run: Run) -> str:
    return f"{run.config['experiment']}/seed-{run.config['seed']}"


def obtain(runs: dict[str, Run | None], profile: Profile) -> dict[str, dict | None]:
    """Return what the comparison shows, by the runs' titles: the recorded maps, or in `quick` those of the runs just trained.

    Args:
        runs: by title; None for a run that is not recorded yet.
    """
    if profile.trains_in_notebooks:
        return {title: sample_maps(run, profile.dataset()) for title, run in runs.items()}
    recorded = read_json(RECORD) if RECORD.is_file() else {}
    return {title: recorded.get(_key(run)) if run else None for title, run in runs.items()}
