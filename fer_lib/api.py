"""Runs and models by their names: functions that `fer_lib` offers at its top level.

Keras is imported when a function needs it. Loading runs needs only the base installation; models in
Keras and training need the `train` extra.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from fer_lib.paths import RESULTS
from fer_lib.profiles import get_profile
from fer_lib.runs.run import Run, RunError, run_folder
from fer_lib.runs.store import find_run, find_runs

if TYPE_CHECKING:
    import keras


def load_run(name: str, seed: int = 0, root: Path = RESULTS) -> Run:
    """Load a finished run: its configuration, training history, predictions and metrics.

    Args:
        name: an experiment (`fer_lib.experiments.EXPERIMENTS`) or `hog_logistic_regression`.
        root: the folder of runs: `results/`, which has the recorded runs, or `runs/full`.

    Raises:
        RunError: there is no such run.

    Example:
        >>> run = load_run("custom_cnn", seed=0)
        >>> run.experiment.focal_gamma
        2.0
        >>> run.predictions["private_test"].logits.shape
        (3589, 7)
    """
    root = Path(root)
    if run := find_run(root, name, seed):
        return run
    keys = ", ".join(run.key for run in find_runs(root))
    raise RunError(
        f"{run_folder(root, name, seed)}: there is no such run; {root} has "
        f"{keys or 'none: the recorded runs are part of the repository'}"
    )


def load_model(name: str, seed: int | None = 0, root: Path = RESULTS) -> "keras.Model":
    """Load the network of an experiment with the weights of a run, or build it untrained.

    It takes gray levels 0–255, [n, 48, 48, 1], and returns logits, [n, 7], in the order of
    `fer_lib.data.labels.EMOTIONS`.

    Args:
        name: an experiment (`fer_lib.experiments.EXPERIMENTS`).
        seed: of the run; None builds the network untrained (MobileNetV2 with its ImageNet weights).
        root: the folder of runs, as in `load_run`.

    Raises:
        RunError: there is no such run, or it keeps no weights.
        ValueError: there is no such experiment.
        ModuleNotFoundError: the `train` extra is not installed.

    Example:
        >>> model = load_model("custom_cnn", seed=None)
        >>> model.count_params()
        1720743
    """
    from fer_lib.training.dispatch import train_extra

    with train_extra():
        from fer_lib.evaluation import inference
        from fer_lib.models.registry import build_model
    if seed is None:
        return build_model(get_profile("full").experiment(name))
    return inference.load_model(load_run(name, seed, root))


def train(name: str, seed: int = 0, profile: str = "full", verbose: int | str = "auto") -> Run:
    """Train an experiment with one seed, or resume it where it was stopped.

    The run is written to `runs/<profile>/<name>/seed-<seed>`, in the repository or else in the
    current folder.

    Args:
        name: an experiment (`fer_lib.experiments.EXPERIMENTS`).
        profile: `full` trains on FER2013, which takes hours; `quick` trains for six epochs on
            synthetic faces.
        verbose: as in `keras.Model.fit`.

    Raises:
        ValueError: there is no such experiment or profile.
        DataError: FER2013 is missing or broken.
        RunError: the run's folder belongs to another configuration, or a run that it depends on is
            missing.
        ModuleNotFoundError: the `train` extra is not installed.

    Example:
        >>> run = train("custom_cnn", seed=0, profile="quick")  # doctest: +SKIP
        >>> run.metrics["public_test"]["accuracy"]  # doctest: +SKIP
        0.915
    """
    from fer_lib.training.dispatch import run_experiment

    return run_experiment(name, seed, get_profile(profile), verbose)
