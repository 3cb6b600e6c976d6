"""Grad-CAM: its maps, their mean by class, and a deletion test of them.

A run is explained as it predicts, with its test-time augmentation: the class is the one that it
predicts, and the map is the mean over the views.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fer_lib.analysis.records import recorded_or_computed, records_of
from fer_lib.data.dataset import Dataset, Split
from fer_lib.data.labels import EMOTION_NAMES, IMAGE_SIZE
from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.paths import ANALYSIS
from fer_lib.profiles import Profile
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import Run
from fer_lib.tta import NO_TTA, views

if TYPE_CHECKING:
    import keras

GRAD_CAM_PATH = ANALYSIS / "grad_cam.json"
DELETION_PATH = ANALYSIS / "deletion.json"
GRAD_CAM_EMOTIONS = ("disgust", "fear")
SAMPLES_PER_EMOTION = 4
DELETED_FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def grad_cam(
    model: "keras.Model", images: np.ndarray, classes: np.ndarray, tta: str = NO_TTA
) -> np.ndarray:
    """Return Grad-CAM (Selvaraju et al. 2017) at the last feature maps.

    The maps are weighted by the gradient of a class's logit, summed, cut off at 0, and averaged
    over the views of a TTA scheme, with those of mirrored views mirrored back (shifts are smaller
    than a cell of the map). The result is scaled to 1 at its largest.

    Args:
        model: one of `models.registry.MODELS`, in float32. It ends in global average pooling and
            dense layers, the hidden ones with ReLU.
        images: uint8 [n, 48, 48].
        classes: integers [n], the class explained.
        tta: one of `tta.SCHEMES`.

    Returns:
        float32 [n, h, w], 0–1; all 0 where no channel supports the class.

    Raises:
        ValueError: the model has another kind of layer after the pooling.
    """
    import keras  # takes seconds

    from fer_lib.models.registry import pooling_layer

    pooling = pooling_layer(model)
    extractor = keras.Model(model.inputs, pooling.input)
    dense = _dense_layers(model, pooling)
    total = 0
    for view in views(tta):
        features = extractor.predict(view(images)[..., None], verbose=0)
        weights = _logit_gradient(dense, features.mean(axis=(1, 2)), classes)
        maps = np.maximum(np.einsum("nhwc,nc->nhw", features, weights), 0)
        total = total + (maps[:, :, ::-1] if view.flip else maps)
    largest = total.max(axis=(1, 2), keepdims=True)
    return np.divide(total, largest, out=np.zeros_like(total), where=largest > 0)


def _dense_layers(
    model: "keras.Model", pooling: "keras.layers.Layer"
) -> "list[keras.layers.Dense]":
    import keras

    head = model.layers[model.layers.index(pooling) + 1 :]
    for layer in head:
        if not isinstance(layer, keras.layers.Dense | keras.layers.Dropout):
            raise ValueError(f"{layer.name}: Grad-CAM knows dense layers and dropout after pooling")
    return [layer for layer in head if isinstance(layer, keras.layers.Dense)]


def _logit_gradient(dense: list, pooled: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The gradient of each image's class logit with respect to its pooled channels, float32 [n, c].

    Backpropagated by hand through the dense layers, which is the same on every Keras backend. As
    the channels are averaged, one gradient serves every position of the map.
    """
    active = []
    for layer in dense[:-1]:
        pooled = np.maximum(pooled @ np.asarray(layer.kernel) + np.asarray(layer.bias), 0)
        active.append(pooled > 0)
    gradient = np.asarray(dense[-1].kernel).T[classes]
    for layer, mask in zip(reversed(dense[:-1]), reversed(active), strict=True):
        gradient = (gradient * mask) @ np.asarray(layer.kernel).T
    return gradient


def sample_maps(run: Run, dataset: Dataset) -> dict[str, list[dict]]:
    """Return Grad-CAM of a run's predicted classes for some PrivateTest images of two emotions.

    They are the first images of each emotion in `GRAD_CAM_EMOTIONS`.

    Returns:
        By emotion, a list of `hash` (of the image), `prediction` (an emotion's name) and `map`
        (rows of numbers, 0–1).

    Raises:
        DataError: the images are not in this copy of the data set.
    """
    model, private, maps = load_model(run), run.predictions["private_test"], {}
    for emotion in GRAD_CAM_EMOTIONS:
        label = EMOTION_NAMES.index(emotion)
        sample = private[private.first_of_class(label, SAMPLES_PER_EMOTION)]
        rows = dataset.private_test.require(
            sample.hashes, sample.labels, f"{run.folder}, {emotion},"
        )
        images = dataset.private_test.images[rows]
        explained = _rounded(grad_cam(model, images, sample.predicted, run.experiment.tta))
        maps[emotion] = [
            {"hash": image_hash, "prediction": EMOTION_NAMES[predicted], "map": values}
            for image_hash, predicted, values in zip(
                sample.hashes.tolist(), sample.predicted, explained, strict=True
            )
        ]
    return maps


def _rounded(values: np.ndarray) -> list:
    return np.round(values.astype(float), 4).tolist()


def load_or_compute_maps(
    runs: dict[str, Run | None], profile: Profile, path: Path = GRAD_CAM_PATH
) -> dict[str, dict | None]:
    """Return `sample_maps` by the runs' titles: recorded, or of runs that the notebook trained.

    Args:
        runs: by title; None for a run that is not recorded.
    """
    dataset = profile.dataset() if profile.trains_in_notebooks else None
    return recorded_or_computed(runs, partial(sample_maps, dataset=dataset), profile, path)


def mean_maps(model: "keras.Model", split: Split, tta: str = NO_TTA) -> np.ndarray:
    """Return Grad-CAM of the true class, averaged by class: float32 [7, h, w]."""
    maps, classes = grad_cam(model, split.images, split.labels, tta), range(len(EMOTION_NAMES))
    return np.stack([maps[split.labels == label].mean(axis=0) for label in classes])


def deletion_test(
    model: "keras.Model", images: np.ndarray, tta: str = NO_TTA
) -> dict[str, list[float]]:
    """Delete the pixels that Grad-CAM marks, and follow the predicted class's probability.

    After Petsiuk et al. (2018). The predicted class is explained, the map enlarged bilinearly, and
    its highest pixels set to the image's mean. If they carry the prediction, its probability falls
    faster than with the pixels of a random map of the same size.

    Args:
        model: as `grad_cam`.
        images: uint8 [n, 48, 48].
        tta: the scheme of every prediction and of the maps.

    Returns:
        `fraction_removed`, from 0; `grad_cam` and `random`, at each of these the mean probability
        of the class predicted for the whole image.
    """
    probabilities = softmax(predict_logits(model, images, tta))
    predicted, rows = probabilities.argmax(axis=1), np.arange(len(images))
    maps = grad_cam(model, images, predicted, tta)
    random = np.random.RandomState(0).uniform(size=maps.shape).astype(np.float32)
    curves = {"fraction_removed": [0.0, *DELETED_FRACTIONS]}
    for name, values in (("grad_cam", maps), ("random", random)):
        order = _pixel_order(values)
        curves[name] = [float(probabilities[rows, predicted].mean())]
        for fraction in DELETED_FRACTIONS:
            deleted = _delete(images, order[:, : round(fraction * IMAGE_SIZE**2)])
            left = softmax(predict_logits(model, deleted, tta))[rows, predicted]
            curves[name].append(float(left.mean()))
    return curves


def _pixel_order(maps: np.ndarray) -> np.ndarray:
    """Pixel indices int [n, 48 · 48] by descending value of maps [n, h, w], enlarged."""
    import keras

    large = keras.ops.image.resize(
        maps[..., None], (IMAGE_SIZE, IMAGE_SIZE), interpolation="bilinear"
    )
    values = keras.ops.convert_to_numpy(large).reshape(len(maps), -1)
    return np.argsort(-values, axis=1, kind="stable")


def _delete(images: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """The images with some pixels of each, by index [n, k], set to the image's mean."""
    means = images.mean(axis=(1, 2)).round().astype(np.uint8)
    flat = images.reshape(len(images), -1).copy()
    np.put_along_axis(flat, pixels, means[:, None], axis=1)
    return flat.reshape(images.shape)


def deletion_of(run: Run, dataset: Dataset) -> dict[str, dict]:
    """Return `mean_maps`, by emotion, and the `deletion` test of a run on PrivateTest."""
    private, model, tta = dataset.private_test, load_model(run), run.experiment.tta
    maps = _rounded(mean_maps(model, private, tta))
    return {
        "mean_maps": dict(zip(EMOTION_NAMES, maps, strict=True)),
        "deletion": deletion_test(model, private.images, tta),
    }


def recorded_mean_maps(
    runs: dict[str, Run | None], path: Path = DELETION_PATH
) -> dict[str, dict[str, list]]:
    """Return the recorded `mean_maps` by title, then emotion, of the runs that have a record."""
    return {title: record["mean_maps"] for title, record in records_of(runs, path).items()}


def deletion_curves(runs: dict[str, Run | None], path: Path = DELETION_PATH) -> pd.DataFrame:
    """Return the recorded `deletion_test` of runs by title, one row per model and fraction.

    Returns:
        `model`, `fraction_removed`, `grad_cam` and `random`; runs without a record are left out.
    """
    columns = ["fraction_removed", "grad_cam", "random"]
    rows = [
        (title, *row)
        for title, record in records_of(runs, path).items()
        for row in zip(*(record["deletion"][name] for name in columns), strict=True)
    ]
    return pd.DataFrame(rows, columns=["model", *columns])
