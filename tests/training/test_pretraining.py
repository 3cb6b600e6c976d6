from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_lib.data.dataset import Split
from fer_lib.data.readers import DataError
from fer_lib.evaluation.inference import load_model
from fer_lib.experiments import PRETRAINING_NAME
from fer_lib.io import sha256_of
from fer_lib.models.registry import build_model
from fer_lib.profiles import PROFILES
from fer_lib.runs.run import RunError
from fer_lib.runs.store import record_run
from fer_lib.training.initialization import load_compatible_weights
from fer_lib.training.pretraining import (
    ImageFolderDataset,
    pretrain,
    read_image_folder,
    synthetic_pretraining_faces,
)
from fer_lib.training.run_spec import RunSpec
from fer_lib.training.trainer import train_run

# Classes that are no emotions of FER2013, and the gray level of their images.
CLASSES = {"1 calm": 40, "2 tense": 180, "3 tired": 110}


@pytest.fixture
def folder(tmp_path):
    """One folder of images for each class, of several sizes and formats."""
    rng = np.random.default_rng(0)
    sizes = [(48, 48), (100, 100), (64, 90), (31, 24)]
    for name, gray in CLASSES.items():
        (tmp_path / "faces" / name).mkdir(parents=True)
        for number in range(12):
            width, height = sizes[number % len(sizes)]
            pixels = np.clip(rng.normal(gray, 10, (height, width, 3)), 0, 255).astype(np.uint8)
            suffix = ("png", "jpg", "bmp")[number % 3]
            Image.fromarray(pixels).convert("L" if number % 2 else "RGB").save(
                tmp_path / "faces" / name / f"{number:02}.{suffix}"
            )
    (tmp_path / "faces" / ".hidden").mkdir()
    (tmp_path / "faces" / "README.txt").write_text("not a class")
    return tmp_path / "faces"


def test_any_classes_and_sizes_are_read(folder):
    faces = read_image_folder(folder)
    assert faces.classes == tuple(CLASSES)
    assert faces.split.images.shape == (36, 48, 48) and faces.split.images.dtype == np.uint8
    for label, gray in enumerate(CLASSES.values()):
        images = faces.split.images[faces.split.labels == label]
        assert images.mean() == pytest.approx(gray, abs=3)


def test_fingerprint_of_classes_and_pixels(folder):
    faces = read_image_folder(folder)
    (folder / "1 calm" / "labels.txt").write_text("not an image")
    folder = folder.rename(folder.with_name("faces [cropped]"))  # not a pattern
    assert read_image_folder(folder).sha256 == faces.sha256
    (folder / "1 calm").rename(folder / "1 serene")
    assert read_image_folder(folder).sha256 != faces.sha256


def test_name_of_a_folder_and_of_a_split_of_a_data_set(folder, monkeypatch):
    assert read_image_folder(folder).name == "images of faces"
    monkeypatch.chdir(folder)
    assert read_image_folder(Path()).name == "images of faces"
    (folder.parent / "affect").mkdir()
    moved = folder.rename(folder.parent / "affect" / "Train")
    assert read_image_folder(moved).name == "images of affect/Train"


def test_an_oblong_image_is_cropped_to_its_center(folder):
    wide = np.full((60, 200), 255, np.uint8)
    wide[:, 70:130] = 90  # the central square
    Image.fromarray(wide).save(folder / "1 calm" / "00.png")
    assert (read_image_folder(folder).split.images[0] == 90).all()


def broken_image(folder):
    (folder / "2 tense" / "05.png").write_bytes(b"not an image")


def empty_class(folder):
    (folder / "4 empty").mkdir()


def no_classes(folder):
    for name in CLASSES:
        (folder / name).rename(folder / f".{name}")


def splits(folder):
    no_classes(folder)
    for name in ("train", "Test"):
        (folder / name).mkdir()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (broken_image, "05.png: not "),
        (empty_class, "4 empty: 0 images of this class; expected two or more"),
        (no_classes, "expected a folder of images for each of 2 to 256 classes; found none"),
        (splits, "found Test, train, which are splits: name one of them"),
    ],
)
def test_an_unusable_folder_is_named(folder, damage, message):
    damage(folder)
    with pytest.raises(DataError, match=message):
        read_image_folder(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        read_image_folder(tmp_path / "nowhere")


def test_synthetic_faces_have_as_many_of_each_emotion():
    faces = synthetic_pretraining_faces(21)
    assert np.bincount(faces.split.labels).tolist() == [3] * 7
    assert len(np.unique(faces.split.hashes)) == 21


@pytest.fixture(scope="module")
def faces():
    """Noise about a gray level of its own for each of the classes."""
    labels = np.repeat(np.uint8(range(len(CLASSES))), 12)
    gray = np.array(list(CLASSES.values()))[labels]
    images = np.random.default_rng(0).normal(gray[:, None, None], 10, (36, 48, 48))
    split = Split(np.clip(images, 0, 255).astype(np.uint8), labels)
    return ImageFolderDataset("gray levels", split, tuple(CLASSES))


@pytest.fixture(scope="module")
def pretrain_tiny(tiny):
    """Trains `tiny` for two epochs on other faces, in a folder."""

    def train(faces, folder):
        profile = replace(PROFILES["full"], training_folder=folder)
        return pretrain(faces, 0, profile, verbose=0, experiment=replace(tiny, epochs=2))

    return train


@pytest.fixture(scope="module")
def pretrained(faces, pretrain_tiny, tmp_path_factory):
    return pretrain_tiny(faces, tmp_path_factory.mktemp("pretraining"))


def test_metrics_are_those_of_the_images_held_out(pretrained):
    assert pretrained.finished and pretrained.key == f"{PRETRAINING_NAME}/seed-0"
    history = pretrained.history
    best = history.loc[history["val_loss"].idxmin()]
    # A tenth of each class is held out.
    assert pretrained.metrics == {"held_out": {"n": 3, "accuracy": best["val_accuracy"]}}


def test_an_experiment_starts_from_all_layers_but_the_last(
    run, pretrained, tiny, dataset, tmp_path
):
    source, model = load_model(pretrained), build_model(tiny)
    assert source.output_shape == (None, 3)
    before = model.layers[-1].get_weights()
    load_compatible_weights(model, pretrained)
    for a, b in zip(model.layers, source.layers, strict=True):
        expected = before if a is model.layers[-1] else b.get_weights()
        for x, y in zip(a.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(x, y)

    spec = RunSpec("started", replace(tiny, init_from=pretrained.key, epochs=1))
    started = train_run(spec, dataset, tmp_path / "started", 0, {pretrained.key: pretrained})
    weights = {pretrained.key: sha256_of(pretrained.weights)}
    assert started.config["dependency_weights_sha256"] == weights
    assert started.config["pretraining"]["images"] == 36
    assert started.config["pretraining"]["classes"] == list(CLASSES)
    assert started.config["initial_weights_sha256"] != run.config["initial_weights_sha256"]


def test_an_interrupted_pretraining_ends_in_the_same_digits(
    faces, pretrained, pretrain_tiny, tmp_path, interrupted_in_epoch
):
    with interrupted_in_epoch(2):
        pretrain_tiny(faces, tmp_path)
    resumed = pretrain_tiny(faces, tmp_path)
    assert resumed.metrics == pretrained.metrics
    for a, b in zip(
        *(load_model(each).get_weights() for each in (resumed, pretrained)), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    other = replace(faces, classes=("1", "2", "3"))
    with pytest.raises(RunError, match="began with classes"):
        pretrain_tiny(other, tmp_path)


def test_pretraining_is_no_record_of_fer2013(pretrained, results):
    with pytest.raises(RunError, match="only runs on FER2013 are recorded"):
        record_run(pretrained, results)
