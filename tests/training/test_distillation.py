import shutil
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from fer_lib.evaluation.inference import load_model
from fer_lib.io import sha256_of
from fer_lib.models.registry import build_model
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import WEIGHTS_FILE, Run, RunError
from fer_lib.training.checkpoint import seed_layers
from fer_lib.training.distillation import distillation_targets, load_teacher, soft_targets
from fer_lib.training.run_spec import RunSpec
from fer_lib.training.trainer import Trainer, train_run


@pytest.fixture
def other_teacher(run, tiny, tmp_path):
    """A run like `run` with other weights."""
    folder = shutil.copytree(run.folder, tmp_path / "tiny" / "seed-1")
    keras.utils.set_random_seed(1)
    build_model(tiny, "float16").save_weights(folder / WEIGHTS_FILE)
    return Run(folder)


@pytest.fixture
def teachers(run, other_teacher):
    return {"tiny/seed-0": run, "tiny/seed-1": other_teacher}


@pytest.fixture
def distilled(tiny):
    return replace(tiny, teachers=("tiny/seed-0", "tiny/seed-1"), distillation_weight=0.8, epochs=1)


@pytest.fixture
def consistent(distilled):
    return replace(distilled, consistent_distillation=True)


def test_targets_mix_labels_and_probabilities_by_weight():
    labels = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    teachers = np.array([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]], np.float32)
    targets = distillation_targets(labels, teachers, 0.8)
    np.testing.assert_allclose(targets, [[0.6, 0.2, 0.2], [0.16, 0.16, 0.68]], atol=1e-6)
    assert targets.dtype == np.float32
    in_keras = distillation_targets(*map(keras.ops.convert_to_tensor, (labels, teachers)), 0.8)
    np.testing.assert_array_equal(in_keras, targets)


def compiled_trainer(experiment, dataset, folder, dependencies):
    trainer = Trainer(RunSpec("distilled", experiment), Run(folder), dependencies)
    trainer.compile(dataset.training)
    return trainer


def test_soft_targets_take_their_weight_of_the_target(distilled, teachers, dataset, tmp_path):
    trainer = compiled_trainer(distilled, dataset, tmp_path, teachers)
    images, targets = trainer.batches[0]
    rows = [
        np.flatnonzero((dataset.training.images == image[..., 0]).all(axis=(1, 2)))[0]
        for image in images
    ]
    probabilities = [
        softmax(load_model(run).predict(images, verbose=0)) for run in teachers.values()
    ]
    labels = np.eye(7)[dataset.training.labels[rows]]
    expected = 0.2 * labels + 0.8 * np.mean(probabilities, axis=0)
    np.testing.assert_allclose(targets, expected, atol=1e-5)


def test_teacher_tta_and_cache(run, dataset, distilled, tmp_path):
    """Soft targets are the mean over the views of `teacher_tta`, and are computed once."""
    experiment = replace(distilled, teachers=("tiny/seed-0",), teacher_tta="flip+shift5_2px")
    images = dataset.training.images[:20]
    targets = soft_targets(Run(tmp_path), experiment, {"tiny/seed-0": run}, images)
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2)), mode="edge")
    model, probabilities = load_model(run), []
    for down, right in ((0, 0), (0, -2), (0, 2), (-2, 0), (2, 0)):
        shifted = padded[:, 2 - down : 50 - down, 2 - right : 50 - right]
        for view in (shifted, shifted[:, :, ::-1]):
            probabilities.append(softmax(model.predict(view[..., None], verbose=0)))
    np.testing.assert_allclose(targets, np.mean(probabilities, axis=0), atol=1e-5)
    stored = soft_targets(Run(tmp_path), experiment, {}, images)  # without teachers
    np.testing.assert_array_equal(stored, targets)


@pytest.mark.parametrize(
    ("augmentation", "size"), [("strong_augment_crop40", 40), ("flip_rotate_zoom", 48)]
)
def test_teachers_predict_on_the_augmented_batch(
    consistent, teachers, dataset, tmp_path, augmentation, size
):
    experiment = replace(consistent, augmentation=augmentation)
    trainer = compiled_trainer(experiment, dataset, tmp_path, teachers)
    images, _ = trainer.batches[0]
    seed_layers(trainer.model, 0, 0)
    augmented = trainer.model.augment(images)
    seed_layers(trainer.model, 0, 0)
    outputs = trainer.model(images, training=True)
    assert augmented.shape == (64, size, size, 1)
    probabilities = []
    for run in teachers.values():
        logits = augmented
        for layer in load_model(run).layers:  # one by one: they take images of any size
            logits = layer(logits)
        probabilities.append(softmax(np.asarray(logits)))
    expected = np.mean(probabilities, axis=0)
    np.testing.assert_allclose(outputs["teacher_probabilities"], expected, atol=1e-5)
    assert np.abs(np.asarray(outputs["teacher_probabilities"])[:, :] - 1 / 7).max() > 0.01


def test_loss_against_the_teachers(consistent, teachers, dataset, tmp_path):
    experiment = replace(consistent, focal_gamma=0.0, focal_alpha=1.0)
    trainer = compiled_trainer(experiment, dataset, tmp_path, teachers)
    images, labels = trainer.batches[0]
    outputs = {k: np.asarray(v) for k, v in trainer.model(images, training=True).items()}
    targets = 0.2 * labels + 0.8 * outputs["teacher_probabilities"]
    expected = -(targets * np.log(softmax(outputs["logits"]))).sum(axis=1).mean()
    loss = trainer.model.compute_loss(images, labels, outputs)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    validation = {"logits": outputs["logits"]}  # where teachers do not count
    expected = -(labels * np.log(softmax(outputs["logits"]))).sum(axis=1).mean()
    loss = trainer.model.compute_loss(images, labels, validation)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_teachers_stay_as_they_are_and_out_of_the_checkpoint(
    consistent, teachers, dataset, tmp_path
):
    trainer = compiled_trainer(consistent, dataset, tmp_path, teachers)
    weights = [w for teacher in trainer.model.teachers for w in teacher.weights]
    before = [np.array(w) for w in weights]
    trainer.model.run_eagerly = True
    trainer.model.train_on_batch(*trainer.batches[0])
    for old, new in zip(before, weights, strict=True):
        np.testing.assert_array_equal(old, new)
    stored = {id(v) for v in trainer.model.checkpoint_variables}
    assert not stored & {id(w) for w in weights}
    assert {id(w) for w in trainer.network.weights} <= stored
    trained = trainer.model.trainable_variables
    assert len(trained) == len(trainer.network.trainable_variables)


def test_a_distilled_run_records_its_teachers(consistent, teachers, dataset, tmp_path):
    spec = RunSpec("distilled", consistent)
    run = train_run(spec, dataset, tmp_path / "run", 0, teachers)
    expected = {key: sha256_of(teacher.weights) for key, teacher in teachers.items()}
    assert run.config["dependency_weights_sha256"] == expected
    assert not list(run.folder.glob("*.npy"))


def test_a_teacher_computes_in_its_own_precision(run):
    experiment = replace(run.experiment, dtype_policy="mixed_bfloat16")
    teacher = load_teacher(SimpleNamespace(weights=run.weights, experiment=experiment, config={}))
    assert teacher.layers[2].compute_dtype == "bfloat16"
    assert build_model(experiment).layers[1].compute_dtype == "bfloat16"


def test_a_teacher_needs_weights(run, tmp_path):
    without = SimpleNamespace(weights=None, folder=tmp_path, experiment=run.experiment)
    with pytest.raises(RunError, match=f"{tmp_path}: this run keeps no weights"):
        load_teacher(without)
