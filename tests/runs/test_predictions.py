import numpy as np
import pytest

from fer_lib.runs.predictions import SplitPredictions, align, softmax


def split_predictions(predicted, labels, hashes):
    logits = np.eye(7, dtype=np.float32)[predicted]
    return SplitPredictions(logits, np.uint8(labels), np.uint64(hashes))


def test_softmax_by_hand_without_overflow():
    np.testing.assert_allclose(softmax(np.float32([[1000, 0, -1000]])), [[1, 0, 0]])
    np.testing.assert_allclose(softmax(np.log([[0.2, 0.3, 0.5]])), [[0.2, 0.3, 0.5]])
    assert softmax(np.zeros((2, 3, 7), np.float32)).dtype == np.float64


def test_predictions_by_hand():
    predictions = split_predictions([3, 1, 3, 6], [3, 2, 3, 3], [9, 8, 7, 6])
    assert len(predictions) == 4
    assert predictions.predicted.tolist() == [3, 1, 3, 6]
    assert predictions.correct.tolist() == [True, False, True, False]
    np.testing.assert_allclose(predictions.probabilities[0, 3], np.e / (np.e + 6))
    assert predictions.first_of_class(3, 2).tolist() == [0, 2]
    assert predictions.first_of_class(0, 2).tolist() == []


def test_rows_by_mask_and_by_index():
    predictions = split_predictions([3, 1, 3], [3, 2, 0], [9, 8, 7])
    for rows in (np.array([False, True, True]), np.array([1, 2])):
        chosen = predictions[rows]
        assert chosen.hashes.tolist() == [8, 7] and chosen.labels.tolist() == [2, 0]
        assert chosen.predicted.tolist() == [1, 3]


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="there are 3 logits, 2 labels and 3 hashes"):
        split_predictions([0, 1, 2], [0, 1], [5, 6, 7])


def test_align_brings_shuffled_images_into_one_order():
    hashes = np.array([2**64 - 1, 5, 2**63, 5], np.uint64)  # one image under the labels 4 and 1
    labels = np.array([0, 4, 2, 1])
    predicted = np.array([0, 1, 2, 3])
    order = np.array([3, 0, 2, 1])
    a, b = align(
        split_predictions(predicted, labels, hashes),
        split_predictions(predicted[order], labels[order], hashes[order]),
    )
    for each in (a, b):
        assert each.hashes.tolist() == [5, 5, 2**63, 2**64 - 1]
        assert each.labels.tolist() == [1, 4, 2, 0]
        assert each.predicted.tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize(
    ("labels", "hashes"), [([0, 1], [5, 7]), ([0, 2], [5, 6]), ([0, 1, 1], [5, 6, 6])]
)
def test_align_refuses_other_images_and_other_labels(labels, hashes):
    one = split_predictions([0, 0], [0, 1], [5, 6])
    other = split_predictions([0] * len(labels), labels, hashes)
    with pytest.raises(ValueError, match="not of the same images and labels"):
        align(one, one, other)
