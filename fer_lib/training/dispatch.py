"""Train an experiment by its name, with the runs it depends on."""

from fer_lib.data.readers import DataError
from fer_lib.experiments import HOG, HOG_CONFIGURATION, PRETRAINING_NAME
from fer_lib.profiles import Profile
from fer_lib.runs.run import Run, RunError, parse_run_key, run_folder
from fer_lib.runs.store import find_run
from fer_lib.training.baselines import train_hog
from fer_lib.training.checkpoint import check_or_write_config
from fer_lib.training.trainer import train_run


def run_experiment(name: str, seed: int, profile: Profile, verbose: int | str = "auto") -> Run:
    """Train an experiment of the table, or the classical baseline, where the profile keeps its
    runs.

    Raises:
        ValueError: there is no experiment of that name.
        DataError: the profile's data set is missing or broken.
        RunError: as `train`.
    """
    experiment = None if name == HOG else profile.experiment(name)
    dataset = profile.dataset()
    if dataset is None:
        raise DataError("FER2013 is not on this machine; data/README.md says how to get it")
    for note in dataset.notes:
        print(f"note: {note}", flush=True)
    folder = run_folder(profile.training_folder, name, seed)
    if experiment is None:
        start = {
            "experiment": name,
            "seed": seed,
            "profile": profile.name,
            "configuration": HOG_CONFIGURATION,
        }
        check_or_write_config(Run(folder), {**start, "data_sha256": dataset.sha256})
        return find_run(profile.training_folder, name, seed) or train_hog(
            seed, dataset, folder, profile.name
        )
    needs = () if find_run(profile.training_folder, name, seed) else experiment.dependencies(seed)
    others = {key: resolve_dependency(key, profile, verbose) for key in needs}
    return train_run(name, experiment, seed, dataset, folder, profile.name, verbose, others)


def resolve_dependency(key: str, profile: Profile, verbose: int | str) -> Run:
    """The run with weights that another starts from or is taught by. Where notebooks train, it is
    trained now."""
    name, seed = parse_run_key(key)
    if profile.trains_in_notebooks:
        if name == PRETRAINING_NAME:
            raise RunError(
                f"the {profile.name} profile trains nothing that starts from other faces: its own are such faces already"
            )
        return run_experiment(name, seed, profile, verbose)
    for root in (profile.results_folder, profile.training_folder):
        if (run := find_run(root, name, seed)) and run.weights:
            return run
    verb = "pretrain" if name == PRETRAINING_NAME else f"train {name}"
    raise RunError(
        f"{run_folder(profile.training_folder, name, seed)}: not there yet, and what is asked for needs its weights; "
        f"first python -m fer_lib {verb} --seed {seed}"
    )


def load_or_train(name: str, seed: int, profile: Profile) -> Run | None:
    """Return the run that a notebook shows: the recorded one, or in `quick` one trained now.

    None stands for a run that is not recorded yet. On FER2013 this never trains: that takes hours
    and is asked for by
    name (`python -m fer_lib train`).

    Raises:
        RunError: a record is there in part. As `train_by_name`, where it trains.
    """
    if profile.trains_in_notebooks:
        return run_experiment(name, seed, profile, verbose=2)  # at once, if it was trained before
    run = find_run(profile.results_folder, name, seed)
    if run is None and (folder := run_folder(profile.results_folder, name, seed)).exists():
        raise RunError(
            f"{folder}: a record that has lost its metrics.json; restore it, or remove the folder"
        )
    return run
