import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

from fer_lib.data.labels import COLORS, EMOTION_NAMES, EMOTIONS, label_of


def test_emotions_are_in_the_order_of_the_csv():
    assert EMOTION_NAMES == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.mark.parametrize(
    "text, label",
    [("disgusted", 1), ("Disgust", 1), (" HAPPINESS ", 3), ("fearful", 2), ("neutral", 6)],
)
def test_aliases_are_recognized_in_any_case(text, label):
    assert label_of(text) == label


def test_unknown_name_lists_the_emotions():
    with pytest.raises(
        ValueError, match=r"'contempt' is none of the seven emotions \(angry, disgust"
    ):
        label_of("contempt")


def test_no_alias_is_shared():
    spellings = list(itertools.chain.from_iterable((e.name, *e.aliases) for e in EMOTIONS))
    assert len(spellings) == len(set(spellings))


# Linear-light approximations of dichromatic vision (Viénot, Brettel & Mollon 1999).
VISION = {
    "full": np.eye(3),
    "protanopia": np.array(
        [(0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)]
    ),
    "deuteranopia": np.array(
        [(0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)]
    ),
}


@pytest.mark.parametrize("vision", VISION)
def test_colors_are_distinct_for_color_blind_readers(vision):
    linear = np.array([to_rgb(color) for color in COLORS]) ** 2.2
    lab = rgb2lab(np.clip(linear @ VISION[vision].T, 0, 1) ** (1 / 2.2))
    for a, b in itertools.combinations(range(len(lab)), 2):
        assert deltaE_ciede2000(lab[a], lab[b]) > 10, (EMOTION_NAMES[a], EMOTION_NAMES[b])
