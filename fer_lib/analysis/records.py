"""Read and write the files of analyses, `results/analysis/*.json`, by run."""

from collections.abc import Callable
from pathlib import Path

from fer_lib.io import read_json, write_json
from fer_lib.profiles import Profile
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


def record(runs: list[Run], analysis: Callable[[Run], dict], path: Path) -> None:
    """Write what an analysis returns of runs, JSON types, to a file by the runs' keys."""
    write_json(path, {run.key: analysis(run) for run in runs})


def recorded_or_computed(
    runs: dict[str, Run | None], analysis: Callable[[Run], dict], profile: Profile, path: Path
) -> dict[str, dict | None]:
    """Return what an analysis returns of runs, by title; None for runs that have no record.

    Where a notebook trains its runs, it is computed.

    Args:
        runs, path: as `records_of`.
    """
    if profile.trains_in_notebooks:
        return {title: run and analysis(run) for title, run in runs.items()}
    return dict.fromkeys(runs) | records_of(runs, path)
