import numpy as np
import pandas as pd
import pytest

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.plotting.one_vs_rest import precision_recall


def test_one_line_per_emotion_in_its_color():
    curves = pd.DataFrame(
        [(name, r, 1 - 0.1 * k * r) for k, name in enumerate(EMOTION_NAMES) for r in (0, 0.5, 1)],
        columns=["emotion", "recall", "precision"],
    )
    (axes,) = precision_recall(curves).axes
    assert [line.get_label() for line in axes.lines] == list(EMOTION_NAMES)
    assert [line.get_color() for line in axes.lines] == list(COLORS)
    np.testing.assert_allclose(axes.lines[2].get_ydata(), [100, 90, 80])
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in axes.lines}) == 7


def test_without_curves_there_is_a_placeholder():
    assert "not recorded" in [t.get_text() for t in precision_recall(pd.DataFrame()).axes[0].texts]


pytestmark = pytest.mark.filterwarnings("error")
