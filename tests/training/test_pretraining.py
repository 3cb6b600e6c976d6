from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_lib import profiles
from fer_lib.cli import main
from fer_lib.data.readers import DataError
from fer_lib.evaluation.inference import load_model
from fer_lib.experiments import PRETRAINING_NAME
from fer_lib.io import sha256_of
from fer_lib.models.registry import build_model
from fer_lib.profiles import Profile, get_profile
from fer_lib.runs.run import RunError
from fer_lib.runs.store import find_run, record_run
from fer_lib.training import pretraining as transfer
from fer_lib.training.checkpoint import CheckpointCallback
from fer_lib.training.dispatch import run_experiment
from fer_lib.training.pretraining import pretrain, read_image_folder, synthetic_pretraining_faces
from fer_lib.training.trainer import load_compatible_weights, train_run

CLASSES = {
    "1 calm": 40,
    "2 tense": 180,
    "3 tired": 110,
}  # names that are no emotions of FER2013's, and each one's grey


@pytest.fixture
def folder(tmp_path):
    """Class folders of pictures of several sizes and forms."""
    rng = np.random.default_rng(0)
    sizes = [(48, 48), (100, 100), (64, 90), (31, 24)]
    for name, grey in CLASSES.items():
        (tmp_path / "faces" / name).mkdir(parents=True)
        for number in range(12):
            width, height = sizes[number % len(sizes)]
            pixels = np.clip(rng.normal(grey, 10, (height, width, 3)), 0, 255).astype(np.uint8)
            ending = ("png", "jpg", "bmp")[number % 3]
            Image.fromarray(pixels).convert("L" if number % 2 else "RGB").save(
                tmp_path / "faces" / name / f"{number:02}.{ending}"
            )
    (tmp_path / "faces" / ".hidden").mkdir()
    (tmp_path / "faces" / "README.txt").write_text("not a class")
    return tmp_path / "faces"


def test_any_label_set_and_any_size_is_read(folder):
    faces = read_image_folder(folder)
    assert faces.classes == tuple(CLASSES)
    assert faces.split.images.shape == (36, 48, 48) and faces.split.images.dtype == np.uint8
    for label, grey in enumerate(CLASSES.values()):
        assert faces.split.images[faces.split.labels == label].mean() == pytest.approx(grey, abs=3)
    (folder / "1 calm" / "labels.txt").write_text("no picture")
    again = read_image_folder(folder.rename(folder.with_name("faces [cut]")))
    assert again.sha256 == faces.sha256
    folder = folder.with_name("faces [cut]")
    (folder / "1 calm").rename(folder / "1 serene")
    assert read_image_folder(folder).sha256 != faces.sha256


def test_faces_are_called_as_their_folder_and_a_split_with_its_data_set(folder, monkeypatch):
    assert read_image_folder(folder).name == "pictures of faces"
    monkeypatch.chdir(folder)
    assert read_image_folder(Path()).name == "pictures of faces"
    (folder.parent / "affect").mkdir()
    assert (
        read_image_folder(folder.rename(folder.parent / "affect" / "Train")).name
        == "pictures of affect/Train"
    )


def test_an_oblong_picture_is_cut_to_its_middle(folder):
    wide = np.full((60, 200), 255, np.uint8)
    wide[:, 70:130] = 90  # the square middle
    Image.fromarray(wide).save(folder / "1 calm" / "00.png")
    assert (read_image_folder(folder).split.images[0] == 90).all()


def break_picture(folder):
    (folder / "2 tense" / "05.png").write_bytes(b"no picture")


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
    ("fault", "message"),
    [
        (break_picture, "05.png: not a picture"),
        (empty_class, "4 empty: 0 pictures in this class's folder; expected two or more"),
        (no_classes, "expected a folder of pictures for each of 2 to 256 classes; found none"),
        (splits, "found Test, train, which are splits: name one of them"),
    ],
)
def test_a_fault_is_named(folder, fault, message):
    fault(folder)
    with pytest.raises(DataError, match=message):
        read_image_folder(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        read_image_folder(tmp_path / "nowhere")


def test_synthetic_faces_stand_in_with_every_emotion_equally_often():
    faces = synthetic_pretraining_faces(21)
    assert (
        np.bincount(faces.split.labels).tolist() == [3] * 7
        and len(np.unique(faces.split.hashes)) == 21
    )


@pytest.fixture
def place(tmp_path, tiny, monkeypatch):
    """The full profile with folders of its own, where other faces are learned with the tiny network
    in two epochs."""
    monkeypatch.setattr(transfer, "PRETRAINING", replace(tiny, epochs=2))
    return replace(
        get_profile("full"),
        training_folder=tmp_path / "runs",
        results_folder=tmp_path / "recorded",
    )


def test_an_experiment_starts_from_all_layers_but_the_last(folder, place, tiny, dataset):
    first = pretrain(read_image_folder(folder), 0, place, verbose=0)
    assert (
        first.finished
        and first.metrics["held_out"]["n"] == 3
        and first.key == f"{PRETRAINING_NAME}/seed-0"
    )
    given = {layer.name: layer.get_weights() for layer in load_model(first).layers}
    assert given["logits"][0].shape[-1] == 3

    network = build_model(tiny)
    own = {layer.name: layer.get_weights() for layer in network.layers}
    load_compatible_weights(network, first)
    for layer in network.layers:
        expected = own if layer.name == "logits" else given
        for mine, theirs in zip(layer.get_weights(), expected[layer.name], strict=True):
            np.testing.assert_array_equal(mine, theirs)

    started = replace(tiny, init_from=first.key, epochs=1)
    ended = train_run(
        "started",
        started,
        0,
        dataset,
        place.training_folder / "started",
        "full",
        0,
        {first.key: first},
    )
    plain = train_run(
        "plain",
        replace(tiny, epochs=1),
        0,
        dataset,
        place.training_folder / "plain",
        "full",
        verbose=0,
    )
    assert ended.config["initial_weights_sha256"] != plain.config["initial_weights_sha256"]
    assert ended.config["dependency_weights_sha256"] == {first.key: sha256_of(first.weights)}
    assert ended.config["pretraining"]["images"] == 36 and ended.config["pretraining"][
        "classes"
    ] == list(CLASSES)
    assert not {"dependency_weights_sha256", "pretraining"} & plain.config.keys()


def test_learning_other_faces_goes_on_where_it_was_stopped(folder, place, monkeypatch):
    faces, begin = read_image_folder(folder), CheckpointCallback.on_epoch_begin
    unbroken = pretrain(
        faces, 0, replace(place, training_folder=place.training_folder / "unbroken"), verbose=0
    )

    def interrupted(self, epoch, logs=None):
        begin(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(CheckpointCallback, "on_epoch_begin", interrupted)
        pretrain(faces, 0, place, verbose=0)
    ended = pretrain(faces, 0, place, verbose=0)
    assert ended.metrics == unbroken.metrics
    for mine, theirs in zip(
        *(load_model(run).get_weights() for run in (ended, unbroken)), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    (folder / "1 calm" / "00.png").unlink()
    with pytest.raises(RunError, match="data_sha256"):
        pretrain(read_image_folder(folder), 0, place, verbose=0)


def test_it_is_no_record_of_fer2013(folder, place, results):
    with pytest.raises(RunError, match="only runs on FER2013 are recorded"):
        record_run(pretrain(read_image_folder(folder), 0, place, verbose=0), results)


def test_weights_of_another_network_are_refused(run, tiny):
    wider = replace(tiny, model_options={**tiny.model_options, "blocks": ((12, 1), (16, 1))})
    with pytest.raises(RunError, match="does not fit: block1_1_convolution"):
        load_compatible_weights(build_model(wider), run)
    shallow = replace(tiny, model_options={**tiny.model_options, "stem": None})
    with pytest.raises(RunError, match="does not fit: only one of the two has stem_convolution"):
        load_compatible_weights(build_model(shallow), run)


def test_what_is_not_there_yet_is_asked_for_by_its_command(place, monkeypatch, tiny, dataset):
    monkeypatch.setattr(Profile, "dataset", lambda self: dataset)
    monkeypatch.setattr(
        profiles, "EXPERIMENTS", {"started": replace(tiny, init_from="other_faces/seed-2")}
    )
    with pytest.raises(RunError, match="first python -m fer_lib pretrain --seed 2"):
        run_experiment("started", 0, place)
    monkeypatch.setattr(
        profiles,
        "EXPERIMENTS",
        {"taught": replace(tiny, teachers=("tiny/seed-3",), distillation_weight=0.5)},
    )
    with pytest.raises(RunError, match="first python -m fer_lib train tiny --seed 3"):
        run_experiment("taught", 0, place)


def test_quick_trains_what_an_experiment_needs(tmp_path, monkeypatch, tiny, dataset):
    quick = replace(get_profile("quick"), training_folder=tmp_path)
    table = {
        "tiny": tiny,
        "taught": replace(tiny, teachers=("tiny/seed-1",), distillation_weight=0.5),
    }
    monkeypatch.setattr(Profile, "dataset", lambda self: dataset)
    monkeypatch.setattr(profiles, "EXPERIMENTS", table)
    monkeypatch.setattr(profiles, "QUICK_EPOCHS", 1)
    assert run_experiment("taught", 0, quick, verbose=0).finished
    assert find_run(tmp_path, "tiny", 1)
    table["started"] = replace(tiny, init_from="other_faces/seed-0")
    with pytest.raises(
        RunError, match="the quick profile trains nothing that starts from other faces"
    ):
        run_experiment("started", 0, quick, verbose=0)


def test_pretrain_and_evaluate_from_the_command_line(folder, place, monkeypatch, capsys):
    monkeypatch.setattr(profiles, "find", lambda name: place)
    assert main(["pretrain", str(folder)]) == 0
    out = capsys.readouterr().out
    assert f"36 pictures of {', '.join(CLASSES)}" in out and "on the 3 held out" in out
    ended = str(place.training_folder / PRETRAINING_NAME / "seed-0")
    for verb in ("evaluate", "export"):
        assert main([verb, ended]) == 2
        assert "a run on other faces" in capsys.readouterr().err
