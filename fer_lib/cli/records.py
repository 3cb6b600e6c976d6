"""`record`, `verify` and `list`."""

from argparse import Namespace
from contextlib import suppress
from functools import cache
from pathlib import Path

from fer_lib.runs.run import Run, RunError
from fer_lib.runs.store import find_runs, record_run


def record(options: Namespace) -> None:
    """Copy a finished run into the folder of recorded runs."""
    run = record_run(Run(options.folder), options.results)
    print_metrics(run.metrics)
    print(run.folder)


def verify(options: Namespace) -> int:
    """Verify runs, and return 1 if one fails.

    A run in the folder of recorded runs is verified as a record: with checksums, for instance.
    """
    runs = list(map(finished_run, options.folders)) or find_runs(options.results)
    if not runs:
        raise RunError(f"{options.results}: no run is recorded")
    verified = [_verify(run, options.results) for run in runs]
    return 0 if all(verified) else 1


def _verify(run: Run, results: Path) -> bool:
    from fer_lib.evaluation.verify import verify_run

    recorded = run.folder.is_relative_to(results.resolve())
    report = verify_run(run, _dataset, recorded)
    verdict = "FAILED" if report.problems else "verified"
    print(f"{run.folder.parent.name}/{run.folder.name}: {verdict}")
    for kind, messages in (("problem", report.problems), ("note", report.notes)):
        for message in messages:
            print(f"  {kind}: {message}")
    if report.metrics:
        print("  recomputed from the weights:")
        print_metrics(report.metrics)
    return not report.problems


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


def list_experiments(options: Namespace) -> None:
    """Print each experiment with the metrics of its recorded runs."""
    from fer_lib.analysis.leakage import without_leakage
    from fer_lib.experiments import EXPERIMENTS

    runs = find_runs(options.results)
    for name in dict.fromkeys([*EXPERIMENTS, *(run.name for run in runs)]):
        recorded = [run for run in runs if run.name == name]
        print(f"{name}: " + (f"{len(recorded)} recorded" if recorded else "not recorded"))
        for run in recorded:
            print(f"  seed {run.seed}" + (", with weights" if run.weights else ""))
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
