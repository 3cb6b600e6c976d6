import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd

from fer_lib.plotting import style
from fer_lib.plotting.latency import latency_and_accuracy
from fer_lib.profiles import get_profile

TABLE = pd.DataFrame(
    {
        "model": ["SE-CNN", "SE-CNN", "MobileNetV2"],
        "form": ["Keras", "ONNX", "ONNX"],
        "latency_ms": [4.0, 2.0, 1.0],
        "latency_95_ms": [5.0, 3.0, 1.5],
        "accuracy": [0.60, 0.61, 0.5],
        "accuracy_low": [0.58, 0.59, 0.48],
        "accuracy_high": [0.62, 0.63, 0.52],
    }
)


def test_lines_reach_from_the_median_and_over_the_interval():
    (times, accuracies), (small_times, _) = np.reshape(latency_and_accuracy(TABLE).axes, (2, 2))
    assert [list(line.get_xdata()) for line in times.get_lines()] == [[4.0, 5.0], [2.0, 3.0]]
    assert [list(line.get_xdata()) for line in small_times.get_lines()] == [[1.0, 1.5]]
    interval, point = accuracies.get_lines()[:2]
    np.testing.assert_allclose(interval.get_xdata(), [58, 62])
    np.testing.assert_allclose(point.get_xdata(), [60])
    assert times.get_xlim()[0] == 0


def test_each_model_has_a_title_a_color_and_its_forms():
    panels = np.reshape(latency_and_accuracy(TABLE).axes, (2, 2))
    assert [times.get_title(loc="left") for times, _ in panels] == ["SE-CNN", "MobileNetV2"]
    assert [label.get_text() for label in panels[0][0].get_yticklabels()] == ["Keras", "ONNX"]
    colors = [{line.get_color() for axes in row for line in axes.get_lines()} for row in panels]
    assert [len(each) for each in colors] == [1, 1] and colors[0] != colors[1]
    assert colors[0] == {style.model_styles([])["SE-CNN"].color}


def test_a_recorded_measurement_is_not_marked_with_the_profile():
    style.use(get_profile("quick"))
    try:
        assert not latency_and_accuracy(TABLE).texts
    finally:
        style.use(get_profile("full"))
