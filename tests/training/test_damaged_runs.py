"""Continuing in a run's folder whose files are damaged: one message, with the file and the way."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from fer_lib.experiments import EXPERIMENTS
from fer_lib.io import read_arrays
from fer_lib.runs.run import Run, RunError
from fer_lib.training import distillation
from fer_lib.training.run_spec import RunSpec
from fer_lib.training.trainer import train_run


@pytest.fixture(scope="module")
def interrupted(tiny, dataset, tmp_path_factory):
    """A run that was interrupted in its third epoch; tests copy it."""
    from fer_lib.training.trainer import CheckpointCallback

    folder, end = tmp_path_factory.mktemp("interrupted") / "run", CheckpointCallback.on_epoch_end

    def interrupt(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt
        end(self, epoch, logs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckpointCallback, "on_epoch_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_run(RunSpec("tiny", tiny), dataset, folder, verbose=0)
    return folder


@pytest.fixture
def resume(interrupted, tiny, dataset, tmp_path):
    """Damages a copy of the interrupted run, continues it, and returns the error's message."""

    def call(damage, **changes):
        folder = shutil.copytree(interrupted, tmp_path / "run")
        damage(folder)
        with pytest.raises(RunError) as error:
            train_run(RunSpec("tiny", replace(tiny, **changes)), dataset, folder, verbose=0)
        assert not Run(folder).finished
        return str(error.value).replace(str(folder), "RUN")

    return call


AGAIN = "remove RUN/state.npz, and the training starts again at its first epoch"


def of_state(change):
    """Damage by a change of the state's arrays."""

    def damage(folder):
        arrays = read_arrays(folder / "state.npz")
        change(arrays)
        np.savez(folder / "state.npz", **arrays)

    return damage


def cut(name, share=0.5):
    def damage(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * share)])

    return damage


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (of_state(lambda s: s.pop("v0003")), "RUN/state.npz: .*there is no v0003"),
        (of_state(lambda s: s.pop("history")), "RUN/state.npz: .*there is no history"),
        (
            of_state(lambda s: s.update(v0003=np.zeros(3))),
            r"RUN/state.npz: .*an array of shape \(3,\)",
        ),
        (of_state(lambda s: s.update(history="[1]")), "RUN/state.npz: "),
        (of_state(lambda s: s.update(history="[]")), "RUN/state.npz: .*without epochs"),
        (of_state(lambda s: s.update(history="[")), "RUN/state.npz: "),
        (cut("state.npz"), "RUN/state.npz: .*not a complete .npz file"),
        (cut("state.npz", 0), "RUN/state.npz: "),
        (lambda f: (f / "best.weights.h5").unlink(), "RUN/best.weights.h5: .*missing"),
        (cut("best.weights.h5"), "RUN/best.weights.h5: .*cut off"),
    ],
)
def test_a_damaged_state_is_one_message(resume, damage, reason):
    message = resume(damage)
    assert re.match(reason, message) and message.endswith(AGAIN)
    assert len(message) < 400 and "\n" not in message


@pytest.mark.parametrize("content", [[], None, "a", 1, {"configuration": None}])
def test_a_file_that_is_no_configuration(resume, content):
    message = resume(lambda folder: (folder / "config.json").write_text(json.dumps(content)))
    assert message.startswith("RUN/config.json: not the configuration of a run; remove the folder")


def test_a_folder_in_place_of_the_lock(resume):
    def damage(folder):
        (folder / ".lock").unlink(missing_ok=True)
        (folder / ".lock").mkdir()

    assert resume(damage).startswith("RUN/.lock: a folder in place of the lock")


def test_after_the_state_is_removed_training_starts_again(
    interrupted, run, tiny, dataset, tmp_path, assert_same_run
):
    folder = shutil.copytree(interrupted, tmp_path / "run")
    (folder / "state.npz").unlink()
    (folder / "best.weights.h5").unlink()
    assert_same_run(train_run(RunSpec("tiny", tiny), dataset, folder, verbose=0), run)


@pytest.mark.parametrize("damage", [lambda p: cut(p.name)(p.parent), lambda p: np.save(p, [[1.0]])])
def test_damaged_soft_targets_are_computed_again(tmp_path, monkeypatch, dataset, damage):
    images, path = dataset.training.images[:3], tmp_path / "soft_targets.npy"
    distilled = replace(EXPERIMENTS["se_cnn"], teachers=("a/seed-0",), distillation_weight=0.5)
    logits = np.arange(21, dtype=np.float32).reshape(3, 7)
    monkeypatch.setattr(distillation, "load_model", lambda run: None)
    monkeypatch.setattr(distillation, "predict_logits", lambda *_: logits)
    arguments = (Run(tmp_path), distilled, {"a/seed-0": None}, images)
    first = distillation.soft_targets(*arguments)
    damage(path)
    np.testing.assert_array_equal(distillation.soft_targets(*arguments), first)
    monkeypatch.setattr(distillation, "load_model", lambda run: pytest.fail("they are stored"))
    np.testing.assert_array_equal(distillation.soft_targets(*arguments), first)
