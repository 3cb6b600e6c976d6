from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.plotting.headline import headline_accuracies, predicted_face


def test_each_row_has_its_mean_interval_and_seeds():
    table = pd.DataFrame(
        [[0.6, 0.5, 0.7], [0.7, 0.65, 0.75], [np.nan] * 3],
        index=["One", "Two", "None"],
        columns=["private_test_accuracy" + end for end in ("", "_low", "_high")],
    )
    models = {
        title: [
            SimpleNamespace(metrics={"private_test": {"accuracy": each}}) for each in accuracies
        ]
        for title, accuracies in zip(table.index, ((0.6,), (0.69, 0.71), ()), strict=True)
    }
    (axes,) = headline_accuracies(table, models).axes
    drawn = [(list(line.get_xdata()), line.get_marker()) for line in axes.lines]
    assert ([50.0, 70.0], "None") in drawn and ([69.0, 71.0], ".") in drawn
    assert [float(x[0]) for x, marker in drawn if marker == "o"][:2] == [60.0, 70.0]
    assert [text.get_text() for text in axes.texts] == ["60.0", "70.0", ""]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(models)


def test_face_is_framed_and_bars_are_the_probabilities():
    photo = np.zeros((40, 50, 3), np.uint8)
    percents = [5, 5, 60, 10, 10, 5, 5]
    left, right = predicted_face(photo, (12, 7, 20), percents).axes
    np.testing.assert_array_equal(left.images[0].get_array(), photo)
    for frame in left.patches:
        assert (*frame.get_xy(), frame.get_width(), frame.get_height()) == (12, 7, 20, 20)
    assert [bar.get_width() for bar in right.patches] == pytest.approx(percents)
    assert [text.get_text() for text in right.texts][2] == "60.0"
    bold = [label.get_text() for label in right.get_yticklabels() if label.get_weight() == "bold"]
    assert bold == ["fear"] and EMOTION_NAMES[2] == "fear"
