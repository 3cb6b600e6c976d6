import matplotlib

matplotlib.use("Agg")

import numpy as np

from fer_lib.plotting.deployment import edge


def texts(figure):
    figure.canvas.draw()
    return [t.get_text() for axes in figure.axes for t in axes.findobj(matplotlib.text.Text)]


def test_the_forms_of_a_network_stand_at_their_median_time_and_accuracy():
    rows = [
        {
            "network": "Small",
            "form": form,
            "median_ms": 2.0 + i,
            "percentile_95_ms": 5.0,
            "accuracy": 0.6,
            "interval": [0.58, 0.62],
        }
        for i, form in enumerate(("Keras", "ONNX"))
    ]
    figure = edge(rows)
    times, accuracies = figure.axes
    assert [line.get_xdata()[0] for line in times.get_lines()] == [2, 3]
    np.testing.assert_allclose(accuracies.get_lines()[0].get_xdata(), [58, 62])
    assert "Small\nONNX" in texts(figure)
