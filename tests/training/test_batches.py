from dataclasses import replace

import numpy as np
import pytest

from fer_lib.data.dataset import Split
from fer_lib.training.batches import TrainSequence, one_hot, stratified_subset


def test_a_share_is_drawn_of_each_class_alike():
    labels = np.repeat(np.arange(3), [3, 100, 50])
    rows = stratified_subset(labels, 0.1, seed=0)
    assert np.bincount(labels[rows]).tolist() == [1, 10, 5]
    assert (rows == np.unique(rows)).all() and not np.array_equal(
        rows, stratified_subset(labels, 0.1, seed=1)
    )


def test_mixed_images_have_targets_mixed_alike(tiny):
    # Pictures of one grey each, by label: a mixture's grey says which targets it must have.
    labels = np.repeat(np.uint8([0, 6]), 32)
    split = Split(np.repeat((40 * labels)[:, None, None], 48, axis=1).repeat(48, axis=2), labels)
    images, targets = TrainSequence(
        split, one_hot(split.labels, 7), replace(tiny, mixup_alpha=1.0), seed=0
    )[0]
    np.testing.assert_allclose(images[:, 0, 0, 0], 240 * targets[:, 6], atol=1e-3)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    assert 0.1 < targets[:, 6].std() < 0.5 and ((targets > 0.01).sum(axis=1) == 2).any()


@pytest.mark.parametrize(("class_balancing_power", "share"), [(0.0, 0.1), (1.0, 0.5)])
def test_balancing_draws_rare_classes_as_often(tiny, class_balancing_power, share):
    labels = np.repeat(np.uint8([1, 3]), [100, 900])
    split = Split(np.zeros((1000, 48, 48), np.uint8), labels)
    batches = TrainSequence(
        split,
        one_hot(labels, 7),
        replace(tiny, class_balancing_power=class_balancing_power),
        seed=0,
    )
    drawn = np.concatenate([batches[i][1] for i in range(len(batches))])
    assert len(drawn) == 1000 and drawn[:, 1].mean() == pytest.approx(share, abs=0.05)
