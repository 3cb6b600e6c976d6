import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd

from fer_lib.plotting.label_noise import accuracy_by_agreement, label_confusion
from fer_lib.report.format import NOT_RECORDED


def test_label_confusion_has_shares_of_the_label():
    confusion = np.eye(7, dtype=int)
    confusion[2] = [3, 0, 1, 0, 0, 0, 0]
    panel, bar = label_confusion(confusion).axes
    heat = panel.collections[0].get_array()
    np.testing.assert_allclose(np.asarray(heat)[2], [0.75, 0, 0.25, 0, 0, 0, 0])
    assert bar.yaxis.get_major_formatter()(0.5) == "50%"


def test_accuracy_by_agreement_has_a_line_per_model_and_target():
    columns = ["model", "votes", "images", "label_accuracy", "plurality_accuracy"]
    rows = [("A", 2, 50, 0.2, 0.1), ("A", 10, 90, 0.9, 1.0), ("B", 2, 50, 0.3, 0.4)]
    figure = accuracy_by_agreement(pd.DataFrame(rows, columns=columns))
    panels = figure.axes
    drawn = [[line.get_xydata().tolist() for line in axes.get_lines()] for axes in panels]
    assert drawn == [[[[2, 20], [10, 90]], [[2, 30]]], [[[2, 10], [10, 100]], [[2, 40]]]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["A", "B"]


def test_nothing_recorded_is_a_placeholder():
    figure = accuracy_by_agreement(pd.DataFrame(columns=["model"]))
    assert NOT_RECORDED in [text.get_text() for text in figure.axes[0].texts]
