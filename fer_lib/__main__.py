"""The command line: `python -m fer_lib VERB`. Exit codes: 0, 1 for a record that does not hold, 2 for bad input."""

import argparse
import contextlib
import os
import sys
from pathlib import Path

from fer_lib import data, profiles, runs
from fer_lib.experiments import EXPERIMENTS


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.verb(options) or 0
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from the last epoch that ended", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fer_lib", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(function, name, text):
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(verb=function)
        return sub

    sub = verb(_data, "data", "print the class counts of each split and the SHA-256 of the data set")
    sub.add_argument("path", nargs="?", type=Path, help="FER2013's file or folder (default: the FER2013 variable, then data/)")
    verb(_fetch, "fetch", "download FER2013 from Kaggle into data/")
    sub = verb(_train, "train", "train an experiment, or go on where it was stopped")
    sub.add_argument("experiment")
    sub.add_argument("--seed", type=_seed, default=0, help="a whole number from 0 (default: 0)")
    sub.add_argument("--profile", choices=profiles.PROFILES, default="full")
    sub = verb(_record, "record", "copy a finished run on FER2013 into results/")
    sub.add_argument("run", type=Path)
    sub = verb(_evaluate, "evaluate", "recompute a run from its weights, and say whether its record holds")
    sub.add_argument("run", type=Path)
    verb(_verify, "verify", "evaluate every recorded run")
    verb(_list, "list", "list the experiments and what is recorded of them")
    verb(_analyse, "analyse", "write to results/analysis/ what the book needs to know of FER2013 and of the recorded runs")
    verb(_robustness, "robustness", "measure the recorded networks on corrupted images, those that were not yet")
    sub = verb(_corrupt, "corrupt", "write PrivateTest's corrupted images, 450 MB of NumPy arrays, for other networks to be measured on")
    sub.add_argument("folder", type=Path)
    return parser


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)


def _full_dataset() -> data.Dataset:
    dataset = profiles.find("full").dataset()
    if dataset is None:
        raise data.DataError("FER2013 is not on this machine; data/README.md says how to get it")
    return dataset


def _data(options) -> None:
    from fer_lib import tables

    dataset = data.load(options.path) if options.path else _full_dataset()
    print(tables.class_counts(dataset.class_counts).to_string(index=False, formatters=dict.fromkeys(data.SPLITS, "{:,}".format)))
    print(f"SHA-256 {dataset.sha256}")
    for note in dataset.notes:
        print(f"note: {note}")


def _fetch(options) -> None:
    print(data.fetch())


def _train(options) -> None:
    # On Linux, a batch process: two cores trained 490 to 570 images a second so, and 310 to 630 with the default policy,
    # whose wake-ups put both of TensorFlow's threads on one core for minutes. Set before TensorFlow starts its threads.
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):  # a sandbox may refuse it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    from fer_lib import training

    profile = profiles.find(options.profile)
    if profile.name == "quick":
        print("quick profile: synthetic faces, a few epochs")
    verbose = 1 if sys.stdout.isatty() else 2  # a bar on a terminal, a line an epoch in a log
    _print_run(training.train_by_name(options.experiment, options.seed, profile, verbose))


def _print_run(run: runs.Run) -> None:
    _print_metrics(run.metrics)
    print(run.folder)


def _print_metrics(metrics: dict) -> None:
    for split, values in metrics.items():
        low, high = values["intervals"]["accuracy"]
        print(f"  {split}: accuracy {values['accuracy']:.2%} (95 % interval {low:.2%} to {high:.2%}), macro-F1 {values['macro_f1']:.3f}")


def _record(options) -> None:
    _print_run(runs.record(runs.Run(options.run), profiles.RESULTS))


def _evaluate(options) -> int:
    run = runs.Run(options.run)
    if not run.finished:
        raise runs.RunError(f"{options.run}: not a finished run (there is no metrics.json)")
    return _check([run], profiles.find(run.config["profile"]).dataset())


def _verify(options) -> int:
    recorded = runs.find_all(profiles.RESULTS)
    if not recorded:
        raise runs.RunError(f"{profiles.RESULTS}: no run is recorded")
    return _check(recorded, profiles.find("full").dataset(), recorded=True)


def _check(checked: list[runs.Run], dataset: data.Dataset | None, recorded: bool = False) -> int:
    from fer_lib import verification

    broken = 0
    for run in checked:
        findings = verification.check(run, dataset, recorded)
        broken += bool(findings.problems)
        print(f"{run.config['experiment']} seed {run.config['seed']}: {'DOES NOT HOLD' if findings.problems else 'holds'}")
        for kind, lines in (("problem", findings.problems), ("note", findings.notes)):
            for line in lines:
                print(f"  {kind}: {line}")
        if findings.metrics:
            print("  recomputed from the weights:")
            _print_metrics(findings.metrics)
    return 1 if broken else 0


def _list(options) -> None:
    recorded = runs.find_all(profiles.RESULTS)
    names = dict.fromkeys([*EXPERIMENTS, *(run.config["experiment"] for run in recorded)])
    for name in names:
        mine = [run for run in recorded if run.config["experiment"] == name]
        print(f"{name}: " + (f"{len(mine)} recorded" if mine else "not recorded"))
        for run in mine:
            print(f"  seed {run.config['seed']}" + ("" if run.weights is None else ", with weights"))
            _print_metrics(run.metrics)


def _analyse(options) -> None:
    from fer_lib import duplicates, explain, ferplus
    from fer_lib.files import write_json

    dataset = _full_dataset()
    path = profiles.RESULTS / "analysis" / "dataset.json"
    write_json(path, {"sha256": dataset.sha256, "class_counts": dataset.class_counts})
    print(path)
    headlines = [run for run in runs.find_all(profiles.RESULTS) if "private_test_logits" in run.predictions]
    votes = ferplus.find()
    if votes is None:
        print(f"{ferplus.RECORD}: left as it is, FER+ is not on this machine; data/README.md says how to get it")
    else:
        ferplus.record(headlines, dataset, ferplus.load(votes, dataset))
        print(ferplus.RECORD)
    with_weights = [run for run in headlines if run.weights]
    explain.record(with_weights, dataset)
    print(explain.RECORD)
    explain.record_deletion(with_weights, dataset)
    print(explain.DELETION_RECORD)
    write_json(duplicates.RECORD, duplicates.analysis(dataset))
    print(duplicates.RECORD)


def _robustness(options) -> None:
    from fer_lib import corruptions

    corruptions.record([run for run in runs.find_all(profiles.RESULTS) if run.weights], _full_dataset())
    print(corruptions.RECORD)


def _corrupt(options) -> None:
    from fer_lib import corruptions

    corruptions.write(_full_dataset(), options.folder)
    print(options.folder)


if __name__ == "__main__":
    sys.exit(main())
