import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest

from fer_lib.data.dataset import Dataset
from fer_lib.data.readers import DataError
from fer_lib.experiments import (
    EXPERIMENTS,
    HOG,
    HOG_CONFIGURATION,
    MAIN_MODELS,
    PRIVATE_TEST_EXPERIMENTS,
)
from fer_lib.profiles import PROFILES, Profile
from fer_lib.runs.run import RunError
from fer_lib.runs.store import find_run
from fer_lib.training import baselines, dispatch, trainer
from fer_lib.training.dispatch import load_main_models, load_or_train, run_experiment
from fer_lib.training.run_spec import finish_run


@dataclass(frozen=True)
class SyntheticProfile(Profile):
    """A profile with a table of experiments and a data set of its own."""

    table: dict
    faces: Dataset | None

    def experiment(self, name):
        return self.table[name]

    def dataset(self):
        return self.faces


@pytest.fixture
def quick(tmp_path, tiny, dataset):
    table = {"tiny": replace(tiny, epochs=1)}
    return SyntheticProfile("quick", tmp_path, tmp_path, True, "", table, dataset)


@pytest.fixture
def full(tmp_path, tiny, dataset):
    recorded, trained = tmp_path / "recorded", tmp_path / "runs"
    return SyntheticProfile("full", trained, recorded, False, "", {"tiny": tiny}, dataset)


@pytest.mark.parametrize("name", [*PRIVATE_TEST_EXPERIMENTS, HOG])
def test_the_full_profile_never_trains_in_a_notebook(name, monkeypatch, tmp_path):
    for module, function in (
        (dispatch, "run_experiment"),
        (trainer, "train_run"),
        (baselines, "train_hog"),
    ):
        monkeypatch.setattr(module, function, lambda *a, **k: pytest.fail("trained"))
    full = replace(PROFILES["full"], results_folder=tmp_path)
    assert load_or_train(name, 0, full) is None


def test_a_recorded_run_is_loaded_without_keras():
    script = """
import sys
from fer_lib.profiles import get_profile
from fer_lib.training.dispatch import load_or_train
load_or_train("custom_cnn", 0, get_profile("full"))
assert not {"keras", "sklearn"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_record_without_metrics_is_an_error_and_not_a_missing_one(full):
    (full.results_folder / "custom_cnn" / "seed-0").mkdir(parents=True)
    with pytest.raises(RunError, match=r"lacks its metrics\.json"):
        load_or_train("custom_cnn", 0, full)


def test_quick_trains_once_and_refuses_another_configuration(quick, monkeypatch):
    run = load_or_train("tiny", 0, quick)
    assert run.finished and run.config["profile"] == "quick"
    quick.table["tiny"] = replace(quick.table["tiny"], focal_gamma=1.0)
    with pytest.raises(RunError, match="focal_gamma"):
        load_or_train("tiny", 0, quick)


def test_quick_trains_nothing_that_needs_ferplus_votes(quick, monkeypatch):
    monkeypatch.setattr(trainer, "train_run", lambda *a, **k: pytest.fail("trained"))
    quick.table["votes"] = replace(quick.table["tiny"], ferplus_weight=1.0)
    assert load_or_train("votes", 0, quick) is None


def test_quick_trains_dependencies_first(quick, tiny):
    quick.table["distilled"] = replace(
        quick.table["tiny"], teachers=("tiny/seed-1",), distillation_weight=0.5
    )
    assert run_experiment("distilled", 0, quick, verbose=0).finished
    assert find_run(quick.training_folder, "tiny", 1)
    quick.table["started"] = replace(tiny, init_from="pretraining/seed-0")
    with pytest.raises(RunError, match="trains no experiment that starts from pretraining"):
        run_experiment("started", 0, quick, verbose=0)


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({"init_from": "pretraining/seed-2"}, "pretrain --seed 2"),
        ({"teachers": ("tiny/seed-3",), "distillation_weight": 0.5}, "train tiny --seed 3"),
    ],
)
def test_a_missing_dependency_is_named_with_its_command(full, tiny, changes, command):
    full.table["dependent"] = replace(tiny, **changes)
    with pytest.raises(RunError, match=f"first python -m fer_lib {command}"):
        run_experiment("dependent", 0, full)


def test_a_missing_data_set_is_an_error(full):
    with pytest.raises(DataError, match="FER2013 is not on this machine"):
        run_experiment("tiny", 0, replace(full, faces=None))


def test_the_hog_baseline_is_trained_once(quick, monkeypatch, capsys):
    trained = []

    def train_hog(seed, dataset, folder, profile):
        trained.append((seed, profile))
        logits = {"public_test": np.zeros((len(dataset.public_test), 7), np.float32)}
        spec = {"experiment": HOG, "seed": seed, "profile": profile}
        config = {**spec, "configuration": HOG_CONFIGURATION}
        return finish_run(folder, config, logits, dataset)

    monkeypatch.setattr(baselines, "train_hog", train_hog)
    noted = replace(quick, faces=replace(quick.faces, notes=("PublicTest is small",)))
    run = run_experiment(HOG, 0, noted)
    assert run.finished and "note: PublicTest is small" in capsys.readouterr().out
    assert run_experiment(HOG, 0, noted).folder == run.folder and trained == [(0, "quick")]


def test_the_best_single_run_follows_the_main_models(monkeypatch, make_run, tmp_path):
    runs = {(name, 1): make_run(tmp_path, name, 1) for name in MAIN_MODELS[:2]}
    monkeypatch.setattr(dispatch, "load_or_train", lambda name, seed, _: runs.get((name, seed)))
    profile, titles = PROFILES["full"], [EXPERIMENTS[name].title for name in MAIN_MODELS]
    other = make_run(tmp_path, "se_cnn_distilled")
    for best, added in ((None, {}), (other, {other.experiment.title: other})):
        monkeypatch.setattr(dispatch, "best_single_run", lambda _, best=best: best)
        recorded = [*runs.values(), *[None] * (len(titles) - 2)]
        assert load_main_models(1, profile) == dict(zip(titles, recorded, strict=True)) | added
    main = make_run(tmp_path, MAIN_MODELS[0], 0)  # stands there with the seed of the notebook
    monkeypatch.setattr(dispatch, "best_single_run", lambda _: main)
    assert load_main_models(1, profile)[main.experiment.title].seed == 1
