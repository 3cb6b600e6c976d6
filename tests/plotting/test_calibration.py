import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest

from fer_lib.analysis.calibration import reliability_table
from fer_lib.plotting.calibration import reliability_diagram, selective_prediction
from fer_lib.report.format import NOT_RECORDED


def test_reliability_diagram_leaves_out_small_bins():
    columns = ["model", "scaled", "count", "confidence", "accuracy"]
    rows = [("A", False, 19, 0.2, 0.3), ("A", False, 20, 0.6, 0.5), ("A", True, 50, 0.4, 0.45)]
    panels = reliability_diagram(pd.DataFrame(rows, columns=columns)).axes
    points = [axes.get_lines()[0].get_xydata() for axes in panels]
    np.testing.assert_allclose(np.concatenate(points), [[60, 50], [40, 45]])
    np.testing.assert_allclose(panels[0].get_lines()[1].get_xydata(), [[0, 0], [100, 100]])


def test_selective_prediction_ends_at_the_accuracy(run):
    line = selective_prediction({"Tiny": run, "Missing": None}).axes[0].get_lines()[0]
    coverage, accuracy = line.get_data()
    assert coverage[0] >= 5
    assert coverage[-1] == 100
    assert accuracy[-1] == pytest.approx(100 * run.metrics["private_test"]["accuracy"])


@pytest.mark.parametrize(
    "figure",
    [
        lambda: reliability_diagram(reliability_table({"Missing": None})),
        lambda: selective_prediction({"Missing": None}),
    ],
)
def test_nothing_recorded_is_a_placeholder(figure):
    assert NOT_RECORDED in [text.get_text() for text in figure().axes[0].texts]
