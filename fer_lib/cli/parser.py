"""The verbs and their arguments, checked before anything heavy is imported."""

import argparse
import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from fer_lib import __version__
from fer_lib.paths import RESULTS

PROFILE_NAMES = ("full", "quick")  # `profiles.PROFILES`, which takes too long to import
_DESCRIPTION = "A reproducible study of facial expression recognition on FER2013."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with one line, without the usage."""
        self.exit(2, f"{self.prog}: {message}\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse a command line.

    Returns:
        The arguments, and `run`: `module:function` of the verb in `fer_lib.cli`.

    Raises:
        SystemExit: after help or the version (code 0), or an error in one line (code 2).
    """
    parser = _Parser(prog="python -m fer_lib", description=_DESCRIPTION)
    parser.add_argument(
        "--version",
        action="version",
        version=f"fer_lib {__version__}",
        help="print the version and exit",
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB", parser_class=_Parser)
    for add in (_add_data, _add_training, _add_records, _add_analyses, _add_deployment):
        add(verbs)
    if arguments and not arguments[0].startswith("-") and arguments[0] not in verbs.choices:
        parser.error(_unknown("verb", arguments[0], verbs.choices))
    return parser.parse_args(arguments)


def _verb(verbs, name: str, run: str, text: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(run=run)
    return parser


def _add_data(verbs) -> None:
    verb = _verb(
        verbs,
        "inspect-data",
        "data:inspect_data",
        "print the class counts of each split and the SHA-256 of the data set",
    )
    verb.add_argument(
        "path",
        nargs="?",
        type=_existing,
        help="FER2013's file or folder (default: the environment variable FER2013, then data/)",
    )
    _verb(verbs, "download", "data:download", "download FER2013 from Kaggle into data/")


def _add_training(verbs) -> None:
    verb = _verb(
        verbs, "train", "training:train", "train an experiment, or resume it where it was stopped"
    )
    verb.add_argument(
        "experiment", type=_experiment, help="its name in the table of experiments (see list)"
    )
    _add_seed(verb)
    verb.add_argument(
        "--profile",
        choices=PROFILE_NAMES,
        default="full",
        help="full trains on FER2013, quick a few epochs on synthetic faces (default: full)",
    )
    verb = _verb(
        verbs,
        "pretrain",
        "training:pretrain_faces",
        "train the SE-CNN on other faces, for the experiments that start from them",
    )
    verb.add_argument(
        "folder",
        nargs="?",
        type=_folder,
        help="a folder with a folder of images for each class (default: synthetic faces)",
    )
    _add_seed(verb)


def _add_records(verbs) -> None:
    verb = _verb(verbs, "record", "records:record", "copy a finished run on FER2013 into results/")
    verb.add_argument("folder", type=_folder, metavar="RUN", help="the folder of the run")
    _add_results(verb)
    verb = _verb(
        verbs,
        "verify",
        "records:verify",
        "verify runs: checksums, metrics from predictions, predictions from weights",
    )
    verb.add_argument(
        "folders",
        nargs="*",
        type=_folder,
        metavar="RUN",
        help="folders of runs (default: all recorded runs)",
    )
    _add_results(verb)
    verb = _verb(
        verbs, "list", "records:list_experiments", "list the experiments and their recorded runs"
    )
    _add_results(verb)


def _add_analyses(verbs) -> None:
    _verb(
        verbs,
        "analyze",
        "analyses:analyze",
        "write the analyses that the report reads into results/analysis/",
    )
    _verb(
        verbs,
        "robustness",
        "analyses:robustness",
        "evaluate the main models on corrupted images, unless they are recorded already",
    )
    _verb(
        verbs,
        "tta",
        "analyses:tta",
        "evaluate the schemes of test-time augmentation, and record predictions with the best",
    )
    verb = _verb(
        verbs,
        "export-corruptions",
        "analyses:export_corrupted_images",
        "write PrivateTest's corrupted images, 450 MB of NumPy arrays, to evaluate other models on",
    )
    verb.add_argument("folder", type=_target_folder, help="the folder to write into")


def _add_deployment(verbs) -> None:
    verb = _verb(
        verbs,
        "export",
        "deployment:export",
        "export a run as one ONNX file, from gray pixels to calibrated probabilities",
    )
    verb.add_argument("folder", type=_folder, metavar="RUN", help="the folder of the run")
    verb.add_argument("--int8", action="store_true", help="quantize the model to 8 bits")
    verb = _verb(
        verbs,
        "predict",
        "deployment:predict",
        "predict the emotion of every face in photos or a video; "
        "exit code 2 if an input cannot be read",
    )
    source = verb.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "photos", nargs="*", default=[], metavar="PHOTO", help="files, folders, or quoted patterns"
    )
    source.add_argument("--video", type=_existing, metavar="FILE", help="a video, not photos")
    verb.add_argument(
        "--json", action="store_true", help="print a line of JSON per photo or frame, not a table"
    )
    verb.add_argument(
        "--save",
        type=_target_folder,
        metavar="FOLDER",
        help="write the photos, or the video, with boxes into this folder",
    )
    verb.add_argument(
        "--model",
        type=_existing,
        metavar="FILE",
        help="an exported model (default: the best recorded single model, exported on first use)",
    )


def _add_seed(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--seed", type=_seed, default=0, help="an integer from 0 (default: 0)")


def _add_results(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--results",
        type=Path,
        default=RESULTS,
        metavar="FOLDER",
        help="the folder of recorded runs (default: results/)",
    )


def _experiment(name: str) -> str:
    from fer_lib.experiments import EXPERIMENTS, HOG

    names = (*EXPERIMENTS, HOG)
    if name not in names:
        raise argparse.ArgumentTypeError(_unknown("experiment", name, names))
    return name


def _unknown(kind: str, name: str, names: Iterable[str]) -> str:
    matches = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {matches[0]}?" if matches else f"there are {', '.join(names)}"
    return f"no {kind} {name!r}; {hint}"


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer from 0")
    return int(text)


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{text}: no such file or folder")
    return path


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: no such folder")
    return path


def _target_folder(text: str) -> Path:
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: not a folder")
    return path
