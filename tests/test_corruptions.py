import json

import numpy as np
import pytest
from PIL import Image, ImageFilter

from fer_lib import corruptions, networks
from fer_lib.files import read_json, sha256_of, write_json


@pytest.fixture(scope="module")
def faces(dataset):
    return dataset.private_test.images[:12]


@pytest.mark.parametrize("name", corruptions.CORRUPTIONS)
def test_each_severity_does_more_than_the_one_before(faces, name):
    changed = [corruptions.corrupt(faces, name, severity) for severity in corruptions.SEVERITIES]
    assert all(images.dtype == np.uint8 and images.shape == faces.shape for images in changed)
    distances = [np.abs(images.astype(float) - faces).mean() for images in changed]
    assert distances[0] > 0 and all(np.diff(distances) > 0)


@pytest.mark.parametrize("name", corruptions.CORRUPTIONS)
def test_an_image_depends_on_itself_and_its_position_alone(faces, name):
    whole = corruptions.corrupt(faces, name, 3)
    np.testing.assert_array_equal(corruptions.corrupt(faces[:5], name, 3), whole[:5])


def test_by_hand():
    image = np.full((1, 48, 48), 100, np.uint8)
    image[0, :, 24:] = 200
    assert np.unique(corruptions.corrupt(image, "contrast", 2)).tolist() == [125, 175]
    assert np.unique(corruptions.corrupt(image, "brightness", 1)).tolist() in (
        [75, 175],
        [125, 225],
    )
    covered = corruptions.corrupt(image, "eyes covered", 2)[0]
    assert (
        (covered[14:22] == 127).all()
        and (covered[:14] == image[0, :14]).all()
        and (covered[22:] == image[0, 22:]).all()
    )
    noise = corruptions.corrupt(image, "noise", 2).astype(float) - image
    assert noise.std() == pytest.approx(16, rel=0.05)


def test_blur_agrees_with_pillow(faces):
    ours = corruptions.corrupt(faces[:1], "blur", 4)[0].astype(float)
    theirs = np.asarray(
        Image.fromarray(faces[0]).filter(ImageFilter.GaussianBlur(1.7)), float
    )  # Pillow's is made of box blurs
    assert np.abs(ours - theirs)[6:-6, 6:-6].mean() < 2


def test_a_shift_moves_by_its_length():
    image = np.zeros((1, 48, 48), np.uint8)
    image[0, 24, 24] = 255
    moved = corruptions.corrupt(image, "shift", 4)[0].astype(float)
    y, x = (np.indices((48, 48)) * moved).sum(axis=(1, 2)) / moved.sum()
    assert np.hypot(y - 24, x - 24) == pytest.approx(8, abs=0.1)


def test_unknown_corruptions_are_named(faces):
    for name, severity in (("fog", 1), ("noise", 6)):
        with pytest.raises(
            ValueError,
            match=f"no corruption '{name}' of severity {severity}; there are noise, blur",
        ):
            corruptions.corrupt(faces, name, severity)


def test_what_is_written_is_what_was_measured(run, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(corruptions, "RECORD", tmp_path / "robustness.json")
    few = {name: corruptions.CORRUPTIONS[name] for name in ("eyes covered", "down-sampling")}
    monkeypatch.setattr(corruptions, "CORRUPTIONS", few)
    corruptions.record([run], dataset)
    corruptions.write(dataset, tmp_path / "images")
    images, labels = (
        np.load(tmp_path / "images" / f"{name}.npy") for name in ("eyes_covered", "labels")
    )
    assert images.shape == (350, 48, 48) and labels.shape == (350,)
    answers = networks.predict(networks.load(run), images).argmax(axis=1)
    expected = (answers == labels).reshape(5, 70).mean(axis=1)
    record = json.loads(corruptions.RECORD.read_text())
    np.testing.assert_allclose(record["runs"]["tiny/seed-0"]["eyes covered"], expected)
    sums = dict(
        line.split("  ")[::-1]
        for line in (tmp_path / "images" / "SHA256SUMS").read_text().splitlines()
    )
    assert sums == {path.name: sha256_of(path) for path in (tmp_path / "images").glob("*.npy")}

    before = corruptions.RECORD.stat().st_mtime_ns
    corruptions.record([run], dataset)  # it is there already
    assert corruptions.RECORD.stat().st_mtime_ns == before
    record["weights_sha256"][run.key] = "of other weights"
    record["runs"][run.key] = {}
    write_json(corruptions.RECORD, record)
    corruptions.record([run], dataset)  # and then it is not
    np.testing.assert_allclose(
        read_json(corruptions.RECORD)["runs"][run.key]["eyes covered"], expected
    )
