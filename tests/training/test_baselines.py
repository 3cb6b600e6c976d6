import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from fer_lib.data.dataset import Dataset, Split
from fer_lib.evaluation.metrics import classification_metrics
from fer_lib.training.baselines import chance_scores, majority_logits, train_hog


def test_chance_agrees_with_random_guesses(dataset):
    labels = np.tile(dataset.training.labels, 300)
    classifier = DummyClassifier(strategy="uniform", random_state=0).fit(labels[:, None], labels)
    guesses = classifier.predict(labels[:, None])
    expected = chance_scores(labels)
    assert expected["accuracy"] == pytest.approx((guesses == labels).mean(), abs=0.005)
    macro_f1 = f1_score(labels, guesses, average="macro")
    assert expected["macro_f1"] == pytest.approx(macro_f1, abs=0.005)


def test_majority_predicts_the_largest_class_of_training():
    logits = majority_logits(4, np.array([1, 2, 3, 9, 1, 1, 1]))
    assert classification_metrics(logits, np.array([3, 3, 0, 1]))["accuracy"] == 0.5


def test_hog_learns_synthetic_faces(dataset, tmp_path):
    with threadpool_limits(1):  # threads that wait for each other make small fits slow
        run = train_hog(0, dataset, tmp_path / "hog" / "seed-0", "quick")
    assert run.finished and run.history is None
    assert run.metrics["both"]["accuracy"] > 0.35  # chance is 1/7, the largest class about 1/4


def test_hog_needs_every_emotion(dataset, tmp_path):
    rows = dataset.training.labels != 1
    training = Split(dataset.training.images[rows], dataset.training.labels[rows])
    without = Dataset(training, dataset.public_test, dataset.private_test, dataset.sha256)
    with pytest.raises(ValueError, match="no image of disgust"):
        train_hog(0, without, tmp_path, "quick")
