"""Kill trainings at random moments, and compare their ends with those of unbroken ones.

    python benchmarks/kills.py 20

Each chain continues one training of the quick profile after every SIGKILL until it ends; the next
chain has the next seed. Ends with code 1 where a digit of the history, the predictions or the
weights differs.
"""

import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from fer_lib.io import read_arrays
from fer_lib.runs.run import HISTORY_FILE, PREDICTIONS_FILE, Run, run_folder

EXPERIMENT = "custom_cnn"


def start(runs: Path, seed: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "fer_lib", "train", EXPERIMENT, "--profile", "quick"]
    return subprocess.Popen(
        [*command, "--seed", str(seed)],
        env={**os.environ, "FER_LIB_RUNS": str(runs)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def unbroken(runs: Path, seed: int) -> tuple[Run, float]:
    """Train to the end; return the run, and the seconds until it ended."""
    begun = time.monotonic()
    _, errors = (process := start(runs, seed)).communicate()
    if process.returncode:
        sys.exit(errors)
    return Run(run_folder(runs / "quick", EXPERIMENT, seed)), time.monotonic() - begun


def killed(runs: Path, seed: int, seconds: float, kills: int) -> tuple[Run, int]:
    """Kill a training up to `kills` times, and let it end; return the run and the kills."""
    run, draw, done = Run(run_folder(runs / "quick", EXPERIMENT, seed)), random.Random(seed), 0
    while not run.finished and done < kills:
        process = start(runs, seed)
        try:
            process.wait(draw.uniform(0.3, 1.1) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            done += 1
        process.communicate()
    unbroken(runs, seed)  # which returns at once where it has ended
    return run, done


def contents(run: Run) -> dict[str, np.ndarray]:
    """All that a training must end in to the last digit."""
    history = run.history.drop(columns="seconds")
    arrays = {HISTORY_FILE: history.to_numpy()} | read_arrays(run.folder / PREDICTIONS_FILE)
    with h5py.File(run.weights) as file:
        file.visititems(
            lambda name, item: (
                arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return arrays


def main() -> int:
    left, code = int(sys.argv[1]), 0
    for seed in itertools.count():
        if not left:
            return code
        with tempfile.TemporaryDirectory() as folder:
            whole, seconds = unbroken(Path(folder) / "unbroken", seed)
            broken, kills = killed(Path(folder) / "killed", seed, seconds, left)
            a, b = contents(whole), contents(broken)
            same = a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
        left -= kills
        print(f"seed {seed}: {kills} kills, {'the same digits' if same else 'OTHER DIGITS'}")
        code |= not same
    return code


if __name__ == "__main__":
    sys.exit(main())
