"""Print predictions: as a table, as lines of JSON, or as CSV."""

import csv
import io
import os
import sys
from collections import Counter
from dataclasses import dataclass, field

from tqdm import tqdm

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.deploy.annotate import face_caption
from fer_lib.deploy.faces import Face, Prediction
from fer_lib.text import printable

_TABLE_HEADER = ("file", "left, top, side", "prediction", "note")
_CSV_HEADER = (
    *("file", "frame", "seconds", "id", "left", "top", "side", "angle"),
    *("emotion", "confident", *EMOTION_NAMES, "error", "note"),
)


class StandardOutput:
    """Prints lines; where standard output is full or closed, it drops them.

    Attributes:
        closed: whether the reader closed it, as `head` does.
        error: the reason why lines could not be written.
    """

    def __init__(self):
        self.closed, self.error = False, None
        if hasattr(sys.stdout, "reconfigure"):  # escapes what the encoding lacks
            sys.stdout.reconfigure(errors="backslashreplace")

    def print(self, line: str) -> None:
        """Print a line at once, above the progress bar."""
        if self.closed or self.error:
            return
        try:
            tqdm.write(line, file=sys.stdout)
            sys.stdout.flush()
        except OSError as error:
            self.closed = isinstance(error, BrokenPipeError)
            self.error = None if self.closed else f"standard output: {error.strerror}"
            # What is left in its buffer would raise again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class JsonLines:
    """Prints one line of JSON for each photo or frame."""

    def __init__(self, output: StandardOutput):
        self._output = output

    def add(self, prediction: Prediction) -> None:
        """Print a prediction."""
        self._output.print(prediction.to_json())

    def finish(self) -> None:
        """Nothing is left to print."""


class Csv:
    """Prints a line of CSV for each face, and for each photo or frame without one."""

    def __init__(self, output: StandardOutput):
        self._output = output
        self._print(_CSV_HEADER)

    def add(self, prediction: Prediction) -> None:
        """Print a prediction."""
        is_frame = prediction.frame is not None
        position = (prediction.frame, round(prediction.seconds, 3)) if is_frame else ("", "")
        start = (printable(prediction.name), *position)
        end = (prediction.error or "", _note(prediction))
        for face in prediction.faces or [None]:
            self._print((*start, *_face_cells(face), *end))

    def finish(self) -> None:
        """Nothing is left to print."""

    def _print(self, cells: tuple) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        self._output.print(text.getvalue())


def _face_cells(face: Face | None) -> tuple:
    if face is None:
        return ("",) * (len(_CSV_HEADER) - 5)
    probabilities = (round(face.probabilities[name], 6) for name in EMOTION_NAMES)
    number = "" if face.id is None else face.id
    confident = str(face.confident).lower()
    return (number, *face.box, round(face.angle, 1), face.emotion, confident, *probabilities)


@dataclass
class _Track:
    """A face of a video."""

    began: float
    note: str
    ended: float = 0.0  # seconds
    emotions: Counter = field(default_factory=Counter)


class Table:
    """Prints a table at the end: a row for each face of a photo, and for each face of a video.

    Args:
        live: print a line whenever the emotion of a face of the video changes, too.
    """

    def __init__(self, output: StandardOutput, live: bool = False):
        self._output, self._live = output, live
        self._rows: list[tuple[str, ...]] = []
        self._tracks: dict[tuple[str, int], _Track] = {}
        self._printed: dict[int, str] = {}

    def add(self, prediction: Prediction) -> None:
        """Add a prediction; a frame adds to the rows of its faces."""
        name, note = printable(prediction.name), _note(prediction)
        if prediction.frame is not None:
            self._add_frame(prediction, name, note)
            return
        self._finish_video()
        if prediction.error:
            rows = [("", "could not be read", "; ".join(filter(None, (prediction.error, note))))]
        elif prediction.photo is None:
            rows = [("", "", note)]  # of a video that could not be saved
        else:
            rows = [(", ".join(map(str, f.box)), face_caption(f), note) for f in prediction.faces]
            rows = rows or [("", "no face found", note)]
        self._rows += [(name, *row) for row in rows]

    def _add_frame(self, prediction: Prediction, name: str, note: str) -> None:
        seconds = prediction.seconds
        for face in prediction.faces:
            track = self._tracks.setdefault((name, face.id), _Track(seconds, note))
            track.ended = seconds
            track.emotions[face.emotion] += 1
            if self._live and self._printed.get(face.id) != face.emotion:
                self._printed[face.id] = face.emotion
                self._output.print(f"{seconds:7.1f} s  {face_caption(face)}")
        if not prediction.faces:
            self._tracks.setdefault((name, 0), _Track(seconds, note))

    def _finish_video(self) -> None:
        followed = {key: track for key, track in self._tracks.items() if track.emotions}
        for (name, number), track in (followed or self._tracks).items():
            if not number:
                self._rows.append((name, "", "no face found", track.note))
                continue
            (emotion, count), total = track.emotions.most_common(1)[0], track.emotions.total()
            span = f"face {number}, {track.began:.1f} to {track.ended:.1f} s"
            note = "; ".join(filter(None, (span, track.note)))
            self._rows.append((name, "", f"{emotion} {count / total:.0%} of frames", note))
        self._tracks.clear()

    def finish(self) -> None:
        """Print the table."""
        self._finish_video()
        rows = [_TABLE_HEADER, *self._rows] if self._rows else []
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            self._output.print("  ".join(map(str.ljust, row, widths)).rstrip())


def _note(prediction: Prediction) -> str:
    saved = prediction.save_error and f"not saved: {prediction.save_error}"
    return "; ".join(filter(None, (*prediction.notes, saved)))


class Counts:
    """Counts predictions: photos and frames, with faces and without, and what went wrong."""

    def __init__(self):
        self._units: dict[str, Counter] = {}
        self._problems, self._uncertain = Counter(), 0

    def add(self, prediction: Prediction) -> None:
        """Count a prediction."""
        self._problems.update(
            {
                "could not be read": int(prediction.error is not None),
                "could not be saved": int(prediction.save_error is not None),
            }
        )
        self._uncertain += sum(not face.confident for face in prediction.faces)
        if prediction.photo:
            counts = self._units.setdefault(
                "photo" if prediction.frame is None else "frame", Counter()
            )
            faces = len(prediction.faces)
            state = "with" if faces else "without"
            counts.update({"all": 1, "faces": faces, state: 1})

    @property
    def problems(self) -> int:
        """The number of inputs that could not be read, or not be saved."""
        return self._problems.total()

    def __str__(self) -> str:
        parts = [
            f"{_count(counts['all'], unit)}: {_count(counts['faces'], 'face')} in "
            f"{counts['with']}, no face in {counts['without']}"
            for unit, counts in self._units.items()
        ]
        if self._uncertain:
            parts.append(f"{_count(self._uncertain, 'prediction')} uncertain, marked with ?")
        parts += [f"{count} {problem}" for problem, count in self._problems.items() if count]
        return "; ".join(parts)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
