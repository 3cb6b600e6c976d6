"""What the networks must beat: chance, the largest class, and a classical method."""

from pathlib import Path

import numpy as np
from skimage.feature import hog
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_lib.data.dataset import Dataset
from fer_lib.data.labels import EMOTION_NAMES, EMOTIONS
from fer_lib.experiments import HOG, HOG_CONFIGURATION
from fer_lib.runs.run import Run
from fer_lib.training.finish import finish_run


def chance_scores(labels: np.ndarray) -> dict[str, float]:
    """The expectation of guessing the seven emotions with equal probability.

    Accuracy and balanced accuracy are 1/7. The F1 of a class with share p is 2·p·(1/7) / (p + 1/7):
    precision is p, recall 1/7.

    Args:
        labels: integers [n].
    """
    guess = 1 / len(EMOTIONS)
    share = np.bincount(labels, minlength=len(EMOTIONS)) / len(labels)
    return {
        "accuracy": guess,
        "balanced_accuracy": guess,
        "macro_f1": float(np.mean(2 * share * guess / (share + guess))),
    }


def majority_logits(n: int, training_counts: np.ndarray) -> np.ndarray:
    """Logits float32 [n, 7] that always choose the largest class of Training, whose counts are
    given, [7]."""
    logits = np.zeros((n, len(EMOTIONS)), np.float32)
    logits[:, np.argmax(training_counts)] = 1
    return logits


def hog_features(images: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients (Dalal & Triggs 2005), float32 [n, 1568], of images uint8
    [n, 48, 48]."""
    options = {
        key: HOG_CONFIGURATION[key]
        for key in ("orientations", "pixels_per_cell", "cells_per_block")
    }
    return np.array([hog(image, **options) for image in images], np.float32)


def train_hog(seed: int, dataset: Dataset, folder: Path, profile: str) -> Run:
    """Fit multinomial logistic regression on the histograms of Training, and write the run to
    `folder`.

    Its regularisation is the best on PublicTest of those in `CONFIGURATION`; its logits are the
    decision function. `seed` only
    names the run: the fit has no random part.

    Raises:
        ValueError: Training lacks an emotion.
    """
    if (missing := dataset.training.class_counts == 0).any():
        raise ValueError(f"Training has no image of {', '.join(np.array(EMOTION_NAMES)[missing])}")
    features = {
        name: hog_features(getattr(dataset, name).images)
        for name in ("training", "public_test", "private_test")
    }
    accuracies, fitted = {}, {}
    for c in HOG_CONFIGURATION["inverse_regularizations"]:
        fitted[c] = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2_000))
        fitted[c].fit(features["training"], dataset.training.labels)
        accuracies[c] = float(fitted[c].score(features["public_test"], dataset.public_test.labels))
    best = max(accuracies, key=accuracies.get)
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
