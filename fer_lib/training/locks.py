"""One process and one configuration a run: the lock and the check of `config.json`."""

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from fer_lib.experiments import Experiment
from fer_lib.io import TMP_PREFIX, read_json, write_json
from fer_lib.runs.run import Run, RunError


@contextmanager
def run_lock(run: Run) -> Iterator[None]:
    """Keep other processes from training the same run.

    The operating system releases the lock when a process ends, however it ends. What a killed
    process left half-written is removed.

    Raises:
        RunError: another process has the lock.
    """
    lock = FileLock(run.folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{run.folder}: another process is training this run; wait for it, or stop it first"
        ) from None
    try:
        for path in run.folder.glob(f"{TMP_PREFIX}*"):
            path.unlink()
        yield
    finally:
        lock.release()


def check_or_write_config(run: Run, config: dict) -> None:
    """Write a run's configuration, or check that the one in its folder is the same.

    Keys that the folder's configuration lacks are added; settings of an experiment that were
    introduced later have their defaults.

    Args:
        config: what identifies the run, as it stands in `config.json`.

    Raises:
        RunError: a value differs; the message has both, and nothing is written.
        ValueError: the folder's configuration is that of no experiment.
    """
    path = run.folder / "config.json"
    stored = read_json(path) if path.exists() else {}
    for key, expected in config.items():
        value = stored.get(key, expected)
        if key == "configuration" and "model" in value:
            value = Experiment.from_dict(value).to_dict()
        if value == expected:
            continue
        if key == "configuration":
            changed = [k for k in expected | value if value.get(k) != expected.get(k)]
            value, expected = ({k: side.get(k) for k in changed} for side in (value, expected))
        raise RunError(
            f"{run.folder}: this run began with {key} {value}, now it is {expected}; "
            "copy the experiment's row under a new name, or remove the folder"
        )
    if config.keys() - stored.keys():
        write_json(path, {**config, **stored})
