"""Measure `predict_faces` as a user calls it: first and next calls, memory, threads, throughput.

Each process imports the library, predicts a photo of 512 × 512 pixels with one face several times,
and then 100 cropped faces in one call; it does so on one core and on all. Times are the shortest of
several processes and calls. As other programs may run, wall times and what all cores do together
are printed only. Needs Linux and the `analysis` extra. Writes
`results/analysis/predict_faces.json`: processor times on one core, peak memory and threads.

    python benchmarks/predict_faces.py [--processes N]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROCESSES = 5
CALLS = 20  # in each process
MANY = 100  # faces
MANY_CALLS = 3


def measure(photo: str) -> dict:
    """The times in ms, the memory and the threads of this process, which imports the library."""
    first = times(lambda: predict(photo), 1)
    calls = times(lambda: predict(photo), CALLS)
    megabytes, (face,) = peak_megabytes(), predict(photo)

    from PIL import Image

    left, top, side = face.box
    with Image.open(photo) as image:
        crop = image.crop((left, top, left + side, top + side)).resize((48, 48))
    many = times(lambda: predict([crop] * MANY, cropped=True), MANY_CALLS)
    values = {}
    for name, (wall, processor) in {"first": first, "next": calls, "many": many}.items():
        values |= {f"{name}_ms": processor, f"{name}_wall_ms": wall}
    threads = len(list(Path("/proc/self/task").iterdir()))
    return values | {"peak_megabytes": megabytes, "threads": threads}


def predict(source, **options):
    """Call `predict_faces`; the first call imports it."""
    from fer_lib import predict_faces

    return predict_faces(source, **options)


def times(call, repetitions: int) -> tuple[float, float]:
    """Wall and processor time of the fastest of several calls, in ms."""
    clocks = (time.perf_counter, time.process_time)
    measured = []
    for _ in range(repetitions):
        began = [clock() for clock in clocks]
        call()
        measured.append(
            [1000 * (clock() - start) for clock, start in zip(clocks, began, strict=True)]
        )
    wall, processor = zip(*measured, strict=True)
    return min(wall), min(processor)


def peak_megabytes() -> float:
    """The largest resident memory that the process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def row(photo: Path, cores: list[int], processes: int) -> dict:
    """Measure several processes on some cores: the shortest times, the largest memory."""
    command = [sys.executable, __file__, "--measure", str(photo)]
    os.sched_setaffinity(0, cores)  # processes started from here on inherit it
    rows = [
        json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        for _ in range(processes)
    ]
    choose = {name: min if name.endswith("_ms") else max for name in rows[0]}
    values = {name: choose[name](each[name] for each in rows) for name in rows[0]}
    return {"cores": len(cores), **values}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=PROCESSES, help=f"(default: {PROCESSES})")
    parser.add_argument("--measure", metavar="PHOTO", help=argparse.SUPPRESS)  # in its own process
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    from PIL import Image
    from skimage import data

    from fer_lib.analysis.benchmarks import PREDICT_FACES_PATH
    from fer_lib.io import write_json
    from fer_lib.runs.environment import hardware
    from fer_lib.runs.manifest import manifest_updated

    rows, machine, cores = [], hardware(), sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "astronaut.png"
        Image.fromarray(data.astronaut()).save(photo)
        for count in sorted({1, len(cores)}):
            rows.append(row(photo, cores[:count], options.processes))
            print(json.dumps(rows[-1], indent=1), flush=True)
    kept = {key: value for key, value in rows[0].items() if "wall" not in key}
    record = {"hardware": machine, "processes": options.processes, "calls": CALLS, "faces": MANY}
    with manifest_updated():
        write_json(PREDICT_FACES_PATH, record | kept)


if __name__ == "__main__":
    main()
