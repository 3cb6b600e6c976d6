import errno
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from fer_lib import profiles
from fer_lib.data.dataset import load_dataset
from fer_lib.data.synthetic import write_synthetic_csv
from fer_lib.evaluation.inference import load_model
from fer_lib.experiments import EXPERIMENTS, HOG, PRIVATE_TEST_EXPERIMENTS
from fer_lib.io import TMP_PREFIX, write_json
from fer_lib.models.registry import build_model
from fer_lib.profiles import Profile, get_profile
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import HISTORY_COLUMNS, Run, RunError
from fer_lib.training import baselines
from fer_lib.training import trainer as training
from fer_lib.training.checkpoint import CheckpointCallback, save_weights
from fer_lib.training.dispatch import load_or_train
from fer_lib.training.trainer import _initial_weights, compile_model, train_run
from fer_lib.tta import SHIFTS


def weights_of(run):
    return load_model(run).get_weights()


def assert_equal_to_the_last_digit(a, b):
    digits = [column for column in HISTORY_COLUMNS if column != "seconds"]
    pd.testing.assert_frame_equal(a.history[digits], b.history[digits], check_exact=True)
    for x, y in zip(weights_of(a), weights_of(b), strict=True):
        np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(
        a.predictions["private_test_logits"], b.predictions["private_test_logits"]
    )


def train_two_epochs(experiment, dataset, folder):
    """Train until the third epoch has begun, and interrupt it there."""
    begin = CheckpointCallback.on_epoch_begin

    def interrupted(self, epoch, logs=None):
        begin(self, epoch, logs)
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(CheckpointCallback, "on_epoch_begin", interrupted)
        train_run("tiny", experiment, 0, dataset, folder, "full", verbose=0)


def test_an_interrupted_run_ends_like_an_unbroken_one(run, dataset, tiny, tmp_path):
    train_two_epochs(tiny, dataset, tmp_path)
    assert not Run(tmp_path).finished and len(Run(tmp_path).history) == 2
    assert_equal_to_the_last_digit(
        train_run("tiny", tiny, 0, dataset, tmp_path, "full", verbose=0), run
    )


def test_another_seed_gives_another_run(run, dataset, tiny, tmp_path):
    other = train_run("tiny", replace(tiny, epochs=1), 1, dataset, tmp_path, "full", verbose=0)
    assert other.history["loss"][0] != run.history["loss"][0]


def test_patience_stops_and_the_best_epoch_is_kept(dataset, tiny, tmp_path):
    # At this rate the loss on PublicTest does not fall for long.
    hasty = replace(tiny, learning_rate=0.5, patience=1, epochs=20)
    ended = train_run("hasty", hasty, 0, dataset, tmp_path, "full", verbose=0)
    losses = ended.history["val_loss"].to_numpy()
    assert ended.config["stopped_by"] == "patience"
    assert ended.config["best_epoch"] == losses.argmin() + 1 == len(losses) - 1


def test_the_kept_weights_are_those_of_the_best_epoch(run, dataset):
    best = run.history.iloc[run.config["best_epoch"] - 1]
    assert run.metrics["public_test"]["accuracy"] == pytest.approx(
        best["val_accuracy"], abs=0.03
    )  # half precision since


def test_a_finished_run_is_not_trained_again(run, dataset, tiny, monkeypatch):
    monkeypatch.setattr(keras.Model, "fit", lambda *a, **k: pytest.fail("trained again"))
    assert train_run("tiny", tiny, 0, dataset, run.folder, "full") is not None


def test_a_changed_experiment_is_refused_with_both_values(run, dataset, tiny):
    with pytest.raises(
        RunError, match=r"'learning_rate': 0.001.*'learning_rate': 0.1.*under a new name"
    ):
        train_run("tiny", replace(tiny, learning_rate=0.1), 0, dataset, run.folder, "full")


def test_other_data_are_refused(run, dataset, tiny):
    with pytest.raises(RunError, match="data_sha256"):
        train_run("tiny", tiny, 0, replace(dataset, sha256="0" * 64), run.folder, "full")


def test_an_ablation_stores_no_private_test(dataset, tiny, tmp_path):
    ablation = train_run(
        "ablation",
        replace(tiny, epochs=1, evaluate_private_test=False),
        0,
        dataset,
        tmp_path,
        "full",
        verbose=0,
    )
    assert not any("private" in name for name in ablation.predictions)
    assert list(ablation.metrics) == ["public_test"]


@pytest.fixture
def decaying(tiny):
    """All settings that the source report does not use, at once."""
    options = {**tiny.model_options, "se_ratio": 4}
    return replace(
        tiny, model_options=options, augmentation="strong_augment", focal_gamma=0.0, focal_alpha=1.0, label_smoothing=0.1, optimizer="sgd",
        learning_rate=0.05, warmup_epochs=1, weight_decay=1e-3, tta="flip", mixup_alpha=0.2, class_balancing_power=0.5, swa_epochs=2,
    )  # fmt: skip


def test_a_decaying_rate_also_resumes_to_the_last_digit(decaying, dataset, tmp_path):
    unbroken = train_run("tiny", decaying, 0, dataset, tmp_path / "a", "full", verbose=0)
    train_two_epochs(decaying, dataset, tmp_path / "b")
    assert_equal_to_the_last_digit(
        train_run("tiny", decaying, 0, dataset, tmp_path / "b", "full", verbose=0), unbroken
    )
    # At the end of each epoch: the peak after the warm-up, then half a cosine over the two epochs
    # that are left.
    np.testing.assert_allclose(unbroken.history["learning_rate"], [0.05, 0.025, 0], atol=1e-6)


def test_averaged_weights_are_the_mean_of_the_last_epochs(tiny, dataset, tmp_path, monkeypatch):
    kept, save = [], save_weights

    def remember(network, path):
        if path.name.startswith("epoch-"):
            kept.append([np.array(w) for w in network.get_weights()])
        save(network, path)

    monkeypatch.setattr(training, "_save_weights", remember)
    averaged = train_run(
        "tiny", replace(tiny, swa_epochs=2), 0, dataset, tmp_path, "full", verbose=0
    )
    network = load_model(averaged)
    assert len(kept) == 2 and not list(tmp_path.glob("epoch-*"))
    for variable, first, last in zip(network.weights, *kept, strict=True):
        if "moving" not in variable.path:
            np.testing.assert_allclose(
                variable, (first + last) / 2, rtol=2e-3, atol=1e-5
            )  # half precision since
    # The statistics belong to the averaged weights: the mean of the first layer's outputs on what
    # training shows.
    first = next(
        layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)
    )
    before = keras.Model(network.inputs, first.input).predict(
        dataset.training.images[..., None], verbose=0
    )
    np.testing.assert_allclose(first.moving_mean, before.mean(axis=(0, 1, 2)), atol=0.1)


def test_weight_decay_shrinks_kernels_alone(decaying):
    network = build_model(replace(decaying, dtype_policy="float32"))
    trainer = compile_model(decaying, network, steps_per_epoch=5)
    trainer.build((None, 48, 48, 1))
    optimizer = trainer.optimizer
    optimizer.build(trainer.trainable_variables)
    decayed = {
        v.path.rsplit("/", 1)[1]
        for v in trainer.trainable_variables
        if optimizer._use_weight_decay(v)
    }
    assert decayed == {"kernel"}


def test_cross_entropy_with_label_smoothing_is_keras_own(decaying):
    trainer = compile_model(decaying, build_model(decaying), steps_per_epoch=5)
    rng = np.random.default_rng(0)
    labels, logits = (
        np.eye(7, dtype=np.float32)[rng.integers(0, 7, 20)],
        rng.normal(size=(20, 7)).astype(np.float32),
    )
    expected = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)(
        labels, logits
    )
    assert float(trainer.loss(labels, logits)) == pytest.approx(float(expected), rel=1e-5)


def test_settings_that_came_later_do_not_stop_an_older_run(run, dataset, tiny, tmp_path):
    configuration = {
        k: v for k, v in tiny.to_dict().items() if k not in ("label_smoothing", "optimizer", "tta")
    }
    start = {k: run.config[k] for k in ("experiment", "seed", "profile", "data_sha256")}
    write_json(tmp_path / "config.json", {**start, "configuration": configuration})
    assert_equal_to_the_last_digit(
        train_run("tiny", tiny, 0, dataset, tmp_path, "full", verbose=0), run
    )


TRAIN_TINY = """
import sys
from pathlib import Path
from fer_lib import data, networks, training
from fer_lib.experiments import Experiment
from fer_lib.files import read_json
csv, configuration, folder = map(Path, sys.argv[1:])
training.train("tiny", Experiment(**read_json(configuration)), 0, data.load(csv), folder, "full", verbose=0)
"""


@pytest.fixture
def start_tiny(tiny, synthetic_csv, tmp_path):
    """Start a training of `tiny` in `tmp_path / "run"`, in a process of its own."""
    write_json(tmp_path / "tiny.json", tiny.to_dict())

    def start():
        command = [
            sys.executable,
            "-c",
            TRAIN_TINY,
            synthetic_csv,
            tmp_path / "tiny.json",
            tmp_path / "run",
        ]
        return subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    return start


def test_a_killed_run_ends_like_an_unbroken_one(run, start_tiny, tmp_path):
    process = start_tiny()
    while process.poll() is None and not (tmp_path / "run" / "history.csv").exists():
        time.sleep(0.02)
    process.kill()  # SIGKILL: nothing is cleaned up
    process.communicate()
    (tmp_path / "run" / f"{TMP_PREFIX}half.npz").write_bytes(b"half")
    assert not Run(tmp_path / "run").finished
    process = start_tiny()
    assert process.wait() == 0, process.stderr.read()
    assert_equal_to_the_last_digit(Run(tmp_path / "run"), run)
    assert not list((tmp_path / "run").glob(f"{TMP_PREFIX}*"))


def test_a_second_process_is_refused_and_breaks_nothing(run, start_tiny, dataset, tiny, tmp_path):
    process = start_tiny()
    while process.poll() is None and not (tmp_path / "run" / "best.weights.h5").exists():
        time.sleep(0.02)
    with pytest.raises(RunError, match="another process is training this run"):
        train_run("tiny", tiny, 0, dataset, tmp_path / "run", "full", verbose=0)
    assert process.wait() == 0, process.stderr.read()
    assert_equal_to_the_last_digit(Run(tmp_path / "run"), run)


def test_a_disk_that_fills_names_the_file_and_keeps_the_last_epoch(
    run, dataset, tiny, tmp_path, monkeypatch
):
    keep, kept = np.savez, []

    def fill(file, *arrays, **named):
        if len(kept) == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        kept.append(file)
        keep(file, *arrays, **named)

    monkeypatch.setattr(np, "savez", fill)
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/state.npz'"):
        train_run("tiny", tiny, 0, dataset, tmp_path, "full", verbose=0)
    monkeypatch.undo()
    assert len(Run(tmp_path).history) == 1
    assert_equal_to_the_last_digit(
        train_run("tiny", tiny, 0, dataset, tmp_path, "full", verbose=0), run
    )


def test_a_disk_without_room_for_the_weights_is_refused_before_hdf5_crashes(
    run, dataset, tiny, tmp_path, monkeypatch
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10_000))
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/best.weights.h5'"):
        train_run("tiny", tiny, 0, dataset, tmp_path, "full", verbose=0)
    monkeypatch.undo()
    assert_equal_to_the_last_digit(
        train_run("tiny", tiny, 0, dataset, tmp_path, "full", verbose=0), run
    )


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="every folder is writable for root"
)
def test_a_read_only_folder_is_refused(dataset, tiny, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=str(tmp_path)):
        train_run("tiny", tiny, 0, dataset, tmp_path / "run", "full", verbose=0)


@pytest.mark.parametrize("name", [*PRIVATE_TEST_EXPERIMENTS, HOG])
def test_the_full_profile_never_trains_in_a_notebook(name, monkeypatch, tmp_path):
    for module, function in (
        (training, "train"),
        (training, "train_by_name"),
        (baselines, "train"),
    ):
        monkeypatch.setattr(module, function, lambda *a, **k: pytest.fail("trained"))
    assert load_or_train(name, 0, replace(get_profile("full"), results_folder=tmp_path)) is None


def test_a_record_that_lost_its_metrics_is_an_error_and_not_a_missing_one(tmp_path):
    (tmp_path / "custom_cnn" / "seed-0").mkdir(parents=True)
    with pytest.raises(RunError, match="has lost its metrics.json"):
        load_or_train("custom_cnn", 0, replace(get_profile("full"), results_folder=tmp_path))


def test_quick_trains_a_missing_run_and_refuses_one_of_another_configuration(
    monkeypatch, tmp_path, dataset, tiny
):
    quick = replace(get_profile("quick"), training_folder=tmp_path)
    monkeypatch.setattr(Profile, "dataset", lambda self: dataset)
    monkeypatch.setattr(profiles, "EXPERIMENTS", {"tiny": tiny})
    monkeypatch.setattr(profiles, "QUICK_EPOCHS", 1)
    assert load_or_train("tiny", 0, quick).finished
    monkeypatch.setattr(profiles, "EXPERIMENTS", {"tiny": replace(tiny, focal_gamma=1.0)})
    with pytest.raises(RunError, match="focal_gamma"):
        load_or_train("tiny", 0, quick)


def test_the_loss_is_the_experiments(run, dataset):
    """The history's loss of the kept epoch, from the recorded logits and the formula of Lin et al.
    2017."""
    p = softmax(run.predictions["public_test_logits"])[np.arange(70), dataset.public_test.labels]
    focal, cross_entropy = np.mean(-0.25 * (1 - p) ** 2 * np.log(p)), np.mean(-np.log(p))
    kept = run.history["val_loss"].min()
    assert kept == pytest.approx(focal, rel=0.01)
    assert abs(kept - cross_entropy) > 0.5


def test_a_loss_that_is_no_number_stops_and_keeps_the_best_weights(
    dataset, tiny, tmp_path, monkeypatch
):
    def spoilt(self, epoch, logs=None):
        end(self, epoch, {**logs, "val_loss": float("nan")} if epoch == 1 else logs)

    end = CheckpointCallback.on_epoch_end
    monkeypatch.setattr(CheckpointCallback, "on_epoch_end", spoilt)
    with pytest.raises(RunError, match="the loss of epoch 2 is .* in validation nan"):
        train_run("tiny", tiny, 0, dataset, tmp_path, "full", verbose=0)
    monkeypatch.undo()
    assert len(Run(tmp_path).history) == 1
    assert train_run("tiny", tiny, 0, dataset, tmp_path, "full", verbose=0).finished


def test_the_initial_weights_are_recorded_and_checked(run, tiny, tmp_path, dataset):
    keras.utils.set_random_seed(0)
    expected = _initial_weights(build_model(tiny), tiny)
    assert run.config["initial_weights_sha256"] == expected["initial_weights_sha256"]
    assert run.config["pretrained_weights_sha256"] is None
    start = {
        k: run.config[k] for k in ("experiment", "seed", "profile", "configuration", "data_sha256")
    }
    write_json(tmp_path / "config.json", {**start, "initial_weights_sha256": "0" * 64})
    with pytest.raises(RunError, match="initial_weights_sha256"):
        train_run("tiny", tiny, 0, dataset, tmp_path, "full", verbose=0)


def test_a_small_network_learns_synthetic_faces(tmp_path):
    """Well above chance in seconds, and not perfectly."""
    from fer_lib.training.trainer import train_run

    path = tmp_path / "faces.csv.gz"
    write_synthetic_csv(path, {"Training": 1500, "PublicTest": 200, "PrivateTest": 200}, seed=5)
    options = {
        "stem": 16,
        "blocks": ((16, 1), (32, 1), (64, 1)),
        "block_dropout": 0.0,
        "head_dropout": 0.1,
        "bn_momentum": 0.9,
    }
    small = replace(
        EXPERIMENTS["custom_cnn"], model_options=options, epochs=8, dtype_policy="float32"
    )
    ended = train_run("small", small, 0, load_dataset(path), tmp_path / "run", "quick", verbose=0)
    assert 0.4 < ended.metrics["both"]["accuracy"] < 0.97


def test_teachers_take_their_share_of_the_targets(run, dataset, tiny, tmp_path, monkeypatch):
    seen = []
    fit = training.fit
    monkeypatch.setattr(training, "fit", lambda *a: seen.append(a[4]) or fit(*a))
    taught = replace(
        tiny, teachers=("tiny/seed-0", "tiny/seed-1"), distillation_weight=0.8, epochs=1
    )
    other = train_run(
        "tiny", replace(tiny, epochs=1), 1, dataset, tmp_path / "other", "full", verbose=0
    )
    others = {"tiny/seed-0": run, "tiny/seed-1": other}
    ended = train_run("taught", taught, 0, dataset, tmp_path / "taught", "full", 0, others)
    images, targets = seen[1][0]
    rows = [
        np.flatnonzero((dataset.training.images == image[..., 0]).all(axis=(1, 2)))[0]
        for image in images
    ]
    said = [softmax(load_model(teacher).predict(images, verbose=0)) for teacher in (run, other)]
    expected = 0.2 * np.eye(7)[dataset.training.labels[rows]] + 0.8 * np.mean(said, axis=0)
    np.testing.assert_allclose(targets, expected, atol=1e-5)
    assert ended.config["dependency_weights_sha256"].keys() == set(others)


def test_a_teacher_looks_as_it_answers_in_its_places_and_once(
    run, dataset, tiny, tmp_path, monkeypatch
):
    """With the mirror image where its own answers have it, in each of `teacher_tta`, and not
    again when the run goes on."""
    seen, fit = [], training.fit
    places = "flip+shift5_2px"
    taught = replace(
        tiny, teachers=("tiny/seed-0",), distillation_weight=1.0, teacher_tta=places, epochs=1
    )
    teacher = SimpleNamespace(
        folder=run.folder,
        weights=run.weights,
        config=run.config,
        experiment=replace(tiny, tta="flip"),
    )

    def interrupted(*arguments):
        seen.append(arguments[4])
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_run("taught", taught, 0, dataset, tmp_path, "full", 0, {"tiny/seed-0": teacher})
    images, targets = seen[0][0]
    network, said = load_model(run), []
    for down, right in SHIFTS[places]:
        moved = np.pad(images[..., 0], ((0, 0), (2, 2), (2, 2)), mode="edge")[
            :, 2 - down : 50 - down, 2 - right : 50 - right
        ]
        said += [
            softmax(network.predict(side[..., None], verbose=0))
            for side in (moved, moved[:, :, ::-1])
        ]
    np.testing.assert_allclose(targets, np.mean(said, axis=0), atol=1e-5)
    monkeypatch.setattr(training, "fit", fit)
    monkeypatch.setattr(training, "predict", lambda *a: pytest.fail("the teacher looks again"))
    monkeypatch.setattr(training, "_finish", lambda run, *_: run)
    train_run("taught", taught, 0, dataset, tmp_path, "full", 0, {"tiny/seed-0": teacher})


def test_a_refused_claim_writes_nothing(run, dataset, tiny, tmp_path):
    copy = Run(shutil.copytree(run.folder, tmp_path / "seed-0"))
    before = (copy.folder / "config.json").read_bytes()
    other = replace(dataset, sha256="0" * 64, public_test_drawn=True)
    with pytest.raises(RunError, match="data_sha256"):
        train_run("tiny", tiny, 0, other, copy.folder, "full", verbose=0)
    assert (copy.folder / "config.json").read_bytes() == before


def test_a_share_of_training_is_what_an_epoch_shows(dataset, tiny, tmp_path, monkeypatch):
    seen, fit = [], training.fit
    monkeypatch.setattr(training, "fit", lambda *a: seen.append(a[4]) or fit(*a))
    cut = train_run(
        "cut", replace(tiny, train_fraction=0.2, epochs=1), 0, dataset, tmp_path, "full", verbose=0
    )
    shown = sum(len(seen[0][index][0]) for index in range(len(seen[0])))
    assert shown == sum(max(1, round(0.2 * n)) for n in dataset.training.class_counts)
    assert cut.config["images_per_second"] == pytest.approx(
        shown / cut.history["seconds"].median(), rel=0.01
    )
