import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest

from fer_lib.analysis.example_faces import load_or_predict_examples
from fer_lib.data.example_faces import example_faces
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.plotting.predictions import RIGHT, WRONG, example_predictions, sample_predictions
from fer_lib.profiles import get_profile
from fer_lib.report.format import NOT_RECORDED


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("with_data", [True, False])
def test_samples_have_each_models_probabilities_in_percent(with_data, run, dataset):
    models = {"One": run, "Missing": None}
    data = dataset if with_data else None
    left, right = sample_predictions(models, "disgust", data).axes[:2]
    row = np.flatnonzero(dataset.private_test.labels == 1)[0]
    predictions = run.predictions["private_test"]
    percents = [f"{100 * value:.0f}" for value in predictions.probabilities[row]]
    symbol = RIGHT if predictions.correct[row] else WRONG
    assert texts(right) == [*percents, symbol, NOT_RECORDED]
    (frame,) = right.patches
    assert frame.get_x() + 0.48 == pytest.approx(predictions.predicted[row])
    assert [tick.get_text() for tick in right.get_yticklabels()] == list(models)
    assert right.get_xticklabels()[1].get_fontweight() == "bold"
    if with_data:
        np.testing.assert_array_equal(left.images[0].get_array(), dataset.private_test.images[row])
    else:
        assert not left.images and right.get_ylabel() == "disgust 1"


def test_right_and_wrong_have_different_symbols(run, dataset):
    predictions, label = run.predictions["private_test"], EMOTION_NAMES.index("happy")
    rows = predictions.first_of_class(label, 4)
    panels = sample_predictions({"One": run}, "happy", None).axes[1::2]
    symbols = [texts(axes)[-1] for axes in panels]
    assert symbols == [RIGHT if predictions.correct[row] else WRONG for row in rows]
    assert RIGHT != WRONG


def test_examples_have_their_faces_and_the_photograph_no_symbol(run):
    (examples,) = load_or_predict_examples({"One": run}, get_profile("quick")).values()
    axes = example_predictions({"One": examples, "Later": None}).axes
    faces = example_faces()
    for left, right, face, values in zip(
        axes[::2], axes[1::2], faces, examples.probabilities, strict=True
    ):
        np.testing.assert_array_equal(left.images[0].get_array(), face.image)
        assert left.get_title() == face.title
        assert texts(right)[:7] == [f"{100 * value:.0f}" for value in values]
        has_symbol = bool({RIGHT, WRONG} & set(texts(right)))
        assert has_symbol == (face.label is not None)


def test_nothing_recorded_is_a_placeholder():
    for figure in (sample_predictions({"A": None}, "fear", None), example_predictions({"A": None})):
        assert texts(figure.axes[0]) == [NOT_RECORDED]
