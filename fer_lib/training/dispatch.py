"""Train an experiment by its name, with the runs it depends on.

Keras is imported only where something trains, so that a notebook that shows a recorded run opens
at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from fer_lib.data.readers import DataError
from fer_lib.experiments import (
    EXPERIMENTS,
    HOG,
    HOG_CONFIGURATION,
    MAIN_MODELS,
    PRETRAINING_NAME,
)
from fer_lib.profiles import Profile
from fer_lib.runs.run import Run, RunError, parse_run_key, run_folder
from fer_lib.runs.store import best_single_run, find_run


@contextmanager
def train_extra() -> Iterator[None]:
    """Name the extra to install where an import inside fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is not installed; install it with: pip install 'fer_lib[train]'",
            name=error.name,
        ) from error


def run_experiment(name: str, seed: int, profile: Profile, verbose: int | str = "auto") -> Run:
    """Train an experiment of the table, or the HOG baseline, in the profile's training folder.

    A finished run is returned at once, and an unfinished one is continued.

    Args:
        name: The name of the experiment.
        seed: The seed of every random draw.
        profile: The profile, which determines the folder, the data and the number of epochs.
        verbose: As in `keras.Model.fit`.

    Returns:
        The finished run.

    Raises:
        ValueError: If there is no experiment of that name.
        DataError: If the profile's data set is missing or broken.
        RunError: As in `trainer.train_run`, or if a run that the experiment depends on is missing.
        ModuleNotFoundError: If the `train` extra is not installed.
    """
    with train_extra():
        from fer_lib.training.baselines import train_hog
        from fer_lib.training.run_spec import RunSpec, check_or_write_config
        from fer_lib.training.trainer import train_run

    experiment = None if name == HOG else profile.experiment(name)
    dataset = profile.dataset()
    if dataset is None:
        raise DataError("FER2013 is not on this machine; data/README.md says how to get it")
    for note in dataset.notes:
        print(f"note: {note}", flush=True)
    folder = run_folder(profile.training_folder, name, seed)
    finished = find_run(profile.training_folder, name, seed)
    if experiment is None:
        config = {
            "experiment": name,
            "seed": seed,
            "profile": profile.name,
            "configuration": HOG_CONFIGURATION,
            "data_sha256": dataset.sha256,
        }
        check_or_write_config(Run(folder), config)
        return finished or train_hog(seed, dataset, folder, profile.name)
    keys = () if finished else experiment.dependencies(seed)
    dependencies = {key: resolve_dependency(key, profile, verbose) for key in keys}
    spec = RunSpec(name, experiment, seed, profile.name)
    return train_run(spec, dataset, folder, verbose, dependencies)


def resolve_dependency(key: str, profile: Profile, verbose: int | str = "auto") -> Run:
    """Return a run, with weights, that another run starts from or distills.

    In a profile that trains in notebooks, a missing run is trained.

    Args:
        key: The key of the run, `<experiment>/seed-<n>`.
        profile: The profile in whose folders the run is searched.
        verbose: As in `keras.Model.fit`.

    Raises:
        RunError: If the run is missing. The message has the command that trains it.
    """
    name, seed = parse_run_key(key)
    if profile.trains_in_notebooks:
        if name == PRETRAINING_NAME:
            raise RunError(
                f"the {profile.name} profile trains no experiment that starts from pretraining: "
                "its own faces are synthetic already"
            )
        return run_experiment(name, seed, profile, verbose)
    for root in (profile.results_folder, profile.training_folder):
        if (run := find_run(root, name, seed)) and run.weights:
            return run
    command = "pretrain" if name == PRETRAINING_NAME else f"train {name}"
    raise RunError(
        f"{run_folder(profile.training_folder, name, seed)}: missing, and its weights are needed; "
        f"first python -m fer_lib {command} --seed {seed}"
    )


def load_or_train(name: str, seed: int, profile: Profile) -> Run | None:
    """Return the run that a notebook shows: a recorded one or, in `quick`, one trained now.

    On FER2013 this never trains, which takes hours; use `python -m fer_lib train` instead.

    Args:
        name: The name of the experiment.
        seed: The seed of the run.
        profile: The profile of the notebook.

    Returns:
        The run, or None if it is not recorded or cannot be trained in the quick profile, whose
        synthetic faces have no FER+ votes.

    Raises:
        RunError: If a record is incomplete, or as in `run_experiment` if the run is trained.
    """
    if profile.trains_in_notebooks:
        if name != HOG and profile.experiment(name).ferplus_weight:
            return None
        return run_experiment(name, seed, profile)
    run = find_run(profile.results_folder, name, seed)
    if run is None and (folder := run_folder(profile.results_folder, name, seed)).exists():
        raise RunError(
            f"{folder}: a record that lacks its metrics.json; restore it, or remove the folder"
        )
    return run


def load_main_models(seed: int, profile: Profile) -> dict[str, Run | None]:
    """Return the main models by title, and after them the best single run.

    Args:
        seed: The seed of the main models; the best single run has its own.
        profile: The profile of the notebook.

    Raises:
        RunError: As in `load_or_train`.
    """
    models = {EXPERIMENTS[name].title: load_or_train(name, seed, profile) for name in MAIN_MODELS}
    if best := best_single_run(profile.results_folder):
        models.setdefault(best.experiment.title, best)
    return models
