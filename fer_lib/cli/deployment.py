"""`export` and `predict`."""

import itertools
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from fer_lib.cli.predictions import Counts, Csv, JsonLines, StandardOutput, Table
from fer_lib.deploy.annotate import Saver
from fer_lib.deploy.exported import export_path, litert_path
from fer_lib.deploy.faces import CONFIDENT_ABOVE, Prediction, predict_photos
from fer_lib.deploy.inference import OnnxModel, load_onnx_model
from fer_lib.deploy.inputs import find_inputs
from fer_lib.deploy.suffixes import is_video
from fer_lib.deploy.tracking import predict_camera, predict_video
from fer_lib.deploy.videos import VideoError
from fer_lib.text import printable


def export(options: Namespace) -> None:
    """Export a run, and print how the file compares with Keras."""
    from fer_lib.cli.records import finished_run
    from fer_lib.deploy.litert_export import export_litert
    from fer_lib.deploy.onnx_export import CALIBRATION_IMAGES, export_onnx
    from fer_lib.profiles import get_profile

    run = finished_run(options.folder)
    dataset = get_profile(run.config["profile"]).dataset()
    if options.litert:
        path = litert_path(run)
        report = export_litert(run, path, dataset)
    else:
        path = export_path(run, options.int8)
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
    """Print what is predicted for each face; return 2 if an input could not be read or saved.

    A camera is read until Ctrl-C.
    """
    output, counts, tabular = StandardOutput(), Counts(), not (options.json or options.csv)
    if tabular:
        printer = Table(output, live=options.camera is not None)
    else:
        printer = JsonLines(output) if options.json else Csv(output)
    inputs = find_inputs(options.inputs)
    if inputs.saved and not inputs.paths:
        raise ValueError("the inputs are files that --save wrote, which are not predicted again")
    model = load_onnx_model(options.model)
    for prediction in tqdm(
        _predictions(inputs.paths, model, options), unit=" images", disable=None
    ):
        counts.add(prediction)
        printer.add(prediction)
        if output.closed and not options.save:
            break
    printer.finish()
    if tabular:
        output.print(str(counts))
    messages = [] if tabular else [str(counts)]
    if inputs.saved:
        messages.append(f"inputs passed over, because --save wrote them: {inputs.saved}")
    if inputs.other_files:
        by_suffix = sorted(inputs.other_files.items())
        numbers = ", ".join(f"{n} {printable(suffix)}" for suffix, n in by_suffix)
        messages.append(f"files in folders that are no photos or videos: {numbers}")
    for message in filter(None, (*messages, output.error)):
        print(message, file=sys.stderr)
    return 2 if counts.problems or output.error else 0


def _predictions(paths: list[Path], model: OnnxModel, options: Namespace) -> Iterator[Prediction]:
    """Predict each input, and save it where that is asked for."""
    saver = Saver(options.save) if options.save else None
    save_photos, save_video = (saver.photos, saver.video) if saver else (iter, iter)
    threshold = CONFIDENT_ABOVE if options.threshold is None else options.threshold

    def marked(predictions: Iterator[Prediction]) -> Iterator[Prediction]:
        for prediction in predictions:
            prediction.faces = [replace(face, threshold=threshold) for face in prediction.faces]
            yield prediction

    if options.camera is not None:
        frames = predict_camera(options.camera, model, options.cropped)
        frames = _with_error(f"camera {options.camera}", frames)
        yield from save_video(marked(_until_interrupted(frames)))
    for videos, group in itertools.groupby(paths, is_video):
        if videos:
            for path in group:
                frames = _with_error(str(path), predict_video(path, model, options.cropped))
                yield from save_video(marked(frames))
        else:
            yield from save_photos(marked(predict_photos(group, model, options.cropped)))


def _with_error(name: str, frames: Iterator[Prediction]) -> Iterator[Prediction]:
    """Yield frames and, where they cannot be read, a last prediction with the reason."""
    try:
        yield from frames
    except (VideoError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        yield Prediction(name, error=reason.removeprefix(f"{printable(name)}: "))


def _until_interrupted(predictions: Iterator[Prediction]) -> Iterator[Prediction]:
    """Yield until Ctrl-C, which then is no error; a second one is."""
    stopped = threading.Event()

    def stop(*_):
        stopped.set()
        signal.signal(signal.SIGINT, previous)

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield from itertools.takewhile(lambda _: not stopped.is_set(), predictions)
    finally:
        signal.signal(signal.SIGINT, previous)
