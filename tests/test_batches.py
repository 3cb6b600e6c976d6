from dataclasses import replace

import numpy as np
import pytest

from fer_lib.batches import Batches, one_hot, rows_of_share
from fer_lib.data import Split


def test_a_share_is_drawn_of_each_class_alike():
    labels = np.repeat(np.arange(3), [3, 100, 50])
    rows = rows_of_share(labels, 0.1, seed=0)
    assert np.bincount(labels[rows]).tolist() == [1, 10, 5]
    assert (rows == np.unique(rows)).all() and not np.array_equal(
        rows, rows_of_share(labels, 0.1, seed=1)
    )


def test_mixed_images_have_targets_mixed_alike(tiny):
    # Pictures of one grey each, by label: a mixture's grey says which targets it must have.
    labels = np.repeat(np.uint8([0, 6]), 32)
    split = Split(np.repeat((40 * labels)[:, None, None], 48, axis=1).repeat(48, axis=2), labels)
    images, targets = Batches(split, one_hot(split.labels, 7), replace(tiny, mixup=1.0), seed=0)[0]
    np.testing.assert_allclose(images[:, 0, 0, 0], 240 * targets[:, 6], atol=1e-3)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
    assert 0.1 < targets[:, 6].std() < 0.5 and ((targets > 0.01).sum(axis=1) == 2).any()


@pytest.mark.parametrize(("balancing", "share"), [(0.0, 0.1), (1.0, 0.5)])
def test_balancing_draws_rare_classes_as_often(tiny, balancing, share):
    labels = np.repeat(np.uint8([1, 3]), [100, 900])
    split = Split(np.zeros((1000, 48, 48), np.uint8), labels)
    batches = Batches(split, one_hot(labels, 7), replace(tiny, balancing=balancing), seed=0)
    drawn = np.concatenate([batches[i][1] for i in range(len(batches))])
    assert len(drawn) == 1000 and drawn[:, 1].mean() == pytest.approx(share, abs=0.05)
