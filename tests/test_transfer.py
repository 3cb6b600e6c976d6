from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_lib import networks, profiles, runs, training, transfer
from fer_lib.__main__ import main
from fer_lib.data import DataError
from fer_lib.experiments import PRETRAINING_NAME
from fer_lib.files import sha256_of

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
    faces = transfer.read(folder)
    assert faces.classes == tuple(CLASSES)
    assert faces.split.images.shape == (36, 48, 48) and faces.split.images.dtype == np.uint8
    for label, grey in enumerate(CLASSES.values()):
        assert faces.split.images[faces.split.labels == label].mean() == pytest.approx(grey, abs=3)
    (folder / "1 calm" / "labels.txt").write_text("no picture")
    again = transfer.read(folder.rename(folder.with_name("faces [cut]")))
    assert again.sha256 == faces.sha256
    folder = folder.with_name("faces [cut]")
    (folder / "1 calm").rename(folder / "1 serene")
    assert transfer.read(folder).sha256 != faces.sha256


def test_faces_are_called_as_their_folder_and_a_split_with_its_data_set(folder, monkeypatch):
    assert transfer.read(folder).name == "pictures of faces"
    monkeypatch.chdir(folder)
    assert transfer.read(Path()).name == "pictures of faces"
    (folder.parent / "affect").mkdir()
    assert (
        transfer.read(folder.rename(folder.parent / "affect" / "Train")).name
        == "pictures of affect/Train"
    )


def test_an_oblong_picture_is_cut_to_its_middle(folder):
    wide = np.full((60, 200), 255, np.uint8)
    wide[:, 70:130] = 90  # the square middle
    Image.fromarray(wide).save(folder / "1 calm" / "00.png")
    assert (transfer.read(folder).split.images[0] == 90).all()


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
        transfer.read(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        transfer.read(tmp_path / "nowhere")


def test_synthetic_faces_stand_in_with_every_emotion_equally_often():
    faces = transfer.synthetic_faces(21)
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
        profiles.find("full"),
        training_folder=tmp_path / "runs",
        results_folder=tmp_path / "recorded",
    )


def test_an_experiment_starts_from_all_layers_but_the_last(folder, place, tiny, dataset):
    first = transfer.pretrain(transfer.read(folder), 0, place, verbose=0)
    assert (
        first.finished
        and first.metrics["held_out"]["n"] == 3
        and first.key == f"{PRETRAINING_NAME}/seed-0"
    )
    given = {layer.name: layer.get_weights() for layer in networks.load(first).layers}
    assert given["logits"][0].shape[-1] == 3

    network = networks.build(tiny)
    own = {layer.name: layer.get_weights() for layer in network.layers}
    training.take_weights(network, first)
    for layer in network.layers:
        expected = own if layer.name == "logits" else given
        for mine, theirs in zip(layer.get_weights(), expected[layer.name], strict=True):
            np.testing.assert_array_equal(mine, theirs)

    started = replace(tiny, start_from=first.key, epochs=1)
    ended = training.train(
        "started",
        started,
        0,
        dataset,
        place.training_folder / "started",
        "full",
        0,
        {first.key: first},
    )
    plain = training.train(
        "plain",
        replace(tiny, epochs=1),
        0,
        dataset,
        place.training_folder / "plain",
        "full",
        verbose=0,
    )
    assert ended.config["initial_weights_sha256"] != plain.config["initial_weights_sha256"]
    assert ended.config["weights_sha256_of"] == {first.key: sha256_of(first.weights)}
    assert ended.config["other_faces"]["images"] == 36 and ended.config["other_faces"][
        "classes"
    ] == list(CLASSES)
    assert not {"weights_sha256_of", "other_faces"} & plain.config.keys()


def test_learning_other_faces_goes_on_where_it_was_stopped(folder, place, monkeypatch):
    faces, begin = transfer.read(folder), training.Keeper.on_epoch_begin
    unbroken = transfer.pretrain(
        faces, 0, replace(place, training_folder=place.training_folder / "unbroken"), verbose=0
    )

    def interrupted(self, epoch, logs=None):
        begin(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training.Keeper, "on_epoch_begin", interrupted)
        transfer.pretrain(faces, 0, place, verbose=0)
    ended = transfer.pretrain(faces, 0, place, verbose=0)
    assert ended.metrics == unbroken.metrics
    for mine, theirs in zip(
        *(networks.load(run).get_weights() for run in (ended, unbroken)), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    (folder / "1 calm" / "00.png").unlink()
    with pytest.raises(runs.RunError, match="data_sha256"):
        transfer.pretrain(transfer.read(folder), 0, place, verbose=0)


def test_it_is_no_record_of_fer2013(folder, place, results):
    with pytest.raises(runs.RunError, match="only runs on FER2013 are recorded"):
        runs.record(transfer.pretrain(transfer.read(folder), 0, place, verbose=0), results)


def test_weights_of_another_network_are_refused(run, tiny):
    wider = replace(tiny, model_options={**tiny.model_options, "blocks": ((12, 1), (16, 1))})
    with pytest.raises(runs.RunError, match="does not fit: block1_1_convolution"):
        training.take_weights(networks.build(wider), run)
    shallow = replace(tiny, model_options={**tiny.model_options, "stem": None})
    with pytest.raises(
        runs.RunError, match="does not fit: only one of the two has stem_convolution"
    ):
        training.take_weights(networks.build(shallow), run)


def test_what_is_not_there_yet_is_asked_for_by_its_command(place, monkeypatch, tiny, dataset):
    monkeypatch.setattr(profiles.Profile, "dataset", lambda self: dataset)
    monkeypatch.setattr(
        profiles, "EXPERIMENTS", {"started": replace(tiny, start_from="other_faces/seed-2")}
    )
    with pytest.raises(runs.RunError, match="first python -m fer_lib pretrain --seed 2"):
        training.train_by_name("started", 0, place)
    monkeypatch.setattr(
        profiles,
        "EXPERIMENTS",
        {"taught": replace(tiny, teachers=("tiny/seed-3",), teachers_share=0.5)},
    )
    with pytest.raises(runs.RunError, match="first python -m fer_lib train tiny --seed 3"):
        training.train_by_name("taught", 0, place)


def test_quick_trains_what_an_experiment_needs(tmp_path, monkeypatch, tiny, dataset):
    quick = replace(profiles.find("quick"), training_folder=tmp_path)
    table = {"tiny": tiny, "taught": replace(tiny, teachers=("tiny/seed-1",), teachers_share=0.5)}
    monkeypatch.setattr(profiles.Profile, "dataset", lambda self: dataset)
    monkeypatch.setattr(profiles, "EXPERIMENTS", table)
    monkeypatch.setattr(profiles, "QUICK_EPOCHS", 1)
    assert training.train_by_name("taught", 0, quick, verbose=0).finished
    assert runs.find(tmp_path, "tiny", 1)
    table["started"] = replace(tiny, start_from="other_faces/seed-0")
    with pytest.raises(
        runs.RunError, match="the quick profile trains nothing that starts from other faces"
    ):
        training.train_by_name("started", 0, quick, verbose=0)


def test_pretrain_and_evaluate_from_the_command_line(folder, place, monkeypatch, capsys):
    monkeypatch.setattr(profiles, "find", lambda name: place)
    assert main(["pretrain", str(folder)]) == 0
    out = capsys.readouterr().out
    assert f"36 pictures of {', '.join(CLASSES)}" in out and "on the 3 held out" in out
    ended = str(place.training_folder / PRETRAINING_NAME / "seed-0")
    for verb in ("evaluate", "export"):
        assert main([verb, ended]) == 2
        assert "a run on other faces" in capsys.readouterr().err
