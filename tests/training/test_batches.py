from dataclasses import replace

import numpy as np
import pytest

from fer_lib.data.dataset import Split
from fer_lib.training.batches import TrainSequence, one_hot, stratified_subset


def constant_images(labels):
    """Images of one gray level each, 40 times the label, by which a mixture shows its parts."""
    return Split((40 * labels)[:, None, None] * np.ones((1, 48, 48), np.uint8), labels)


def test_a_subset_has_the_same_fraction_of_each_class():
    labels = np.repeat(np.arange(3), [3, 100, 50])
    rows = stratified_subset(labels, 0.1, seed=0)
    assert np.bincount(labels[rows]).tolist() == [1, 10, 5]
    assert (np.diff(rows) > 0).all()
    assert not np.array_equal(rows, stratified_subset(labels, 0.1, seed=1))


def test_an_epoch_has_each_image_once_in_an_order_of_its_own(tiny):
    labels = np.arange(150, dtype=np.uint8) % 7
    split = Split(
        np.arange(150, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8), labels
    )
    batches = TrainSequence(split, one_hot(labels, 7), tiny, seed=0)
    assert len(batches) == 3 and batches.num_images == 150

    def order(epoch):
        batches.start_epoch(epoch)
        parts = [batches[index] for index in range(len(batches))]
        images, targets = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        rows = images[:, 0, 0, 0]
        np.testing.assert_array_equal(targets.argmax(axis=1), labels[rows])
        return rows.tolist()

    first, second = order(0), order(1)
    assert sorted(first) == sorted(second) == list(range(150))
    assert first != second and order(0) == first


def test_mixup_mixes_images_targets_and_votes_alike(tiny):
    labels = np.repeat(np.uint8([0, 6]), 32)
    weights = np.float32(np.arange(64) % 32 > 0)
    votes = {"vote_shares": np.eye(8, dtype="float32")[labels], "vote_weights": weights}
    experiment = replace(tiny, mixup_alpha=1.0)
    batches = TrainSequence(constant_images(labels), one_hot(labels, 7), experiment, 0, votes)
    images, targets = batches[0]
    mixed = targets["labels"]
    np.testing.assert_allclose(images[:, 0, 0, 0], 240 * mixed[:, 6], atol=1e-3)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-6)
    assert 0.1 < mixed[:, 6].std() < 0.5 and ((mixed > 0.01).sum(axis=1) == 2).any()
    np.testing.assert_array_equal(targets["vote_shares"][:, :7], mixed)
    # Two images are masked, and so are the two that they are mixed into.
    assert 2 <= (targets["vote_weights"] == 0).sum() <= 4
    plain = TrainSequence(constant_images(labels), one_hot(labels, 7), experiment, 0)
    np.testing.assert_array_equal(plain[0][1], mixed)


@pytest.mark.parametrize(("power", "expected"), [(0.0, 0.1), (1.0, 0.5)])
def test_class_balanced_sampling(tiny, power, expected):
    labels = np.repeat(np.uint8([1, 3]), [100, 900])
    experiment = replace(tiny, class_balancing_power=power)
    batches = TrainSequence(constant_images(labels), one_hot(labels, 7), experiment, seed=0)
    drawn = np.concatenate([batches[i][1] for i in range(len(batches))])
    assert len(drawn) == 1000 and drawn[:, 1].mean() == pytest.approx(expected, abs=0.05)
