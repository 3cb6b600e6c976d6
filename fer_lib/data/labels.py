"""Constants of FER2013: its seven emotions with names, aliases and colors, its splits, and the size
of its images."""

from dataclasses import dataclass

IMAGE_SIZE = 48  # pixels along each side
SPLITS = ("Training", "PublicTest", "PrivateTest")


@dataclass(frozen=True)
class Emotion:
    """One class.

    Attributes:
        name: The name in tables and figures.
        color: The color in figures, an sRGB hex code.
        aliases: Other names in the folders and columns of data sets, in lower case.
    """

    name: str
    color: str
    aliases: tuple[str, ...] = ()


# The order is that of the `emotion` column of FER2013's CSV: the position is the label. The colors
# are the color-blind safe palette of Okabe and Ito (2008), with a dark gray for neutral. Its yellow
# is left out because it is hard to see on white.
EMOTIONS = (
    Emotion("angry", "#D55E00", ("anger",)),
    Emotion("disgust", "#009E73", ("disgusted",)),
    Emotion("fear", "#CC79A7", ("fearful", "afraid", "scared")),
    Emotion("happy", "#E69F00", ("happiness", "joy")),
    Emotion("sad", "#0072B2", ("sadness",)),
    Emotion("surprise", "#56B4E9", ("surprised",)),
    Emotion("neutral", "#4D4D4D", ()),
)

EMOTION_NAMES = tuple(emotion.name for emotion in EMOTIONS)
COLORS = tuple(emotion.color for emotion in EMOTIONS)

_LABELS = {
    spelling: label
    for label, emotion in enumerate(EMOTIONS)
    for spelling in (emotion.name, *emotion.aliases)
}


def label_of(text: str) -> int:
    """Return the label, 0–6, of a class name or one of its aliases.

    Args:
        text: The name, in upper or lower case.

    Raises:
        ValueError: If `text` names none of the seven emotions.

    Example:
        >>> label_of("Happiness"), EMOTION_NAMES[3]
        (3, 'happy')
    """
    try:
        return _LABELS[text.strip().lower()]
    except KeyError:
        raise ValueError(
            f"{text!r} is none of the seven emotions ({', '.join(EMOTION_NAMES)}) or their aliases"
        ) from None
