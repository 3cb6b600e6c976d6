import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd

from fer_lib.analysis.robustness import CORRUPTIONS, SEVERITIES, corrupt
from fer_lib.plotting.robustness import accuracy_by_severity, corruption_examples
from fer_lib.report.format import NOT_RECORDED

COLUMNS = ["model", "corruption", "severity", "accuracy"]


def test_examples_are_the_clean_face_and_one_of_each_corruption():
    face = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    panels = [axes for axes in corruption_examples(face, severity=4).axes if axes.images]
    assert len(panels) == 1 + len(CORRUPTIONS)
    assert [axes.get_title() for axes in panels[:2]] == ["clean", "Gaussian noise"]
    shown = [np.asarray(axes.images[0].get_array()) for axes in panels]
    np.testing.assert_array_equal(shown[0], face)
    np.testing.assert_array_equal(shown[2], corrupt(face[None], "blur", 4)[0])


def test_each_corruption_has_a_panel_with_clean_images_at_severity_0():
    rows = [(model, "clean", 0, 0.6) for model in "AB"] + [
        (model, name, severity, (row + severity) / 100)
        for model in "AB"
        for row, name in enumerate(CORRUPTIONS)
        for severity in SEVERITIES
    ]
    axes = accuracy_by_severity(pd.DataFrame(rows, columns=COLUMNS)).axes
    assert len(axes) == 12 and not axes[11].lines
    labeled = [index for index, panel in enumerate(axes) if panel.get_xlabel() == "severity"]
    assert labeled == [7, 8, 9, 10]  # the lowest panel of each column
    assert all(axes[index].get_xticklabels()[0].get_visible() for index in labeled)
    titles = [panel.get_title() for panel in axes[:11]]
    assert titles == [corruption.title for corruption in CORRUPTIONS.values()]
    for row, panel in enumerate(axes[:11]):
        a, b = panel.get_lines()
        assert [a.get_label(), b.get_label()] == ["A", "B"]
        np.testing.assert_allclose(a.get_xdata(), [0, 1, 2, 3, 4, 5])
        np.testing.assert_allclose(a.get_ydata(), [60, *(row + np.array([1, 2, 3, 4, 5]))])


def test_nothing_recorded_is_a_placeholder():
    figure = accuracy_by_severity(pd.DataFrame(columns=COLUMNS))
    assert NOT_RECORDED in [text.get_text() for text in figure.axes[0].texts]
