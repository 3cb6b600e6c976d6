import json

import numpy as np
import pytest
from PIL import Image, ImageFilter

from fer_lib.analysis.robustness import (
    CORRUPTIONS,
    ROBUSTNESS_PATH,
    SEVERITIES,
    corrupt,
    export_corruptions,
    record_robustness,
)
from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.io import read_json, sha256_of, write_json
from fer_lib.plotting.trust import robustness as corruptions


@pytest.fixture(scope="module")
def faces(dataset):
    return dataset.private_test.images[:12]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_severity_does_more_than_the_one_before(faces, name):
    changed = [corrupt(faces, name, severity) for severity in SEVERITIES]
    assert all(images.dtype == np.uint8 and images.shape == faces.shape for images in changed)
    distances = [np.abs(images.astype(float) - faces).mean() for images in changed]
    assert distances[0] > 0 and all(np.diff(distances) > 0)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_depends_on_itself_and_its_position_alone(faces, name):
    whole = corrupt(faces, name, 3)
    np.testing.assert_array_equal(corrupt(faces[:5], name, 3), whole[:5])


def test_by_hand():
    image = np.full((1, 48, 48), 100, np.uint8)
    image[0, :, 24:] = 200
    assert np.unique(corrupt(image, "contrast", 2)).tolist() == [125, 175]
    assert np.unique(corrupt(image, "brightness", 1)).tolist() in (
        [75, 175],
        [125, 225],
    )
    covered = corrupt(image, "eyes covered", 2)[0]
    assert (
        (covered[14:22] == 127).all()
        and (covered[:14] == image[0, :14]).all()
        and (covered[22:] == image[0, 22:]).all()
    )
    noise = corrupt(image, "noise", 2).astype(float) - image
    assert noise.std() == pytest.approx(16, rel=0.05)


def test_blur_agrees_with_pillow(faces):
    ours = corrupt(faces[:1], "blur", 4)[0].astype(float)
    theirs = np.asarray(
        Image.fromarray(faces[0]).filter(ImageFilter.GaussianBlur(1.7)), float
    )  # Pillow's is made of box blurs
    assert np.abs(ours - theirs)[6:-6, 6:-6].mean() < 2


def test_a_shift_moves_by_its_length():
    image = np.zeros((1, 48, 48), np.uint8)
    image[0, 24, 24] = 255
    moved = corrupt(image, "shift", 4)[0].astype(float)
    y, x = (np.indices((48, 48)) * moved).sum(axis=(1, 2)) / moved.sum()
    assert np.hypot(y - 24, x - 24) == pytest.approx(8, abs=0.1)


def test_unknown_corruptions_are_named(faces):
    for name, severity in (("fog", 1), ("noise", 6)):
        with pytest.raises(
            ValueError,
            match=f"no corruption '{name}' of severity {severity}; there are noise, blur",
        ):
            corrupt(faces, name, severity)


def test_what_is_written_is_what_was_measured(run, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(corruptions, "RECORD", tmp_path / "robustness.json")
    few = {name: CORRUPTIONS[name] for name in ("eyes covered", "down-sampling")}
    monkeypatch.setattr(corruptions, "CORRUPTIONS", few)
    record_robustness([run], dataset)
    export_corruptions(dataset, tmp_path / "images")
    images, labels = (
        np.load(tmp_path / "images" / f"{name}.npy") for name in ("eyes_covered", "labels")
    )
    assert images.shape == (350, 48, 48) and labels.shape == (350,)
    answers = predict_logits(load_model(run), images).argmax(axis=1)
    expected = (answers == labels).reshape(5, 70).mean(axis=1)
    record = json.loads(ROBUSTNESS_PATH.read_text())
    np.testing.assert_allclose(record["runs"]["tiny/seed-0"]["eyes covered"], expected)
    sums = dict(
        line.split("  ")[::-1]
        for line in (tmp_path / "images" / "SHA256SUMS").read_text().splitlines()
    )
    assert sums == {path.name: sha256_of(path) for path in (tmp_path / "images").glob("*.npy")}

    before = ROBUSTNESS_PATH.stat().st_mtime_ns
    record_robustness([run], dataset)  # it is there already
    assert ROBUSTNESS_PATH.stat().st_mtime_ns == before
    record["weights_sha256"][run.key] = "of other weights"
    record["runs"][run.key] = {}
    write_json(ROBUSTNESS_PATH, record)
    record_robustness([run], dataset)  # and then it is not
    np.testing.assert_allclose(
        read_json(ROBUSTNESS_PATH)["runs"][run.key]["eyes covered"], expected
    )
