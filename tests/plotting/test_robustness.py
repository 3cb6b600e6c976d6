import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd

from fer_lib.analysis.robustness import CORRUPTIONS, SEVERITIES
from fer_lib.plotting.robustness import corruption_heat_maps
from fer_lib.report.format import NOT_RECORDED

COLUMNS = ["model", "corruption", "severity", "accuracy"]


def test_heat_map_has_a_row_per_corruption_and_clean_images_first():
    rows = [("A", "clean", 0, 0.6)] + [
        ("A", name, severity, (row + severity) / 100)
        for row, name in enumerate(CORRUPTIONS)
        for severity in SEVERITIES
    ]
    axes = corruption_heat_maps(pd.DataFrame(rows, columns=COLUMNS)).axes[0]
    heat = np.asarray(axes.collections[0].get_array())
    np.testing.assert_allclose(heat[:, 0], 60)
    np.testing.assert_allclose(heat[:, 1:], np.add.outer(np.arange(11), [1, 2, 3, 4, 5]))
    titles = [label.get_text() for label in axes.get_yticklabels()]
    assert titles == [corruption.title for corruption in CORRUPTIONS.values()]


def test_nothing_recorded_is_a_placeholder():
    figure = corruption_heat_maps(pd.DataFrame(columns=COLUMNS))
    assert NOT_RECORDED in [text.get_text() for text in figure.axes[0].texts]
