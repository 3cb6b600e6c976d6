"""`export` and `predict`."""

import sys
from argparse import Namespace
from collections import Counter

from tqdm import tqdm

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.deploy.annotate import face_caption, save_photos, save_video
from fer_lib.deploy.exported import default_model, export_path
from fer_lib.deploy.faces import Prediction, predict_photos, predict_video
from fer_lib.deploy.images import find_images
from fer_lib.deploy.inference import OnnxModel

_HEADER = ("file", "left, top, side", "prediction", "note")


def export(options: Namespace) -> None:
    """Export a run, and print how the file compares with Keras."""
    from fer_lib.cli.records import finished_run
    from fer_lib.deploy.onnx_export import CALIBRATION_IMAGES, export_onnx
    from fer_lib.profiles import get_profile

    run = finished_run(options.folder)
    path = export_path(run, options.int8)
    dataset = get_profile(run.config["profile"]).dataset()
    report = export_onnx(run, path, dataset, options.int8)
    source = "synthetic faces (FER2013 is not on this machine)" if report.synthetic else "{}"
    if options.int8:
        print(f"int8 ranges from {CALIBRATION_IMAGES} images: {source.format('Training')}")
    print(f"compared with Keras on {report.images:,} images: {source.format('PublicTest')}")
    print(f"largest difference of a probability: {report.max_probability_difference:.1e}")
    if report.accuracy is not None:
        print(f"accuracy: {report.accuracy:.2%}, in Keras {report.accuracy_keras:.2%}")
    print(f"{path} ({path.stat().st_size / 1e6:.2f} MB)")


def predict(options: Namespace) -> int:
    """Print what is predicted for each face, and return 2 if an input could not be read."""
    model = OnnxModel(options.model) if options.model else default_model()
    paths, other_files = find_images(options.photos)
    if options.video:
        unit, save = "frame", save_video
        predictions = predict_video(options.video, model, options.cropped)
    else:
        unit, save = "photo", save_photos
        predictions = predict_photos(paths, model, options.cropped)
    if options.save:
        predictions = save(predictions, options.save)
    summary = Summary(unit)
    for prediction in tqdm(predictions, total=len(paths) or None, unit=unit, disable=None):
        summary.add(prediction)
        if options.json:
            tqdm.write(prediction.to_json(), file=sys.stdout)
    print(summary, file=sys.stderr if options.json else sys.stdout)
    if other_files:
        counts = ", ".join(f"{n} {suffix}" for suffix, n in sorted(other_files.items()))
        print(f"files in folders that are not images: {counts}", file=sys.stderr)
    return 2 if summary.unreadable else 0


class Summary:
    """The table that `predict` prints: one line per face of a photo, or a video's emotions.

    Args:
        unit: `photo` or `frame`.
    """

    def __init__(self, unit: str):
        self._unit, self._rows, self._counts = unit, [], Counter()
        self._emotions = Counter()  # of the faces of frames

    def add(self, prediction: Prediction) -> None:
        """Add a prediction; frames are only counted, so that memory does not grow with a video."""
        faces, notes = prediction.faces, "; ".join(prediction.notes)
        state = "unreadable" if prediction.error else "with faces" if faces else "without faces"
        self._counts.update({state: 1, "all": 1, "faces": len(faces)})
        if prediction.error:
            lines = [("", "could not be read", prediction.error)]
        elif prediction.frame is not None:
            lines = []
            self._emotions.update(face.emotion for face in faces)
        else:
            lines = [(", ".join(map(str, f.box)), face_caption(f), notes) for f in faces]
            lines = lines or [("", "no face found", notes)]
        self._rows += [(prediction.name, *line) for line in lines]

    @property
    def unreadable(self) -> int:
        """The number of inputs that could not be read."""
        return self._counts["unreadable"]

    def __str__(self) -> str:
        counts, emotions = self._counts, self._emotions
        rows = [_HEADER, *self._rows] if self._rows else []
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        lines += [
            f"{name:<9}{emotions[name] / emotions.total():6.1%} of the faces"
            for name in EMOTION_NAMES
            if emotions[name]
        ]
        lines.append(
            f"{counts['all']} {self._unit}s: {counts['faces']} faces in {counts['with faces']}, "
            f"no face in {counts['without faces']}, {counts['unreadable']} could not be read"
        )
        return "\n".join(lines)
