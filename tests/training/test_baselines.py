import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from fer_lib.data.dataset import Dataset, Split
from fer_lib.evaluation.metrics import classification_metrics
from fer_lib.experiments import HOG_CONFIGURATION
from fer_lib.training.baselines import chance_scores, hog_features, majority_logits, train_hog


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


def test_hog_is_selected_on_public_test(dataset, tmp_path):
    """PrivateTest gets the labels that another regularization predicts, which is perfect there."""
    features = {n: hog_features(getattr(dataset, n).images) for n in ("training", "private_test")}
    with threadpool_limits(1):
        selected = train_hog(0, dataset, tmp_path / "a" / "seed-0", "quick").config
        best = selected["inverse_regularization"]
        other = next(c for c in HOG_CONFIGURATION["inverse_regularizations"] if c != best)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=other, max_iter=2_000))
        model.fit(features["training"], dataset.training.labels)
        labels = model.predict(features["private_test"]).astype(np.uint8)
        changed = Split(dataset.private_test.images, labels)
        misleading = Dataset(dataset.training, dataset.public_test, changed, dataset.sha256)
        run = train_hog(0, misleading, tmp_path / "b" / "seed-0", "quick")
    assert run.config["inverse_regularization"] == best
    assert run.metrics["private_test"]["accuracy"] < 1
