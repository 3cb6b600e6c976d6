import hashlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import ndimage

from fer_lib.analysis.robustness import (
    CORRUPTIONS,
    ROBUSTNESS_PATH,
    SEVERITIES,
    corrupt,
    corruption_accuracies,
    export_corruptions,
    mean_accuracies,
    record_robustness,
    robustness_summary,
)
from fer_lib.data.dataset import Split
from fer_lib.evaluation.inference import predict_run
from fer_lib.io import read_json, sha256_of, write_json


@pytest.fixture(scope="module")
def small_dataset(dataset):
    """The data set with the first twelve images of PrivateTest."""
    private = dataset.private_test
    return replace(dataset, private_test=Split(private.images[:12], private.labels[:12]))


@pytest.fixture(scope="module")
def images(small_dataset):
    return small_dataset.private_test.images


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_severity_changes_more_than_the_one_before(images, name):
    corrupted = [corrupt(images, name, severity) for severity in SEVERITIES]
    assert all(each.dtype == np.uint8 and each.shape == images.shape for each in corrupted)
    distances = [np.abs(each.astype(float) - images).mean() for each in corrupted]
    assert distances[0] > 0
    assert all(np.diff(distances) > 0)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_image_depends_on_itself_and_its_position_only(images, name):
    np.testing.assert_array_equal(corrupt(images[:5], name, 3), corrupt(images, name, 3)[:5])


def test_the_name_seeds_the_draws():
    image = np.tile(np.arange(48, dtype=np.uint8) * 5, (1, 48, 1))
    random = np.random.RandomState([696031473, 0])  # the CRC-32 of "rotation", and the position
    angle = 22 * random.choice([-1, 1])
    expected = ndimage.rotate(image[0].astype(float), angle, reshape=False, order=1, mode="nearest")
    np.testing.assert_array_equal(corrupt(image, "rotation", 3)[0], np.round(expected))


@pytest.mark.parametrize("name", ["brightness", "eyes covered"])
def test_recorded_checksums_are_those_of_the_corrupted_images(name, fer2013):
    digest = hashlib.sha256()
    for severity in SEVERITIES:
        digest.update(corrupt(fer2013.private_test.images, name, severity).tobytes())
    assert digest.hexdigest() == read_json(ROBUSTNESS_PATH)["sha256"][name]


def test_corruptions_by_hand():
    image = np.full((1, 48, 48), 100, np.uint8)
    image[0, :, 24:] = 200
    assert np.unique(corrupt(image, "contrast", 2)).tolist() == [125, 175]
    assert np.unique(corrupt(image, "brightness", 1)).tolist() in ([75, 175], [125, 225])
    occluded = corrupt(image, "eyes covered", 2)[0]
    assert (occluded[14:22] == 127).all()
    np.testing.assert_array_equal(occluded[:14], image[0, :14])
    np.testing.assert_array_equal(occluded[22:], image[0, 22:])
    noise = corrupt(image, "noise", 2).astype(float) - image
    assert noise.std() == pytest.approx(16, rel=0.05)


def test_blur_agrees_with_pillow(images):
    blurred = corrupt(images[:1], "blur", 4)[0].astype(float)
    # Pillow approximates a Gaussian by box blurs.
    expected = np.asarray(Image.fromarray(images[0]).filter(ImageFilter.GaussianBlur(1.7)), float)
    assert np.abs(blurred - expected)[6:-6, 6:-6].mean() < 2


def test_a_shift_moves_a_pixel_by_its_length():
    image = np.zeros((1, 48, 48), np.uint8)
    image[0, 24, 24] = 255
    moved = corrupt(image, "shift", 4)[0].astype(float)
    y, x = (np.indices((48, 48)) * moved).sum(axis=(1, 2)) / moved.sum()
    assert np.hypot(y - 24, x - 24) == pytest.approx(8, abs=0.1)


@pytest.mark.parametrize(("name", "severity"), [("fog", 1), ("noise", 6)])
def test_an_unknown_corruption_or_severity_is_named(images, name, severity):
    expected = f"no corruption '{name}' of severity {severity}; there are noise, blur"
    with pytest.raises(ValueError, match=expected):
        corrupt(images, name, severity)


@pytest.fixture(scope="module")
def robustness_path(flip_run, small_dataset, tmp_path_factory):
    path = tmp_path_factory.mktemp("analysis") / "robustness.json"
    record_robustness([flip_run], small_dataset, path)
    return path


def test_exported_images_are_those_of_the_record(
    flip_run, small_dataset, robustness_path, tmp_path
):
    export_corruptions(small_dataset, tmp_path)
    images, labels = (np.load(tmp_path / f"{name}.npy") for name in ("eyes_covered", "labels"))
    assert images.shape == (60, 48, 48)
    assert labels.shape == (60,)
    correct = predict_run(flip_run, images).argmax(axis=1) == labels
    recorded = read_json(robustness_path)["runs"]["tiny/seed-0"]
    np.testing.assert_allclose(recorded["eyes covered"], correct.reshape(5, 12).mean(axis=1))
    sums = dict(line.split()[::-1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines())
    assert sums == {path.name: sha256_of(path) for path in tmp_path.glob("*.npy")}


def test_only_runs_of_other_weights_are_measured_again(
    flip_run, small_dataset, robustness_path, tmp_path
):
    path = tmp_path / "robustness.json"
    record = read_json(robustness_path)
    write_json(path, record)
    written = path.stat().st_mtime_ns
    record_robustness([flip_run], small_dataset, path)
    assert path.stat().st_mtime_ns == written
    write_json(
        path, {**record, "weights_sha256": {flip_run.key: "other"}, "runs": {flip_run.key: {}}}
    )
    record_robustness([flip_run], small_dataset, path)
    assert read_json(path) == record


def test_a_record_of_other_images_is_refused(flip_run, small_dataset, robustness_path, tmp_path):
    path = tmp_path / "robustness.json"
    record = read_json(robustness_path)
    write_json(path, {**record, "weights_sha256": {}, "sha256": {"noise": "other"}})
    with pytest.raises(ValueError, match="other corrupted images"):
        record_robustness([flip_run], small_dataset, path)


def test_mean_accuracies_by_hand(run, tmp_path):
    path = tmp_path / "robustness.json"
    record = {"clean": 0.6} | {name: [0.5, 0.4, 0.3, 0.2, 0.1] for name in CORRUPTIONS}
    record |= {"blur": [0.6] * 5, "noise": [0.1] * 5}
    write_json(path, {"runs": {run.key: record}})
    accuracies = corruption_accuracies({"Tiny": run, "Missing": None}, path)
    assert len(accuracies) == 1 + 11 * 5
    at = accuracies[(accuracies["corruption"] == "JPEG") & (accuracies["severity"] == 2)]
    assert at["accuracy"].tolist() == [0.4]
    means = mean_accuracies(accuracies)
    assert means["corruption"].tolist() == ["clean", *CORRUPTIONS, "mean"]
    means = means.set_index("corruption")["Tiny"]
    assert means["clean"] == 0.6
    assert means["JPEG"] == pytest.approx(0.3)
    assert means["mean"] == pytest.approx((9 * 0.3 + 0.6 + 0.1) / 11)


def test_mean_accuracies_without_a_record(tmp_path):
    means = mean_accuracies(corruption_accuracies({"Missing": None}, tmp_path / "none.json"))
    assert means.columns.tolist() == ["corruption"]


def test_summary_by_hand(run, tmp_path):
    path = tmp_path / "robustness.json"
    record = {"clean": 0.6} | {name: [0.5, 0.4, 0.3, 0.2, 0.1] for name in CORRUPTIONS}
    write_json(path, {"runs": {run.key: record | {"blur": [0.6] * 5, "rotation": [0.1] * 5}}})
    accuracies = corruption_accuracies({"Tiny": run, "Missing": None}, path)
    (row,) = robustness_summary(accuracies).to_dict("records")
    mean = (9 * 0.3 + 0.6 + 0.1) / 11
    assert row.pop("hardest_corruption") == "rotation" and row.pop("model") == "Tiny"
    assert row == pytest.approx({
        "clean_accuracy": 0.6,
        "corrupted_accuracy": mean,
        "retained_share": mean / 0.6,
        "hardest_accuracy": 0.1,
    })  # fmt: skip


def test_summary_without_a_record(tmp_path):
    accuracies = corruption_accuracies({"Missing": None}, tmp_path / "none.json")
    summary = robustness_summary(accuracies)
    assert summary.empty and "retained_share" in summary
