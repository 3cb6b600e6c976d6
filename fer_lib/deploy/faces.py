"""The emotions on the faces of photos and videos, by an exported network and without Keras: an
answer takes about a second."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageFont

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.deploy.images import Detector, Photo, PhotoError, crop_face, read_image
from fer_lib.io import atomic_write, sha256_of
from fer_lib.paths import ROOT
from fer_lib.runs.run import Run

UNSURE_BELOW = (
    0.5  # an answer of less than this probability is as likely wrong as right, and is marked
)
INPUT, OUTPUT = "grey_pixels", "probabilities"
_FORMAT = 1  # of exported files: raise it when the exporter changes what it writes
_BATCH = 32  # faces that are classified at once
_PENDING = 16  # photos or frames that may wait for a batch to fill, so that memory stays bounded


class ModelError(ValueError):
    """A file is no exported network; the message says which and why."""


def export_fingerprint(run: Run) -> str:
    """What an exported file keeps to say which weights and which temperature it was made from."""
    return f"{_FORMAT}-{sha256_of(run.weights)}-{sha256_of(run.folder / 'predictions.npz')}"


def export_path(run: Run, int8: bool = False) -> Path:
    """Where a run is exported to."""
    name = f"{run.config['experiment']}-seed-{run.config['seed']}{'-int8' if int8 else ''}.onnx"
    return ROOT / "build" / run.config["profile"] / "onnx" / name


class Classifier:
    """An exported network in ONNX Runtime.

    Attributes:
        metadata: what the exporter wrote into the file: `labels`, `temperature`, `version`,
            `experiment`, `made_from` and more.

    Raises:
        ModelError: the file is missing, or was not written by the exporter.
    """

    def __init__(self, path: Path, threads: int = 0):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads  # 0: as many as there are cores
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own
            raise ModelError(f"{path}: cannot be loaded ({str(error).splitlines()[0]})") from error
        self.metadata = self._session.get_modelmeta().custom_metadata_map
        if self.metadata.get("labels") != ",".join(EMOTION_NAMES):
            raise ModelError(
                f"{path}: was not written by `python -m fer_lib export` (its labels are {self.metadata.get('labels')!r})"
            )

    def probabilities(self, faces: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float32 [n, 7] in label order, of faces uint8 [n, 48,
        48]."""
        return self._session.run([OUTPUT], {INPUT: faces[..., None].astype(np.float32)})[0]


def load_exported(run: Run) -> Classifier | None:
    """The export of this very run, or None where it was not exported yet or has changed since."""
    path = export_path(run)
    if not path.is_file():
        return None
    classifier = Classifier(path)
    return classifier if classifier.metadata.get("made_from") == export_fingerprint(run) else None


@dataclass(frozen=True)
class Face:
    """A face and what it shows: `box` in the file's upright pixels (left, top, side), seven
    `probabilities` in label order."""

    box: tuple[int, int, int]
    probabilities: tuple[float, ...]

    @property
    def answer(self) -> str:
        return EMOTION_NAMES[int(np.argmax(self.probabilities))]

    @property
    def probability(self) -> float:
        return max(self.probabilities)

    @property
    def sure(self) -> bool:
        return self.probability >= UNSURE_BELOW

    def to_dict(self) -> dict:
        """The face as JSON knows it."""
        shares = {
            name: round(p, 6) for name, p in zip(EMOTION_NAMES, self.probabilities, strict=True)
        }
        return {
            "box": list(self.box),
            "emotion": self.answer,
            "sure": self.sure,
            "probabilities": shares,
        }


@dataclass
class Prediction:
    """What came of one photo or frame: its faces, or the reason why it could not be read."""

    name: str
    faces: list[Face] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    error: str | None = None
    photo: Photo | None = None  # for drawing
    frame: int | None = None
    seconds: float | None = None

    def to_json(self) -> str:
        """One line of JSON."""
        time = (
            {} if self.frame is None else {"frame": self.frame, "seconds": round(self.seconds, 3)}
        )
        found = (
            {"error": self.error}
            if self.error
            else {"faces": [face.to_dict() for face in self.faces]}
        )
        return json.dumps(
            {"file": self.name, **time, **found, "notes": list(self.notes)}, ensure_ascii=False
        )


def predict_photos(paths: Iterable[Path], classifier: Classifier) -> Iterator[Prediction]:
    """Classify every face of every photo, in the order of the paths; a photo that cannot be read
    becomes an answer with an `error`."""

    def opened():
        for path in paths:
            try:
                photo = read_image(path)
            except PhotoError as error:
                yield Prediction(str(path), error=str(error))
            else:
                yield Prediction(str(path), notes=photo.notes, photo=photo)

    return _classified(opened(), classifier)


def predict_video(path: Path, classifier: Classifier) -> Iterator[Prediction]:
    """Classify every face of every frame of a video, a few frames in memory at a time; the last
    answer says if the file ends early."""

    def frames():
        capture = cv2.VideoCapture(str(path))
        try:
            rate, number = capture.get(cv2.CAP_PROP_FPS) or 25.0, 0
            while (shot := capture.read())[0]:
                photo = Photo(cv2.cvtColor(shot[1], cv2.COLOR_BGR2RGB))
                yield Prediction(str(path), photo=photo, frame=number, seconds=number / rate)
                number += 1
            if not number:
                yield Prediction(
                    str(path),
                    error="not a video" if Path(path).is_file() else "there is no such file",
                )
            elif number < 0.9 * capture.get(
                cv2.CAP_PROP_FRAME_COUNT
            ):  # containers' counts are estimates
                yield Prediction(str(path), error=f"broken: it ends after {number} frames")
        finally:
            capture.release()

    return _classified(frames(), classifier)


def _classified(answers: Iterable[Prediction], classifier: Classifier) -> Iterator[Prediction]:
    """Find the faces of opened photos, and classify those of several photos together."""
    detector = Detector()
    waiting: list[tuple[Prediction, np.ndarray]] = []
    crops: list[np.ndarray] = []

    def finished():
        batches = [np.stack(crops[i : i + _BATCH]) for i in range(0, len(crops), _BATCH)]
        rows = (row for batch in batches for row in classifier.probabilities(batch).tolist())
        for answer, boxes in waiting:
            for box in boxes:
                scaled = tuple(int(round(answer.photo.scale * edge)) for edge in box)
                answer.faces.append(Face(scaled, tuple(next(rows))))
            yield answer
        waiting.clear()
        crops.clear()

    for answer in answers:
        boxes = detector.boxes(answer.photo) if answer.photo else np.empty((0, 3), int)
        waiting.append((answer, boxes))
        crops.extend(crop_face(answer.photo, box) for box in boxes)
        if len(crops) >= _BATCH or len(waiting) >= _PENDING:
            yield from finished()
    yield from finished()


def draw_faces(answer: Prediction) -> Image.Image:
    """The photo with a box and a line of text for each face, in the emotion's colour."""
    image = Image.fromarray(answer.photo.pixels)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(12, max(image.size) // 60))
    for face in answer.faces:
        left, top, side = (edge / answer.photo.scale for edge in face.box)
        colour, text = COLORS[EMOTION_NAMES.index(face.answer)], face_caption(face)
        pen.rectangle(
            (left, top, left + side, top + side),
            outline=colour,
            width=max(2, max(image.size) // 300),
        )
        x0, y0, x1, y1 = pen.textbbox((0, 0), text, font)
        above = max(top - (y1 - y0) - 8, 0)
        pen.rectangle((left, above, left + x1 - x0 + 8, above + y1 - y0 + 8), fill=colour)
        pen.text((left + 4 - x0, above + 4 - y0), text, "white" if _dark(colour) else "black", font)
    return image


def _dark(colour: str) -> bool:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128


def face_caption(face: Face) -> str:
    """`happy 97 %`, or with a question mark where the network is unsure."""
    return f"{face.answer}{'' if face.sure else '?'} {face.probability:.0%}".replace("%", " %")


def save_photos(answers: Iterable[Prediction], folder: Path) -> Iterator[Prediction]:
    """Pass answers on, and write each photo that was read, with its boxes, into `folder` as
    `<name>-faces.jpg`."""
    taken = Counter()
    for answer in answers:
        if answer.photo:
            stem = Path(answer.name).stem
            taken[stem] += 1
            number = f"-{taken[stem]}" if taken[stem] > 1 else ""
            with atomic_write(folder / f"{stem}-faces{number}.jpg") as aside:
                draw_faces(answer).save(aside, quality=92)
        yield answer


def save_video(answers: Iterable[Prediction], folder: Path) -> Iterator[Prediction]:
    """Pass answers on, and write the frames, with their boxes, into `folder` as
    `<name>-faces.mp4`."""
    with ExitStack() as stack:
        writer = None
        for answer in answers:
            if answer.photo:
                if writer is None:
                    aside = stack.enter_context(
                        atomic_write(folder / f"{Path(answer.name).stem}-faces.mp4")
                    )
                    rate = cv2.VideoCapture(answer.name).get(cv2.CAP_PROP_FPS) or 25.0
                    height, width = answer.photo.grey.shape
                    writer = cv2.VideoWriter(
                        str(aside), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height)
                    )
                    stack.callback(writer.release)
                    if not writer.isOpened():
                        raise OSError(
                            f"{folder}: no video can be written for {answer.name} ({width} × {height}, {rate:g} frames a second)"
                        )
                writer.write(cv2.cvtColor(np.asarray(draw_faces(answer)), cv2.COLOR_RGB2BGR))
            yield answer


class Summary:
    """The table at the end: a line for each face of each photo, or the shares of the emotions in a
    video; and what went wrong.

    Args:
        of: what is counted, `photos` or `frames`.
    """

    def __init__(self, of: str):
        self._of = of
        self._rows: list[tuple[str, ...]] = []
        self._counts = Counter()
        self._shown = Counter()  # emotions over the faces of frames

    def add(self, answer: Prediction) -> None:
        """Take one answer in; frames are only counted, so that a long video takes no more memory
        than a short one."""
        kind = "unreadable" if answer.error else "with faces" if answer.faces else "without"
        self._counts.update([kind, "all"])
        self._counts["faces"] += len(answer.faces)
        if answer.error:
            self._rows.append((answer.name, "", "could not be read", answer.error))
        elif answer.frame is not None:
            self._shown.update(face.answer for face in answer.faces)
        elif not answer.faces:
            self._rows.append((answer.name, "", "no face found", "; ".join(answer.notes)))
        for face in answer.faces if answer.frame is None else []:
            self._rows.append(
                (
                    answer.name,
                    "{}, {}, {}".format(*face.box),
                    face_caption(face),
                    "; ".join(answer.notes),
                )
            )

    @property
    def unreadable(self) -> int:
        """How many inputs could not be read."""
        return self._counts["unreadable"]

    def __str__(self) -> str:
        counts, lines = self._counts, []
        if self._rows:
            rows = [("file", "left, top, side", "answer", "note"), *self._rows]
            widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
            lines = [
                "  ".join(
                    cell.ljust(width) for cell, width in zip(row, widths, strict=True)
                ).rstrip()
                for row in rows
            ]
        faces = sum(self._shown.values())
        lines += [
            f"{name:<9}{self._shown[name] / faces:6.1%} of the faces in frames"
            for name in EMOTION_NAMES
            if self._shown[name]
        ]
        total = f"{counts['all']} {self._of}: {counts['faces']} faces in {counts['with faces']}, no face in {counts['without']}"
        lines.append(f"{total}, {counts['unreadable']} could not be read")
        return "\n".join(lines)
