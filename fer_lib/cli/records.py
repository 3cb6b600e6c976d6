"""`record`, `verify`, `checksums` and `list`."""

from argparse import Namespace
from contextlib import suppress
from functools import cache
from pathlib import Path

from fer_lib.io import read_json
from fer_lib.runs.manifest import CHECKSUMS_FILE, rewrite_manifest
from fer_lib.runs.run import Run, RunError
from fer_lib.runs.store import find_runs, record_run
from fer_lib.text import printable


def record(options: Namespace) -> None:
    """Copy a finished run into the folder of recorded runs."""
    run = record_run(Run(options.folder), options.results)
    print_metrics(run.metrics)
    print(run.folder)


def verify(options: Namespace) -> int:
    """Verify runs or, without a choice, all that is recorded; return 1 if a part of it fails.

    A run in the folder of recorded runs is verified as a record: with checksums, for instance.
    """
    results = options.results.resolve()
    if options.folders:
        runs = list(map(finished_run, options.folders))
        verified = [_verify(run, results) for run in runs]
        return 0 if all(verified) else 1
    from fer_lib.evaluation.verify import verify_files

    runs = [Run(folder) for folder in sorted(results.glob("*/seed-*")) if folder.is_dir()]
    if not runs:
        raise RunError(f"{options.results}: no run is recorded")
    verified = [_verify(run, results) for run in runs]
    verified += _verify_analyses(results, options.all)
    verified.append(_print_report(results.name, verify_files(results)))
    return 0 if all(verified) else 1


def _verify(run: Run, results: Path) -> bool:
    from fer_lib.evaluation.verify import verify_run

    recorded = run.folder.is_relative_to(results)
    report = verify_run(run, _dataset, recorded)
    return _print_report(f"{run.folder.parent.name}/{run.folder.name}", report)


def _verify_analyses(results: Path, in_full: bool) -> list[bool]:
    """Recompute the analyses of recorded runs; return which are verified."""
    from fer_lib.analysis.recomputation import ANALYSES, Inputs
    from fer_lib.analysis.verification import verify_analysis

    folder, dataset = results / "analysis", _dataset("full")
    if reason := _cannot_recompute(folder, dataset):
        print(f"analysis: not recomputed; {reason}")
        return []
    inputs, verified = Inputs(dataset, results), []
    for analysis in ANALYSES:
        if any((folder / name).exists() for name in analysis.files):
            report = verify_analysis(analysis, inputs, folder, in_full)
            verified.append(_print_report(f"analysis/{analysis.files[0]}", report))
    return verified


def _cannot_recompute(folder: Path, dataset) -> str | None:
    """Why analyses cannot be recomputed here; None if they can."""
    if dataset is None:
        return "FER2013 is not on this machine"
    with suppress(Exception):  # a damaged one is reported as a problem of its own
        if dataset.sha256 != read_json(folder / "dataset.json").get("sha256", dataset.sha256):
            return "this copy of FER2013 is another than the recorded one"
    return None


def _print_report(name: str, report) -> bool:
    print(f"{name}: {'FAILED' if report.problems else 'verified'}")
    for kind, messages in (("problem", report.problems), ("note", report.notes)):
        for message in messages:
            print(f"  {kind}: {message}")
    if report.metrics:
        print("  recomputed from the weights:")
        print_metrics(report.metrics)
    return not report.problems


def checksums(options: Namespace) -> None:
    """Write the checksums of all that is recorded anew, and print what has changed."""
    changes = rewrite_manifest(options.results)
    for change, names in changes.items():
        for name in names:
            print(f"{change}: {name}")
    print(options.results / CHECKSUMS_FILE)


@cache
def _dataset(profile: str):
    from fer_lib.profiles import get_profile

    return get_profile(profile).dataset()


def finished_run(folder: Path) -> Run:
    """Return the finished run on FER2013 in a folder.

    Raises:
        RunError: it is unfinished, or a pretraining, whose classes are not FER2013's. Nothing is
            raised for a damaged configuration: what reads it next names it.
    """
    run, config = Run(folder), {}
    if not run.finished:
        raise RunError(f"{folder}: not a finished run (there is no metrics.json)")
    with suppress(ValueError):
        config = run.config
    if "classes" in config:
        raise RunError(
            f"{folder}: a pretraining, whose classes are not FER2013's; an experiment can start "
            "from it"
        )
    return run


def list_experiments(options: Namespace) -> int:
    """Print each experiment with the metrics of its recorded runs; return 1 if one is damaged."""
    from fer_lib.experiments import EXPERIMENTS

    by_name, code = dict.fromkeys(EXPERIMENTS, ()), 0
    runs = find_runs(options.results)
    if not runs:
        where = f"note: {printable(options.results)}: no run is recorded"
        print(f"{where}; the recorded runs are part of the repository")
    for run in runs:
        name = run.folder.parent.name
        by_name[name] = (*by_name.get(name, ()), run)
    for name, runs in by_name.items():
        print(f"{name}: " + (f"{len(runs)} recorded" if runs else "not recorded"))
        for run in runs:
            seed = run.folder.name.removeprefix("seed-")
            print(f"  seed {seed}" + (", with weights" if run.weights else ""))
            try:
                _print_recorded(run)
            except (ValueError, LookupError, TypeError, OSError) as error:
                print(f"  damaged: {error}")
                code = 1
    return code


def _print_recorded(run: Run) -> None:
    from fer_lib.analysis.leakage import without_leakage

    print_metrics(run.metrics)
    if predictions := run.predictions.get("private_test"):
        kept = without_leakage(predictions, "private_test")
        print(f"  private_test, de-duplicated: accuracy {kept.correct.mean():.2%}")


def print_metrics(metrics: dict) -> None:
    """Print accuracy, with its 95 % interval, and macro-F1 of each split."""
    for split, values in metrics.items():
        low, high = values["intervals"]["accuracy"]
        print(
            f"  {split}: accuracy {values['accuracy']:.2%} (95 % interval {low:.2%} to "
            f"{high:.2%}), macro-F1 {values['macro_f1']:.3f}"
        )
