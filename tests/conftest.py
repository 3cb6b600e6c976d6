"""Small synthetic data and a small finished run, made once per session.

Nothing but `fer2013` needs FER2013, and nothing needs a network connection.
"""

from dataclasses import replace
from pathlib import Path

import pytest

import fer_lib  # noqa: F401, before any test imports Keras: it sets TensorFlow's environment


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache of its own, so that no test reads what an earlier version of the code wrote."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def book_script():
    """Loads a script of `book/`, which is no package, as a module."""
    import importlib.util

    def load(name):
        path = Path(__file__).resolve().parent.parent / "book" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def synthetic_csv(tmp_path_factory):
    from fer_lib.data.synthetic import write_synthetic_csv

    path = tmp_path_factory.mktemp("data") / "faces.csv.gz"
    write_synthetic_csv(path, {"Training": 320, "PublicTest": 70, "PrivateTest": 70}, seed=1)
    return path


@pytest.fixture(scope="session")
def dataset(synthetic_csv):
    from fer_lib.data.dataset import load_dataset

    return load_dataset(synthetic_csv)


@pytest.fixture(scope="session")
def tiny():
    """An experiment that trains in seconds."""
    from fer_lib.experiments import EXPERIMENTS

    options = {
        "blocks": ((8, 1), (16, 1)),
        "block_dropout": 0.2,
        "head_dropout": 0.2,
        "bn_momentum": 0.99,
    }
    return replace(
        EXPERIMENTS["custom_cnn"],
        title="Tiny",
        model_options=options,
        epochs=3,
        dtype_policy="float32",
    )


@pytest.fixture(scope="session")
def run(dataset, tiny, tmp_path_factory):
    """A finished run of `tiny`. Tests that change files copy it first."""
    from fer_lib.training.run_spec import RunSpec
    from fer_lib.training.trainer import train_run

    folder = tmp_path_factory.mktemp("runs") / "tiny" / "seed-0"
    return train_run(RunSpec("tiny", tiny), dataset, folder, verbose=0)


@pytest.fixture
def averaged_run(run, tmp_path):
    """The finished run as one with SWA over its last two epochs."""
    import shutil

    from fer_lib.io import write_json
    from fer_lib.runs.run import Run

    folder = shutil.copytree(run.folder, tmp_path / "averaged" / "seed-0")
    configuration = {**run.config["configuration"], "swa_epochs": 2}
    write_json(folder / "config.json", {**run.config, "configuration": configuration})
    return Run(folder)


@pytest.fixture
def results(tmp_path, dataset):
    """A results folder that takes the synthetic data for FER2013."""
    from fer_lib.io import write_json

    write_json(
        tmp_path / "results" / "analysis" / "dataset.json", {"class_counts": dataset.class_counts}
    )
    return tmp_path / "results"


@pytest.fixture
def fer2013():
    """The real data set, or a skip that says why."""
    import numpy as np

    from fer_lib.data.dataset import load_dataset
    from fer_lib.data.discovery import find_dataset
    from fer_lib.experiments import HOG
    from fer_lib.paths import RESULTS
    from fer_lib.runs.store import find_run

    path = find_dataset()
    if path is None:
        pytest.skip(
            "needs FER2013: set the environment variable FER2013 to its CSV, or put it into data/"
        )
    loaded = load_dataset(path)
    recorded = find_run(RESULTS, HOG, 0).predictions["private_test"].hashes
    if np.isin(recorded, loaded.private_test.hashes).mean() < 0.99:
        pytest.skip(f"needs the pixels of Kaggle's CSV: {path} is a copy with others, such as JPEG")
    return loaded


@pytest.fixture
def make_run(dataset):
    """Writes a finished run with random predictions, without training: `make_run(root, ...)`."""
    import numpy as np

    from fer_lib.evaluation.metrics import metrics_by_split
    from fer_lib.experiments import EXPERIMENTS
    from fer_lib.runs.predictions import SplitPredictions
    from fer_lib.runs.run import HISTORY_COLUMNS, HISTORY_FILE, WEIGHTS_FILE, run_folder
    from fer_lib.runs.store import write_run

    def make(root, name="se_cnn", seed=0, weights=b"weights", **config):
        random = np.random.default_rng(seed)
        experiment = EXPERIMENTS[name]
        folder = run_folder(root, name, seed)
        folder.mkdir(parents=True)
        (folder / HISTORY_FILE).write_text(",".join(HISTORY_COLUMNS) + "\n1,2,0.3,2,0.3,0.1,9\n")
        if weights:
            (folder / WEIGHTS_FILE).write_bytes(weights)
        splits = (
            ("public_test", "private_test")
            if experiment.evaluate_private_test
            else ("public_test",)
        )
        predictions = {}
        for name_of_split in splits:
            split = getattr(dataset, name_of_split)
            logits = random.normal(size=(len(split), 7)) + 2 * np.eye(7)[split.labels]
            predictions[name_of_split] = SplitPredictions(
                logits.astype(np.float32), split.labels, split.hashes
            )
        identity = {"experiment": name, "seed": seed, "profile": "full"}
        config = identity | {"configuration": experiment.to_dict()} | config
        return write_run(folder, config, predictions, metrics_by_split(predictions))

    return make


@pytest.fixture
def close_folder(monkeypatch):
    """Makes folders of a name unreadable, also for root, whom permissions do not stop."""

    def close(name):
        iterdir = Path.iterdir

        def closed(path):
            if path.name == name:
                raise PermissionError(13, "Permission denied", str(path))
            return iterdir(path)

        monkeypatch.setattr(Path, "iterdir", closed)

    return close
