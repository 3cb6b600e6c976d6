import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd

from fer_lib.analysis.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from fer_lib.analysis.verdict import Verdict
from fer_lib.plotting.robustness import (
    corruption_examples,
    differences_by_severity,
)
from fer_lib.report.format import NOT_RECORDED


def test_examples_are_the_clean_face_and_one_of_each_corruption():
    face = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    panels = [axes for axes in corruption_examples(face).axes if axes.images]
    assert len(panels) == 1 + len(CORRUPTIONS)
    assert [axes.get_title() for axes in panels[:2]] == ["clean", "Gaussian noise"]
    shown = [np.asarray(axes.images[0].get_array()) for axes in panels]
    np.testing.assert_array_equal(shown[0], face)
    np.testing.assert_array_equal(shown[2], corrupt(face[None], "blur", 3)[0])


def test_differences_have_intervals_and_filled_markers_where_they_are_detected():
    rows = [("clean", 0, 0.08, Verdict.CONFIRMED)] + [
        (name, severity, (row - severity) / 100, verdict)
        for row, name in enumerate(CORRUPTIONS)
        for severity, verdict in zip(
            SEVERITIES, 2 * [Verdict.INCONCLUSIVE] + 3 * [Verdict.REFUTED], strict=True
        )
    ]
    table = pd.DataFrame(rows, columns=["corruption", "severity", "accuracy_difference", "verdict"])
    table["accuracy_difference_low"] = table["accuracy_difference"] - 0.02
    table["accuracy_difference_high"] = table["accuracy_difference"] + 0.03
    axes = differences_by_severity(table).axes
    assert len(axes) == 12 and not axes[11].containers
    assert [panel.get_title() for panel in axes[:11]] == [c.title for c in CORRUPTIONS.values()]
    labeled = [index for index, panel in enumerate(axes) if panel.get_xlabel() == "severity"]
    assert labeled == [7, 8, 9, 10]  # the lowest panel of each column
    assert all(axes[index].get_xticklabels()[0].get_visible() for index in labeled)
    for row, panel in enumerate(axes[:11]):
        hollow, filled = panel.containers
        np.testing.assert_allclose(hollow[0].get_xydata(), [[1, row - 1], [2, row - 2]])
        expected = [[0, 8], *([s, row - s] for s in (3, 4, 5))]
        np.testing.assert_allclose(filled[0].get_xydata(), expected)
        assert hollow[0].get_markerfacecolor() == "white" != filled[0].get_markerfacecolor()
        (segments,) = (each.get_segments() for each in hollow[2])
        np.testing.assert_allclose(segments[0], [[1, row - 3], [1, row + 2]])


def test_no_differences_are_a_placeholder():
    figure = differences_by_severity(pd.DataFrame())
    assert NOT_RECORDED in [text.get_text() for text in figure.axes[0].texts]
