"""The verbs and their arguments, checked before anything heavy is imported."""

import argparse
import difflib
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from fer_lib import __version__
from fer_lib.paths import RESULTS
from fer_lib.text import printable

PROFILE_NAMES = ("full", "quick")  # `profiles.PROFILES`, which takes too long to import
_SCRIPT = "fer-lib"  # its name in pyproject.toml
_DESCRIPTION = (
    "Predict facial expressions, or reproduce the study of them on FER2013. Start with: "
    "{prog} predict photo.jpg"
)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse a command line.

    Returns:
        The arguments, and `run`: `module:function` of the verb in `fer_lib.cli`.

    Raises:
        SystemExit: after help or the version (code 0), or an error in one line (code 2).
    """
    is_script = Path(sys.argv[0]).stem == _SCRIPT
    prog = _SCRIPT if is_script else "python -m fer_lib"
    parser = _Parser(prog=prog, description=_DESCRIPTION.format(prog=prog))
    parser.add_argument(
        "--version",
        action="version",
        version=f"fer_lib {__version__}",
        help="print the version and exit",
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB", parser_class=_Parser)
    for name, run, text, *options in _VERBS:
        verb = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        verb.set_defaults(run=run)
        for names, settings in options:
            verb.add_argument(*names, **settings)
    for verb, required, options in _EXCLUSIVE:
        group = verbs.choices[verb].add_mutually_exclusive_group(required=required)
        for names, settings in options:
            group.add_argument(*names, **settings)
    if not arguments:
        parser.error("no verb; --help lists them")
    if not arguments[0].startswith("-") and arguments[0] not in verbs.choices:
        is_path = Path(arguments[0]).exists()
        hint = f"to predict it: {prog} predict {arguments[0]}" if is_path else None
        parser.error(hint or _unknown("verb", arguments[0], verbs.choices))
    return parser.parse_args(arguments)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with one line, without the usage."""
        self.exit(2, f"{self.prog}: {printable(message)}\n")


def _unknown(kind: str, name: str, names: Iterable[str]) -> str:
    matches = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {matches[0]}?" if matches else f"there are {', '.join(names)}"
    return f"no {kind} {name!r}; {hint}"


# The types of arguments: each turns a text into a value, or raises an error of one line.


def _experiment(name: str) -> str:
    from fer_lib.experiments import EXPERIMENTS, HOG

    names = (*EXPERIMENTS, HOG)
    return _require(name, name in names, _unknown("experiment", name, names))


def _seed(text: str) -> int:
    return int(_require(text, text.isdecimal(), f"{text!r} is not an integer from 0"))


def _probability(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    _require(text, 0 <= number <= 1, f"{text!r} is not a number from 0 to 1")
    return number


def _existing(text: str) -> Path:
    return Path(_require(text, Path(text).exists(), f"{text}: no such file or folder"))


def _input(text: str) -> str:
    return _require(text, bool(text), "an empty name")


def _folder(text: str) -> Path:
    return Path(_require(text, Path(text).is_dir(), f"{text}: no such folder"))


def _target_folder(text: str) -> Path:
    path = Path(text)
    return Path(_require(text, path.is_dir() or not path.exists(), f"{text}: not a folder"))


def _require(text: str, valid: bool, problem: str) -> str:
    if not valid:
        raise argparse.ArgumentTypeError(problem)
    return text


def _argument(*names: str, **settings) -> tuple[tuple[str, ...], dict]:
    """What `ArgumentParser.add_argument` takes."""
    return names, settings


_SEED = _argument("--seed", type=_seed, default=0, help="an integer from 0 (default: 0)")
_RUN = _argument("folder", type=_folder, metavar="RUN", help="the folder of the run")
_RESULTS = _argument(
    "--results",
    type=Path,
    default=RESULTS,
    metavar="FOLDER",
    help="the folder of recorded runs (default: results/)",
)

# Name, function, description and arguments of each verb.
_VERBS = (
    (
        "predict",
        "deployment:predict",
        "predict the emotion of each face in photos, videos or a camera's frames; "
        "the exit code is 2 if an input cannot be read",
        _argument(
            "--cropped",
            action="store_true",
            help="take each photo as one face that fills it, as FER2013's images do",
        ),
        _argument(
            "--save",
            type=_target_folder,
            metavar="FOLDER",
            help="write the photos and videos with boxes into this folder; such files are never "
            "read as inputs, and no file that another program wrote is replaced",
        ),
        _argument(
            "--threshold",
            type=_probability,
            metavar="P",
            help="mark predictions with a lower probability as uncertain (default: 0.5)",
        ),
        _argument(
            "--model",
            type=_existing,
            metavar="FILE",
            help="an exported model (default: the best recorded single model, part of the package)",
        ),
    ),
    (
        "export",
        "deployment:export",
        "export a run as one file, from gray pixels to calibrated probabilities",
        _RUN,
    ),
    (
        "inspect-data",
        "data:inspect_data",
        "print the class counts of each split and the SHA-256 of the data set",
        _argument(
            "path",
            nargs="?",
            type=_existing,
            help="FER2013's file or folder (default: the environment variable FER2013, then data/)",
        ),
    ),
    ("download", "data:download", "download FER2013 from Kaggle into data/"),
    (
        "train",
        "training:train",
        "train an experiment, or resume it where it was stopped",
        _argument(
            "experiment", type=_experiment, help="its name in the table of experiments (see list)"
        ),
        _SEED,
        _argument(
            "--profile",
            choices=PROFILE_NAMES,
            default="full",
            help="full trains on FER2013, quick a few epochs on synthetic faces (default: full)",
        ),
    ),
    (
        "pretrain",
        "training:pretrain_faces",
        "train the SE-CNN on other faces, for the experiments that start from them",
        _argument(
            "folder",
            nargs="?",
            type=_folder,
            help="a folder with a folder of images for each class (default: synthetic faces)",
        ),
        _SEED,
    ),
    ("record", "records:record", "copy a finished run on FER2013 into results/", _RUN, _RESULTS),
    (
        "verify",
        "records:verify",
        "verify runs: checksums, metrics from predictions, predictions from weights",
        _argument(
            "folders",
            nargs="*",
            type=_folder,
            metavar="RUN",
            help="folders of runs (default: all that is recorded)",
        ),
        _argument(
            "--all",
            action="store_true",
            help="recompute every analysis in full, not a sample of it: an hour or more",
        ),
        _RESULTS,
    ),
    (
        "checksums",
        "records:checksums",
        "write the checksums of all that is recorded anew, after a change that is wanted",
        _RESULTS,
    ),
    (
        "list",
        "records:list_experiments",
        "list the experiments and their recorded runs",
        _RESULTS,
    ),
    (
        "analyze",
        "analyses:analyze",
        "write the analyses that the report reads into results/analysis/",
    ),
    (
        "robustness",
        "analyses:robustness",
        "evaluate the main models on corrupted images, unless they are recorded already",
    ),
    (
        "tta",
        "analyses:tta",
        "evaluate the schemes of test-time augmentation, and record predictions with the best",
    ),
    (
        "export-corruptions",
        "analyses:export_corrupted_images",
        "write PrivateTest's corrupted images, 450 MB of NumPy arrays, to evaluate other models on",
        _argument("folder", type=_target_folder, help="the folder to write into"),
    ),
)
_PREDICT_SOURCES = (
    _argument(
        "inputs",
        type=_input,
        nargs="*",
        default=[],
        metavar="INPUT",
        help="photos, videos, folders of them, or quoted patterns",
    ),
    _argument(
        "--camera",
        type=_seed,
        metavar="NUMBER",
        help="the frames of a camera, from 0, until Ctrl-C",
    ),
)
_PREDICT_FORMATS = (
    _argument(
        "--json",
        action="store_true",
        help="print a line of JSON per photo or frame, not a table",
    ),
    _argument("--csv", action="store_true", help="print a line of CSV per face, not a table"),
)
_EXPORT_FORMATS = (
    _argument("--int8", action="store_true", help="quantize the model to 8 bits"),
    _argument("--litert", action="store_true", help="write LiteRT (TensorFlow Lite), not ONNX"),
)
# Verb, whether one is required, and arguments of which only one may be given.
_EXCLUSIVE = (
    ("predict", True, _PREDICT_SOURCES),
    ("predict", False, _PREDICT_FORMATS),
    ("export", False, _EXPORT_FORMATS),
)
