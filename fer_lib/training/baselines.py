"""Baselines: chance, the majority class, and HOG features with logistic regression."""

from pathlib import Path

import numpy as np

from fer_lib.data.dataset import Dataset
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.experiments import HOG, HOG_CONFIGURATION
from fer_lib.runs.run import Run
from fer_lib.training.run_spec import finish_run

_CLASSES = len(EMOTION_NAMES)


def chance_scores(labels: np.ndarray) -> dict[str, float]:
    """Return the expected scores of guessing the seven emotions with equal probability.

    Accuracy and balanced accuracy are 1/7. The F1 of a class with a fraction p of the images is
    2 · p · (1/7) / (p + 1/7), since its precision is p and its recall 1/7.

    Args:
        labels: integers [n].

    Returns:
        `accuracy`, `balanced_accuracy`, `macro_f1`, 0–1.
    """
    guess = 1 / _CLASSES
    prior = np.bincount(labels, minlength=_CLASSES) / len(labels)
    return {
        "accuracy": guess,
        "balanced_accuracy": guess,
        "macro_f1": float(np.mean(2 * prior * guess / (prior + guess))),
    }


def majority_logits(n: int, class_counts: np.ndarray) -> np.ndarray:
    """Return logits that predict the largest class for every image.

    Args:
        n: the number of images.
        class_counts: images of each class in Training, [7].

    Returns:
        float32 [n, 7].
    """
    logits = np.zeros((n, _CLASSES), np.float32)
    logits[:, np.argmax(class_counts)] = 1
    return logits


def hog_features(images: np.ndarray) -> np.ndarray:
    """Return histograms of oriented gradients (Dalal & Triggs 2005).

    Args:
        images: uint8 [n, 48, 48].

    Returns:
        float32 [n, 1568], by `HOG_CONFIGURATION`.
    """
    from skimage.feature import hog

    names = ("orientations", "pixels_per_cell", "cells_per_block")
    options = {name: HOG_CONFIGURATION[name] for name in names}
    return np.array([hog(image, **options) for image in images], np.float32)


def train_hog(seed: int, dataset: Dataset, folder: Path, profile: str) -> Run:
    """Fit multinomial logistic regression on HOG features of Training, and write the run.

    Its regularization is the most accurate on PublicTest of those in `HOG_CONFIGURATION`; its
    logits are the decision function.

    Args:
        seed: for the record alone: the fit has no random part.
        dataset: FER2013, or synthetic faces in its form.
        folder: of the run.
        profile: `full` or `quick`, for the record.

    Raises:
        ValueError: Training has no image of an emotion.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if (missing := dataset.training.class_counts == 0).any():
        raise ValueError(f"Training has no image of {', '.join(np.array(EMOTION_NAMES)[missing])}")
    splits = ("training", "public_test", "private_test")
    features = {name: hog_features(getattr(dataset, name).images) for name in splits}
    fitted = {
        c: make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2_000)).fit(
            features["training"], dataset.training.labels
        )
        for c in HOG_CONFIGURATION["inverse_regularizations"]
    }
    test = features["public_test"], dataset.public_test.labels
    best = max(fitted, key=lambda c: fitted[c].score(*test))
    logits = {
        name: fitted[best].decision_function(features[name]).astype(np.float32)
        for name in ("public_test", "private_test")
    }
    config = {
        "experiment": HOG,
        "seed": seed,
        "profile": profile,
        "configuration": HOG_CONFIGURATION,
        "data_sha256": dataset.sha256,
        "inverse_regularization": best,
    }
    return finish_run(folder, config, logits, dataset)
