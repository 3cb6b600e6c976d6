from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from scipy.special import softmax

from fer_lib import profiles, runs, training, views
from fer_lib.data import DataError
from fer_lib.evaluation import probabilities
from fer_lib.experiments import SHIFTS
from fer_lib.files import read_json


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (-1, 3), (0, -2)])
def test_a_shift_is_scipys(down, right):
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
    expected = ndimage.shift(images, (0, down, right), order=0, mode="nearest")
    np.testing.assert_array_equal(views.shifted(images, down, right), expected)


def test_schemes_are_symmetric_and_hold_the_picture_itself():
    assert [len(shifts) for shifts in views.SCHEMES.values()] == [1, 5, 9, 5, 9] and SHIFTS in views.SCHEMES
    for shifts in views.SCHEMES.values():
        assert len(set(shifts)) == len(shifts) and shifts[0] == (0, 0) and not np.sum(shifts, axis=0).any()


def test_answers_are_averaged_over_the_shifts(run, dataset):
    network, images = training.load(run), dataset.public_test.images[:20]
    shifts = ((0, 0), (0, 2))
    parts = [probabilities(training.predict(network, views.shifted(images, *shift), flip_averaging=True)) for shift in shifts]
    answers = views.predict(network, images, shifts, flip_averaging=True)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(softmax(answers, axis=1), np.mean(parts, axis=0), atol=1e-6)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(views, "RECORD", tmp_path / "shifts.json")
    monkeypatch.setattr(views, "PREDICTIONS", tmp_path / "shifts.npz")


def test_schemes_are_measured_on_public_test(place, run, dataset):
    views.record_schemes(run, dataset)
    rows = {(row["places"], row["mirrored"]): row for row in read_json(views.RECORD)["rows"]}
    assert len(rows) == 2 * len(views.SCHEMES)
    assert rows["one place", False]["accuracy"] == run.metrics["public_test"]["accuracy"]
    answers = views.predict(training.load(run), dataset.public_test.images, views.SCHEMES[SHIFTS], flip_averaging=True)
    chosen = rows[SHIFTS, True]
    assert chosen["passes"] == 18 and chosen["accuracy"] == (answers.argmax(axis=1) == dataset.public_test.labels).mean()


def test_answers_are_recorded_once(place, run, dataset, monkeypatch):
    assert not views.PREDICTIONS.exists()
    views.record([run], dataset, SHIFTS)
    found = views.predictions(run)
    expected = views.predict(training.load(run), dataset.private_test.images, views.SCHEMES[SHIFTS], flip_averaging=False)
    np.testing.assert_array_equal(found["private_test_logits"], expected)
    np.testing.assert_array_equal(found["private_test_hashes"], dataset.private_test.hashes)
    monkeypatch.setattr(views, "predict", lambda *a: pytest.fail("measured again"))
    views.record([run], dataset, SHIFTS)
    with pytest.raises(pytest.fail.Exception, match="measured again"):  # under another scheme nothing that is there holds
        views.record([run], dataset, "one place")


def test_another_copys_images_are_refused(place, run, dataset):
    other = replace(dataset, public_test=dataset.private_test)
    with pytest.raises(DataError, match="does not hold the images of .*seed-0 in their order"):
        views.record([run], other, SHIFTS)


def test_what_is_recorded_are_the_answers_of_the_recorded_weights(fer2013):
    """For the first images of each split; all of them take minutes."""
    recorded = [run for run in runs.find_all(profiles.RESULTS) if run.weights and views.predictions(run)]
    assert recorded
    for run in recorded:
        found, network = views.predictions(run), training.load(run)
        for name in ("public_test", "private_test"):
            rows = {value: row for row, value in enumerate(getattr(fer2013, name).hashes.tolist())}
            images = getattr(fer2013, name).images[[rows[value] for value in found[f"{name}_hashes"][:64].tolist()]]
            again = views.predict(network, images, views.SCHEMES[SHIFTS], run.config["configuration"]["flip_averaging"])
            np.testing.assert_allclose(softmax(again, axis=1), softmax(found[f"{name}_logits"][:64], axis=1), atol=2e-3)
