"""The seven emotions of FER2013: their order, names, aliases and colours, defined here and nowhere
else."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Emotion:
    """One class.

    `name` is the text shown to readers, `colour` an sRGB hex code, `aliases` the other spellings
    that data sets use for their folders and columns (lower case).
    """

    name: str
    colour: str
    aliases: tuple[str, ...] = ()


# The order is that of the `emotion` column of FER2013's CSV: the position is the label.
# The colours are the colour-blind safe palette of Okabe and Ito (2008), with a dark grey for
# neutral;
# its yellow is left out because it vanishes on white.
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
COLORS = tuple(emotion.colour for emotion in EMOTIONS)

_LABELS = {
    spelling: label
    for label, emotion in enumerate(EMOTIONS)
    for spelling in (emotion.name, *emotion.aliases)
}


def label_of(text: str) -> int:
    """Return the label (0–6) that a class name or one of its aliases stands for, in any case.

    Raises:
        ValueError: `text` names none of the seven emotions.
    """
    try:
        return _LABELS[text.strip().lower()]
    except KeyError:
        raise ValueError(
            f"{text!r} is none of the seven emotions ({', '.join(EMOTION_NAMES)}) or their aliases"
        ) from None
