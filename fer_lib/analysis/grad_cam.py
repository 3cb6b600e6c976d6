"""Where a network looks: Grad-CAM, its average by class, and whether what it lights up carries the
answer."""

import keras
import numpy as np

from fer_lib.data.dataset import Dataset, Split
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.data.readers import IMAGE_SIZE
from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.io import read_json, write_json
from fer_lib.paths import RESULTS
from fer_lib.profiles import Profile
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import Run

GRAD_CAM_PATH = RESULTS / "analysis" / "grad_cam.json"
DELETION_PATH = RESULTS / "analysis" / "deletion.json"
GRAD_CAM_EMOTIONS = ("disgust", "fear")
DELETED_FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def grad_cam(network: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017) at the last convolutional map.

    The map's channels, weighted by the gradient of a class's logit, summed, negative values cut to
    0, and scaled to 1 at
    the largest. The map goes through global average pooling, so one gradient with respect to the
    pooled channels serves
    every position; it is worked out backwards through the dense layers, the same on every Keras
    backend.

    Args:
        network: one of `models.MODELS`, in float32. images: uint8 [n, 48, 48]. classes:
            integers [n], the class explained.

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
        By emotion, a list of `hash` (of the image), `answer` (an emotion's name) and `map` (rows of
        numbers, 0–1).

    Raises:
        DataError: the images are not in this copy of the data set.
    """
    network, maps = load_model(run), {}
    for emotion in GRAD_CAM_EMOTIONS:
        rows = run.predictions["private_test"].first_of_class(EMOTION_NAMES.index(emotion), 4)
        hashes, labels, logits = (
            run.predictions[f"private_test_{name}"][rows] for name in ("hashes", "labels", "logits")
        )
        here = dataset.private_test.require(hashes, labels, f"{run.folder}, {emotion},")
        answers = logits.argmax(axis=1)
        found = grad_cam(network, dataset.private_test.images[here], answers)
        maps[emotion] = [
            {"hash": value, "prediction": EMOTION_NAMES[answer], "map": np.round(grid, 4).tolist()}
            for value, answer, grid in zip(
                hashes.tolist(), answers, found.astype(float), strict=True
            )
        ]
    return maps


def record_grad_cam(runs: list[Run], dataset: Dataset) -> None:
    """Write the `sample_maps` of recorded runs to `RECORD`."""
    write_json(GRAD_CAM_PATH, {run.key: sample_maps(run, dataset) for run in runs})


def load_or_compute_maps(runs: dict[str, Run | None], profile: Profile) -> dict[str, dict | None]:
    """Return what the comparison shows, by the runs' titles: the recorded maps, or in `quick` those
    of the runs just trained.

    Args:
        runs: by title; None for a run that is not recorded yet.
    """
    if profile.trains_in_notebooks:
        return {title: sample_maps(run, profile.dataset()) for title, run in runs.items()}
    recorded = read_json(GRAD_CAM_PATH) if GRAD_CAM_PATH.is_file() else {}
    return {title: recorded.get(run.key) if run else None for title, run in runs.items()}


def mean_maps(network: keras.Model, split: Split) -> np.ndarray:
    """Grad-CAM of the true class, averaged over the images of each class: float32 [7, h, w]."""
    maps = grad_cam(network, split.images, split.labels)
    return np.stack(
        [maps[split.labels == label].mean(axis=0) for label in range(len(EMOTION_NAMES))]
    )


def deletion(network: keras.Model, images: np.ndarray) -> dict[str, list[float]]:
    """What is left of a network's certainty when the pixels that Grad-CAM lights up most are taken
    away (after Petsiuk et al. 2018).

    The network's own answer is explained, the map enlarged bilinearly, and the highest share of its
    pixels set to the image's mean. If the
    lit region carries the answer, its probability falls faster than when the pixels are those of a
    random map of the same size.

    Args:
        network: one of `models.MODELS`, in float32. images: uint8 [n, 48, 48].

    Returns:
        `deleted`, shares from 0; `grad_cam` and `random`, at each of them the mean probability of
        the answer given to the whole image.
    """
    probabilities = softmax(predict_logits(network, images))
    answers, rows = probabilities.argmax(axis=1), np.arange(len(images))
    lit = grad_cam(network, images, answers)
    maps = {
        "grad_cam": lit,
        "random": np.random.RandomState(0).uniform(size=lit.shape).astype(np.float32),
    }
    means = images.mean(axis=(1, 2)).round().astype(np.uint8)
    certainty = float(probabilities[rows, answers].mean())
    found = {"fraction_removed": [0.0, *DELETED_FRACTIONS], **{kind: [certainty] for kind in maps}}
    for kind, small in maps.items():
        large = keras.ops.image.resize(
            small[..., None], (IMAGE_SIZE, IMAGE_SIZE), interpolation="bilinear"
        )
        order = np.argsort(
            -keras.ops.convert_to_numpy(large).reshape(len(images), -1), axis=1, kind="stable"
        )
        for share in DELETED_FRACTIONS:
            left = images.reshape(len(images), -1).copy()
            np.put_along_axis(
                left, order[:, : round(share * IMAGE_SIZE**2)], means[:, None], axis=1
            )
            again = softmax(predict_logits(network, left.reshape(images.shape)))
            found[kind].append(float(again[rows, answers].mean()))
    return found


def record_deletion(runs: list[Run], dataset: Dataset) -> None:
    """Write `mean_maps` and `deletion` of recorded runs on PrivateTest to `DELETION_RECORD`, by the
    runs' keys."""
    found = {}
    for run in runs:
        network, private = load_model(run), dataset.private_test
        maps = np.round(mean_maps(network, private).astype(float), 4).tolist()
        found[run.key] = {
            "mean_maps": dict(zip(EMOTION_NAMES, maps, strict=True)),
            "deletion": deletion(network, private.images),
        }
    write_json(DELETION_PATH, found)
