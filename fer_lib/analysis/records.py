"""What the files of analyses, `results/analysis/*.json`, hold of runs."""

from pathlib import Path

from fer_lib.io import read_json
from fer_lib.runs.run import Run


def records_of(runs: dict[str, Run | None], path: Path, part: str | None = None) -> dict[str, dict]:
    """Return what a file holds of runs, by title; those that it lacks are left out.

    Args:
        runs: by title; None for a run that is not recorded.
        path: a JSON file by the runs' keys; it may be missing.
        part: the file's key that holds the runs, where they are not at its top.
    """
    if not path.is_file():
        return {}
    record = read_json(path)[part] if part else read_json(path)
    return {title: record[run.key] for title, run in runs.items() if run and run.key in record}
