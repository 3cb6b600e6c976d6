import numpy as np

from fer_lib.analysis.headline import SeedMean
from fer_lib.plotting.headline import headline_accuracies


def test_each_row_has_its_mean_interval_and_seeds():
    means = {
        "One": SeedMean(0.6, np.nan, 0.5, 0.7, (0.6,)),
        "Two": SeedMean(0.7, 0.01, 0.65, 0.75, (0.69, 0.71)),
        "None": SeedMean(),
    }
    (axes,) = headline_accuracies(means).axes
    drawn = [(list(line.get_xdata()), line.get_marker()) for line in axes.lines]
    assert ([50.0, 70.0], "None") in drawn and ([69.0, 71.0], ".") in drawn
    assert [float(x[0]) for x, marker in drawn if marker == "o"][:2] == [60.0, 70.0]
    assert [text.get_text() for text in axes.texts] == ["60.0", "70.0", ""]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(means)
