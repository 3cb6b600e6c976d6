"""Measure how fast faces are followed through a video: read, followed, classified.

In a video of 1,280 × 720 pixels, the face of a portrait moves. Processor time on one core, because
other programs may run. Writes `results/analysis/video.json`.

    taskset --cpu-list 0 python benchmarks/video.py
"""

import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from fer_lib.deploy.inference import OnnxModel, load_onnx_model
from fer_lib.deploy.tracking import predict_video
from fer_lib.deploy.videos import VideoWriter
from fer_lib.io import write_json
from fer_lib.paths import ANALYSIS
from fer_lib.runs.environment import hardware

PATH = ANALYSIS / "video.json"
SIZE = (1280, 720)
FRAMES = (90, 450)  # of two videos, whose memory is compared
FRAMES_PER_SECOND = 30


def write_video(path: Path, frames: int) -> None:
    """Write a video in which a portrait moves."""
    portrait = Image.fromarray(data.astronaut())
    with VideoWriter(path, *SIZE) as writer:
        for number in range(frames):
            image = Image.new("RGB", SIZE, (90, 110, 120))
            image.paste(portrait, (300 + round(60 * np.sin(number / 20)), 150))
            writer.write(image, number / FRAMES_PER_SECOND)


def row(path: Path, model: OnnxModel) -> dict:
    """The time per frame, and the memory of the process, after a video."""
    began, faces, frames = time.process_time(), 0, 0
    for prediction in predict_video(path, model):
        faces += len(prediction.faces)
        frames += 1
    seconds = time.process_time() - began
    return {
        "frames": frames,
        "faces": faces,
        "frames_per_second": frames / seconds,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def main() -> None:
    if len(os.sched_getaffinity(0)) > 1:
        raise SystemExit("run it on one core, with taskset: NumPy counts the cores at import")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{frames}.mp4" for frames in FRAMES]
        for path, frames in zip(paths, FRAMES, strict=True):
            write_video(path, frames)
        rows = [row(path, load_onnx_model()) for path in paths]
    for measured in rows:
        print(measured)
    write_json(PATH, {"hardware": hardware(), "rows": rows})


if __name__ == "__main__":
    main()
