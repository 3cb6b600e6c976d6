"""The command line: `python -m fer_lib VERB`. Exit codes: 0, 1 for a record that does not hold, 2
for bad input."""

import argparse
import contextlib
import os
import sys
from pathlib import Path

from tqdm import tqdm

from fer_lib.analysis.comparison import UNSEEN, accuracy_unseen
from fer_lib.analysis.grad_cam import DELETION_PATH, GRAD_CAM_PATH, record_deletion, record_grad_cam
from fer_lib.analysis.label_noise import LABEL_NOISE_PATH, record_label_noise
from fer_lib.analysis.leakage import LEAKAGE_PATH, duplicate_analysis
from fer_lib.analysis.robustness import ROBUSTNESS_PATH, export_corruptions, record_robustness
from fer_lib.data.dataset import Dataset, download_dataset, load_dataset
from fer_lib.data.ferplus import find_votes, load_votes
from fer_lib.data.readers import SPLITS, DataError
from fer_lib.deploy.faces import (
    Classifier,
    Summary,
    export_path,
    load_exported,
    predict_photos,
    predict_video,
    save_photos,
    save_video,
)
from fer_lib.deploy.images import find_images
from fer_lib.deploy.onnx_export import ensure_exported, export_onnx
from fer_lib.evaluation.tta_predictions import (
    TTA_PATH,
    TTA_PREDICTIONS_PATH,
    record_tta_predictions,
    record_tta_schemes,
)
from fer_lib.evaluation.verify import require_same_images, verify_run
from fer_lib.experiments import EXPERIMENTS, MAIN_MODELS, SE_CNN_EXPERIMENTS
from fer_lib.io import write_json
from fer_lib.paths import RESULTS
from fer_lib.profiles import PROFILES, get_profile
from fer_lib.report.summaries import class_counts
from fer_lib.runs.run import Run, RunError
from fer_lib.runs.store import best_single_run, find_run, find_runs, record_run
from fer_lib.training.dispatch import run_experiment
from fer_lib.training.pretraining import pretrain, read_image_folder, synthetic_pretraining_faces


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.verb(options) or 0
    except KeyboardInterrupt:
        goes_on = (
            "; the same command goes on from the last epoch that ended"
            if options.verb in (_train, _pretrain)
            else ""
        )
        print(f"\nstopped{goes_on}", file=sys.stderr)
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

    sub = verb(
        _data, "data", "print the class counts of each split and the SHA-256 of the data set"
    )
    sub.add_argument(
        "path",
        nargs="?",
        type=Path,
        help="FER2013's file or folder (default: the FER2013 variable, then data/)",
    )
    verb(_fetch, "fetch", "download FER2013 from Kaggle into data/")
    sub = verb(_train, "train", "train an experiment, or go on where it was stopped")
    sub.add_argument("experiment")
    sub.add_argument("--seed", type=_seed, default=0, help="a whole number from 0 (default: 0)")
    sub.add_argument("--profile", choices=PROFILES, default="full")
    sub = verb(
        _pretrain,
        "pretrain",
        "train the small CNN on other faces, for the experiments that start from them",
    )
    sub.add_argument(
        "folder",
        nargs="?",
        type=Path,
        help="a folder of pictures for each class (default: synthetic faces)",
    )
    sub.add_argument("--seed", type=_seed, default=0, help="a whole number from 0 (default: 0)")
    sub = verb(_record, "record", "copy a finished run on FER2013 into results/")
    sub.add_argument("run", type=Path)
    sub = verb(
        _evaluate, "evaluate", "recompute a run from its weights, and say whether its record holds"
    )
    sub.add_argument("run", type=Path)
    verb(_verify, "verify", "evaluate every recorded run")
    verb(_list, "list", "list the experiments and what is recorded of them")
    verb(
        _analyse,
        "analyse",
        "write to results/analysis/ what the book needs to know of FER2013 and of the recorded runs",
    )
    verb(
        _robustness,
        "robustness",
        "measure the recorded networks on corrupted images, those that were not yet",
    )
    verb(
        _shifts,
        "shifts",
        "measure answers averaged over shifted pictures, and record the small networks' under the chosen scheme",
    )
    sub = verb(
        _corrupt,
        "corrupt",
        "write PrivateTest's corrupted images, 450 MB of NumPy arrays, for other networks to be measured on",
    )
    sub.add_argument("folder", type=Path)
    sub = verb(
        _export,
        "export",
        "write a run as one ONNX file, from grey pixels to calibrated probabilities, and check it",
    )
    sub.add_argument("run", type=Path)
    sub.add_argument("--int8", action="store_true", help="in 8 bits")
    sub = verb(
        _predict,
        "predict",
        "say what the faces in photos or in a video show; exit code 2 where an input could not be read",
    )
    sub.add_argument("photo", nargs="*", help="files, folders, or patterns in quotes")
    sub.add_argument("--video", type=Path, help="a video in place of photos")
    sub.add_argument(
        "--json",
        action="store_true",
        help="one line of JSON for each photo or frame, in place of the table",
    )
    sub.add_argument(
        "--save",
        type=Path,
        metavar="FOLDER",
        help="write the photos, or the video, with boxes into this folder",
    )
    sub.add_argument(
        "--model",
        type=Path,
        help="an exported file (default: the best recorded small network, exported on first use)",
    )
    return parser


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)


def _full_dataset() -> Dataset:
    dataset = get_profile("full").dataset()
    if dataset is None:
        raise DataError("FER2013 is not on this machine; data/README.md says how to get it")
    return dataset


def _dataset_of_records() -> Dataset:
    """FER2013, for what is written into results/: only where it is the copy that the recorded runs
    are of."""
    from fer_lib.paths import RESULTS
    from fer_lib.runs.store import find_runs

    dataset = _full_dataset()
    require_same_images(find_runs(RESULTS), dataset)
    return dataset


def _data(options) -> None:

    dataset = load_dataset(options.path) if options.path else _full_dataset()
    print(
        class_counts(dataset.class_counts).to_string(
            index=False, formatters=dict.fromkeys(SPLITS, "{:,}".format)
        )
    )
    print(f"SHA-256 {dataset.sha256}")
    for note in dataset.notes:
        print(f"note: {note}")


def _fetch(options) -> None:
    print(download_dataset())


def _train(options) -> None:
    _as_batch_process()
    from fer_lib.profiles import get_profile

    profile = get_profile(options.profile)
    if profile.name == "quick":
        print("quick profile: synthetic faces, a few epochs")
    _print_run(run_experiment(options.experiment, options.seed, profile, _verbose()))


def _pretrain(options) -> None:
    _as_batch_process()
    from fer_lib.profiles import get_profile

    faces = read_image_folder(options.folder) if options.folder else synthetic_pretraining_faces()
    print(
        f"{len(faces.split):,} {'pictures' if options.folder else 'synthetic faces'} of {', '.join(faces.classes)}"
    )
    run = pretrain(faces, options.seed, get_profile("full"), _verbose())
    held_out = run.metrics["held_out"]
    print(f"  accuracy {held_out['accuracy']:.2%} on the {held_out['n']:,} held out")
    print(run.folder)


def _as_batch_process() -> None:
    """On Linux, be a batch process: two cores trained 490 to 570 images a second so, and 310 to 630
    with the default policy.

    Its wake-ups put both of TensorFlow's threads on one core for minutes. To be set before
    TensorFlow starts its threads.
    """
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):  # a sandbox may refuse it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _verbose() -> int:
    """Keras's word for a bar on a terminal, and for a line an epoch in a log."""
    return 1 if sys.stdout.isatty() else 2


def _print_run(run: Run) -> None:
    _print_metrics(run.metrics)
    print(run.folder)


def _print_metrics(metrics: dict) -> None:
    for split, values in metrics.items():
        low, high = values["intervals"]["accuracy"]
        print(
            f"  {split}: accuracy {values['accuracy']:.2%} (95 % interval {low:.2%} to {high:.2%}), macro-F1 {values['macro_f1']:.3f}"
        )


def _record(options) -> None:
    _print_run(record_run(Run(options.run), RESULTS))


def _evaluate(options) -> int:
    run = _finished_run(options.run)
    return _check([run], get_profile(run.config["profile"]).dataset())


def _finished_run(folder: Path) -> Run:
    run = Run(folder)
    if not run.finished:
        raise RunError(f"{folder}: not a finished run (there is no metrics.json)")
    if "classes" in run.config:
        raise RunError(
            f"{folder}: a run on other faces, whose classes are not FER2013's; an experiment can start from it"
        )
    return run


def _verify(options) -> int:
    recorded = find_runs(RESULTS)
    if not recorded:
        raise RunError(f"{RESULTS}: no run is recorded")
    return _check(recorded, get_profile("full").dataset(), recorded=True)


def _check(checked: list[Run], dataset: Dataset | None, recorded: bool = False) -> int:

    broken = 0
    for run in checked:
        findings = verify_run(run, dataset, recorded)
        broken += bool(findings.problems)
        print(
            f"{run.config['experiment']} seed {run.config['seed']}: {'DOES NOT HOLD' if findings.problems else 'holds'}"
        )
        for kind, lines in (("problem", findings.problems), ("note", findings.notes)):
            for line in lines:
                print(f"  {kind}: {line}")
        if findings.metrics:
            print("  recomputed from the weights:")
            _print_metrics(findings.metrics)
    return 1 if broken else 0


def _list(options) -> None:
    from fer_lib.paths import RESULTS
    from fer_lib.runs.store import find_runs

    recorded = find_runs(RESULTS)
    names = dict.fromkeys([*EXPERIMENTS, *(run.config["experiment"] for run in recorded)])
    for name in names:
        mine = [run for run in recorded if run.config["experiment"] == name]
        print(f"{name}: " + (f"{len(mine)} recorded" if mine else "not recorded"))
        for run in mine:
            print(
                f"  seed {run.config['seed']}" + ("" if run.weights is None else ", with weights")
            )
            _print_metrics(run.metrics)
            if "private_test" in run.metrics:
                print(f"  {UNSEEN}: accuracy {accuracy_unseen(run)}")


def _analyse(options) -> None:
    from fer_lib.paths import RESULTS
    from fer_lib.runs.store import find_runs

    dataset = _dataset_of_records()
    path = RESULTS / "analysis" / "dataset.json"
    write_json(path, {"sha256": dataset.sha256, "class_counts": dataset.class_counts})
    print(path)
    headlines = [run for run in find_runs(RESULTS) if "private_test_logits" in run.predictions]
    votes = find_votes()
    if votes is None:
        print(
            f"{LABEL_NOISE_PATH}: left as it is, FER+ is not on this machine; data/README.md says how to get it"
        )
    else:
        record_label_noise(headlines, dataset, load_votes(votes, dataset))
        print(LABEL_NOISE_PATH)
    with_weights = _shown_networks()
    record_grad_cam(with_weights, dataset)
    print(GRAD_CAM_PATH)
    record_deletion(with_weights, dataset)
    print(DELETION_PATH)
    write_json(LEAKAGE_PATH, duplicate_analysis(dataset))
    print(LEAKAGE_PATH)


def _shown_networks() -> list[Run]:
    """What the pages compare: seed 0 of each shown experiment that is recorded with its weights."""
    found = [find_run(RESULTS, name, 0) for name in MAIN_MODELS]
    return [run for run in found if run and run.weights]


def _robustness(options) -> None:

    record_robustness(_shown_networks(), _dataset_of_records())
    print(ROBUSTNESS_PATH)


def _shifts(options) -> None:
    from fer_lib.paths import RESULTS
    from fer_lib.runs.run import RunError
    from fer_lib.runs.store import find_run, find_runs

    dataset, chooser = _dataset_of_records(), find_run(RESULTS, "se_cnn", 0)
    if chooser is None:
        raise RunError(
            f"{RESULTS}: seed 0 of se_cnn is not recorded, on which the schemes are compared"
        )
    record_tta_schemes(chooser, dataset)
    print(TTA_PATH)
    small = [
        run
        for run in find_runs(RESULTS)
        if run.weights and run.config["experiment"] in SE_CNN_EXPERIMENTS
    ]
    record_tta_predictions(small, dataset)
    print(TTA_PREDICTIONS_PATH)


def _corrupt(options) -> None:

    export_corruptions(_full_dataset(), options.folder)
    print(options.folder)


def _export(options) -> None:
    run = _finished_run(options.run)

    path = export_path(run, options.int8)
    for line in export_onnx(run, path, options.int8):
        print(line)
    print(f"{path} ({path.stat().st_size / 1e6:.2f} MB)")


def _predict(options) -> int:

    if bool(options.photo) == bool(options.video):
        raise ValueError("expected photos, or --video with one file")
    classifier = Classifier(options.model) if options.model else _small_network()
    others = {}
    if options.video:
        answers, total = predict_video(options.video, classifier), None
        save = save_video
    else:
        paths, others = find_images(options.photo)
        answers, total = predict_photos(paths, classifier), len(paths)
        save = save_photos
    if options.save:
        answers = save(answers, options.save)
    summary = Summary("frames" if options.video else "photos")
    for answer in tqdm(
        answers, total=total, unit="frame" if options.video else "photo", disable=None
    ):
        summary.add(answer)
        if options.json:
            tqdm.write(answer.to_json(), file=sys.stdout)
    print(summary, file=sys.stderr if options.json else sys.stdout)
    if others:
        endings = ", ".join(f"{number} {ending}" for ending, number in sorted(others.items()))
        print(f"in folders, not read as photos: {endings}", file=sys.stderr)
    return 2 if summary.unreadable else 0


def _small_network():
    from fer_lib.paths import RESULTS
    from fer_lib.runs.run import RunError

    run = best_single_run(RESULTS)
    if run is None:
        raise RunError(
            f"{RESULTS}: no small network is recorded with its weights; name an exported file with --model"
        )
    if classifier := load_exported(run):
        return classifier
    print(
        f"exporting {run.config['experiment']} seed {run.config['seed']} from Keras, once",
        file=sys.stderr,
    )
    from fer_lib.deploy.faces import (
        Classifier,
    )
    from fer_lib.paths import RESULTS
    from fer_lib.runs.run import RunError

    return Classifier(ensure_exported(run))


if __name__ == "__main__":
    sys.exit(main())
