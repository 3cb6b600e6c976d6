"""Where a network looks: Grad-CAM, its average by class, and whether what it lights up carries the
answer."""

import keras
import numpy as np

from fer_lib import evaluation, networks
from fer_lib.data import Dataset, Split
from fer_lib.emotions import NAMES
from fer_lib.files import read_json, write_json
from fer_lib.formats import SIDE
from fer_lib.profiles import RESULTS, Profile
from fer_lib.runs import Run, first_images

RECORD = RESULTS / "analysis" / "grad_cam.json"
DELETION_RECORD = RESULTS / "analysis" / "deletion.json"
EMOTIONS_SHOWN = ("disgust", "fear")
DELETED_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


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
    network, maps = networks.load(run), {}
    for emotion in EMOTIONS_SHOWN:
        rows = first_images(run, emotion)
        hashes, labels, logits = (
            run.predictions[f"private_test_{name}"][rows] for name in ("hashes", "labels", "logits")
        )
        here = dataset.private_test.require(hashes, labels, f"{run.folder}, {emotion},")
        answers = logits.argmax(axis=1)
        found = grad_cam(network, dataset.private_test.images[here], answers)
        maps[emotion] = [
            {"hash": value, "answer": NAMES[answer], "map": np.round(grid, 4).tolist()}
            for value, answer, grid in zip(
                hashes.tolist(), answers, found.astype(float), strict=True
            )
        ]
    return maps


def record(runs: list[Run], dataset: Dataset) -> None:
    """Write the `sample_maps` of recorded runs to `RECORD`."""
    write_json(RECORD, {run.key: sample_maps(run, dataset) for run in runs})


def obtain(runs: dict[str, Run | None], profile: Profile) -> dict[str, dict | None]:
    """Return what the comparison shows, by the runs' titles: the recorded maps, or in `quick` those
    of the runs just trained.

    Args:
        runs: by title; None for a run that is not recorded yet.
    """
    if profile.trains_in_notebooks:
        return {title: sample_maps(run, profile.dataset()) for title, run in runs.items()}
    recorded = read_json(RECORD) if RECORD.is_file() else {}
    return {title: recorded.get(run.key) if run else None for title, run in runs.items()}


def mean_maps(network: keras.Model, split: Split) -> np.ndarray:
    """Grad-CAM of the true class, averaged over the images of each class: float32 [7, h, w]."""
    maps = grad_cam(network, split.images, split.labels)
    return np.stack([maps[split.labels == label].mean(axis=0) for label in range(len(NAMES))])


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
    probabilities = evaluation.probabilities(networks.predict(network, images))
    answers, rows = probabilities.argmax(axis=1), np.arange(len(images))
    lit = grad_cam(network, images, answers)
    maps = {
        "grad_cam": lit,
        "random": np.random.RandomState(0).uniform(size=lit.shape).astype(np.float32),
    }
    means = images.mean(axis=(1, 2)).round().astype(np.uint8)
    certainty = float(probabilities[rows, answers].mean())
    found = {"deleted": [0.0, *DELETED_SHARES], **{kind: [certainty] for kind in maps}}
    for kind, small in maps.items():
        large = keras.ops.image.resize(small[..., None], (SIDE, SIDE), interpolation="bilinear")
        order = np.argsort(
            -keras.ops.convert_to_numpy(large).reshape(len(images), -1), axis=1, kind="stable"
        )
        for share in DELETED_SHARES:
            left = images.reshape(len(images), -1).copy()
            np.put_along_axis(left, order[:, : round(share * SIDE**2)], means[:, None], axis=1)
            again = evaluation.probabilities(networks.predict(network, left.reshape(images.shape)))
            found[kind].append(float(again[rows, answers].mean()))
    return found


def record_deletion(runs: list[Run], dataset: Dataset) -> None:
    """Write `mean_maps` and `deletion` of recorded runs on PrivateTest to `DELETION_RECORD`, by the
    runs' keys."""
    found = {}
    for run in runs:
        network, private = networks.load(run), dataset.private_test
        maps = np.round(mean_maps(network, private).astype(float), 4).tolist()
        found[run.key] = {
            "mean_maps": dict(zip(NAMES, maps, strict=True)),
            "deletion": deletion(network, private.images),
        }
    write_json(DELETION_RECORD, found)
