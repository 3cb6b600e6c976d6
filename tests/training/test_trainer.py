import errno
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import keras
import numpy as np
import pytest

from fer_lib.data.dataset import load_dataset
from fer_lib.data.synthetic import write_synthetic_csv
from fer_lib.evaluation.inference import load_model
from fer_lib.experiments import EXPERIMENTS
from fer_lib.io import TMP_PREFIX, read_arrays, write_json
from fer_lib.runs.run import Run, RunError
from fer_lib.training.checkpoint import History, save_weights
from fer_lib.training.run_spec import RunSpec, run_lock
from fer_lib.training.trainer import CheckpointCallback, Trainer, train_run


@pytest.fixture
def train_tiny(tiny, dataset):
    """Trains `tiny`, with changes, in a folder."""

    def train(folder, seed=0, **changes):
        return train_run(
            RunSpec("tiny", replace(tiny, **changes), seed), dataset, folder, verbose=0
        )

    return train


def test_an_interrupted_run_ends_in_the_same_digits(
    run, train_tiny, tmp_path, interrupted_in_epoch, assert_same_run
):
    with interrupted_in_epoch(3):
        train_tiny(tmp_path)
    assert not Run(tmp_path).finished and len(Run(tmp_path).history) == 2
    assert_same_run(train_tiny(tmp_path), run)


def test_every_ability_at_once_resumes_to_the_last_digit(
    run, tiny, dataset, ferplus_csv, tmp_path, interrupted_in_epoch, assert_same_run
):
    experiment = replace(
        tiny,
        model_options={**tiny.model_options, "se_ratio": 4},
        augmentation="strong_augment_crop40",
        optimizer="sgd",
        learning_rate=0.05,
        warmup_epochs=1,
        weight_decay=1e-3,
        label_smoothing=0.1,
        mixup_alpha=0.2,
        class_balancing_power=0.5,
        train_fraction=0.8,
        swa_epochs=2,
        teachers=("tiny/seed-0",),
        distillation_weight=0.5,
        consistent_distillation=True,
        ferplus_weight=1.0,
        tta="flip",
    )
    spec, dependencies = RunSpec("everything", experiment), {"tiny/seed-0": run}
    unbroken = train_run(spec, dataset, tmp_path / "unbroken", 0, dependencies)
    with interrupted_in_epoch(3):
        train_run(spec, dataset, tmp_path / "resumed", 0, dependencies)
    resumed = train_run(spec, dataset, tmp_path / "resumed", 0, dependencies)
    assert_same_run(resumed, unbroken)
    # At the end of each epoch: the peak after the warm-up, then half a cosine over two epochs.
    np.testing.assert_allclose(unbroken.history["learning_rate"], [0.05, 0.025, 0], atol=1e-6)


def test_another_seed_gives_another_run(run, train_tiny, tmp_path):
    other = train_tiny(tmp_path, seed=1, epochs=1)
    assert other.history["loss"][0] != run.history["loss"][0]


def test_training_equals_keras_fit_of_the_layers_in_sequence(tiny, dataset, tmp_path):
    """An independent implementation of two steps: augmentation and layers in one sequential model,
    whose layers take the crops."""
    from fer_lib.models.registry import build_model
    from fer_lib.training.augmentation import AUGMENTATIONS
    from fer_lib.training.checkpoint import seed_layers

    experiment = replace(tiny, augmentation="strong_augment_crop40", label_smoothing=0.1)
    trainer = Trainer(RunSpec("tiny", experiment), Run(tmp_path))
    trainer.compile(dataset.training)
    keras.utils.set_random_seed(0)
    network = build_model(experiment)
    model = keras.Sequential([AUGMENTATIONS[experiment.augmentation](), *network.layers])
    loss = keras.losses.CategoricalFocalCrossentropy(
        alpha=0.25, gamma=2.0, from_logits=True, label_smoothing=0.1
    )
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    model.build((None, 48, 48, 1))
    for each in (model, trainer.model):
        each.run_eagerly = True
        seed_layers(each, 0, 0)
        for step in range(2):
            each.train_on_batch(*trainer.batches[step])
    for a, b in zip(network.weights, trainer.network.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_loss_of_the_history_by_the_formula(run):
    """Lin et al. 2017, from the recorded logits of the best epoch, which are in half precision."""
    predictions = run.predictions["public_test"]
    p = predictions.probabilities[np.arange(len(predictions)), predictions.labels]
    focal, cross_entropy = np.mean(-0.25 * (1 - p) ** 2 * np.log(p)), np.mean(-np.log(p))
    assert run.history["val_loss"].min() == pytest.approx(focal, rel=0.01)
    assert abs(focal - cross_entropy) > 0.5


def test_weights_are_those_of_the_best_epoch(run):
    best = run.history.iloc[run.config["best_epoch"] - 1]
    accuracy = run.metrics["public_test"]["accuracy"]
    assert accuracy == pytest.approx(best["val_accuracy"], abs=0.03)  # now in half precision
    assert run.history["val_loss"].idxmin() == run.config["best_epoch"] - 1


def test_record_of_a_run(run):
    assert list(run.config)[:6] == [
        "experiment",
        "seed",
        "profile",
        "configuration",
        "data_sha256",
        "initial_weights_sha256",
    ]
    assert {
        "pretrained_weights_sha256",
        "stopped_by",
        "epochs_run",
        "best_epoch",
        "hours",
        "parameters",
        "images_per_second",
        "keras_backend",
        "versions",
        "hardware",
    } <= run.config.keys()
    assert run.config["stopped_by"] == "epochs" and run.config["epochs_run"] == 3
    left = {path.name for path in run.folder.iterdir()} - {".lock"}
    assert left == {
        "config.json",
        "history.csv",
        "metrics.json",
        "model.weights.h5",
        "predictions.npz",
    }


def test_patience_counts_epochs_since_the_lowest_validation_loss():
    history = History(patience=2)
    for loss, best_epoch, exhausted in (
        (3.0, 1, False),
        (2.0, 2, False),
        (2.0, 2, False),
        (2.5, 2, True),
    ):
        history.rows.append({"val_loss": loss})
        assert (history.best_epoch, history.patience_exhausted) == (best_epoch, exhausted)


def test_patience_stops_training(train_tiny, tmp_path):
    # At this rate the validation loss does not fall for long.
    ended = train_tiny(tmp_path, learning_rate=0.5, patience=1, epochs=20)
    losses = ended.history["val_loss"].to_numpy()
    assert ended.config["stopped_by"] == "patience"
    assert ended.config["best_epoch"] == losses.argmin() + 1 == len(losses) - 1


def test_a_finished_run_is_not_trained_again(run, dataset, tiny, monkeypatch):
    monkeypatch.setattr(Trainer, "__init__", lambda *a: pytest.fail("trained again"))
    assert train_run(RunSpec("tiny", tiny), dataset, run.folder).finished


def test_other_data_are_refused_and_nothing_is_written(run, dataset, tiny, tmp_path):
    copy = Run(shutil.copytree(run.folder, tmp_path / "seed-0"))
    content = (copy.folder / "config.json").read_bytes()
    other = replace(dataset, sha256="0" * 64, public_test_drawn=True)
    with pytest.raises(RunError, match="data_sha256"):
        train_run(RunSpec("tiny", tiny), other, copy.folder)
    assert (copy.folder / "config.json").read_bytes() == content


def test_other_initial_weights_are_refused(run, train_tiny, tmp_path):
    names = ("experiment", "seed", "profile", "configuration", "data_sha256")
    config = {name: run.config[name] for name in names}
    write_json(tmp_path / "config.json", {**config, "initial_weights_sha256": "0" * 64})
    with pytest.raises(RunError, match="initial_weights_sha256"):
        train_tiny(tmp_path)


def test_private_test_is_predicted_only_where_the_experiment_says_so(run, train_tiny, tmp_path):
    assert list(run.predictions) == ["public_test", "private_test"]
    ended = train_tiny(tmp_path, epochs=1, evaluate_private_test=False)
    assert list(ended.predictions) == list(ended.metrics) == ["public_test"]


def test_a_fraction_of_training(tiny, dataset, tmp_path):
    trainer = Trainer(RunSpec("tiny", replace(tiny, train_fraction=0.2)), Run(tmp_path))
    trainer.compile(dataset.training)
    labels = np.concatenate([trainer.batches[i][1] for i in range(len(trainer.batches))])
    expected = [max(1, round(0.2 * n)) for n in dataset.training.class_counts]
    assert labels.sum(axis=0).tolist() == expected


def test_a_learned_run_beats_chance(tmp_path):
    """Well above the largest class in seconds, and not perfect."""
    path = tmp_path / "faces.csv.gz"
    write_synthetic_csv(path, {"Training": 600, "PublicTest": 100, "PrivateTest": 100}, seed=5)
    options = {
        "blocks": ((8, 1), (16, 1), (32, 1), (64, 1)),
        "block_dropout": 0.0,
        "head_dropout": 0.1,
        "bn_momentum": 0.9,
    }
    experiment = replace(
        EXPERIMENTS["custom_cnn"],
        model_options=options,
        learning_rate=3e-3,
        batch_size=32,
        epochs=6,
        dtype_policy="float32",
    )
    spec = RunSpec("small", experiment, profile="quick")
    ended = train_run(spec, load_dataset(path), tmp_path / "run", verbose=0)
    assert 0.4 < ended.metrics["both"]["accuracy"] < 0.97


TRAIN_TINY = """
import sys
from pathlib import Path
from fer_lib.data.dataset import load_dataset
from fer_lib.experiments import Experiment
from fer_lib.io import read_json
from fer_lib.training.run_spec import RunSpec
from fer_lib.training.trainer import train_run
csv, configuration, folder = map(Path, sys.argv[1:])
spec = RunSpec("tiny", Experiment.from_dict(read_json(configuration)))
train_run(spec, load_dataset(csv), folder, verbose=0)
"""


def test_a_killed_run_ends_in_the_same_digits(
    run, tiny, train_tiny, synthetic_csv, tmp_path, assert_same_run
):
    folder, configuration = tmp_path / "run", tmp_path / "tiny.json"
    write_json(configuration, tiny.to_dict())
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN_TINY, synthetic_csv, configuration, folder],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not (folder / "history.csv").exists():
        time.sleep(0.02)
    process.kill()  # SIGKILL: nothing is cleaned up
    _, errors = process.communicate()
    assert (folder / "history.csv").exists(), errors
    assert not Run(folder).finished
    (folder / f"{TMP_PREFIX}half.npz").write_bytes(b"half")
    assert_same_run(train_tiny(folder), run)
    assert not list(folder.glob(f"{TMP_PREFIX}*"))


def test_a_run_that_another_process_trains_is_refused(train_tiny, tmp_path):
    (tmp_path / "run").mkdir()
    with run_lock(Run(tmp_path / "run")), pytest.raises(RunError, match="another process"):
        train_tiny(tmp_path / "run")


def test_a_full_disk_names_the_file_and_keeps_the_last_epoch(train_tiny, tmp_path, monkeypatch):
    savez, written = np.savez, []

    def fill(file, *arrays, **named):
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(file)
        savez(file, *arrays, **named)

    monkeypatch.setattr(np, "savez", fill)
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/state.npz'"):
        train_tiny(tmp_path)
    assert len(Run(tmp_path).history) == 1
    assert len(json.loads(str(read_arrays(tmp_path / "state.npz")["history"]))) == 1


def test_a_disk_too_full_for_the_weights_is_refused_before_hdf5_crashes(run, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10_000))
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/best.weights.h5'"):
        save_weights(load_model(run), tmp_path / "best.weights.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="every folder is writable for root"
)
def test_a_read_only_folder_is_refused(train_tiny, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=str(tmp_path)):
        train_tiny(tmp_path / "run")


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_epoch(train_tiny, tmp_path, monkeypatch):
    on_epoch_end = CheckpointCallback.on_epoch_end

    def diverged(self, epoch, logs=None):
        on_epoch_end(self, epoch, {**logs, "val_loss": float("nan")} if epoch == 1 else logs)

    monkeypatch.setattr(CheckpointCallback, "on_epoch_end", diverged)
    with pytest.raises(RunError, match=r"the loss of epoch 2 is .* in validation nan"):
        train_tiny(tmp_path)
    assert len(Run(tmp_path).history) == 1 and (tmp_path / "best.weights.h5").exists()


def test_recorded_predictions_are_those_of_the_weights(run, dataset):
    logits = load_model(run).predict(dataset.private_test.images[..., None], verbose=0)
    np.testing.assert_allclose(run.predictions["private_test"].logits, logits, atol=1e-6)
