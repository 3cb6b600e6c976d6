from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest

from fer_lib.data.dataset import Dataset, Split
from fer_lib.data.ferplus import Votes
from fer_lib.data.readers import DataError
from fer_lib.evaluation.inference import load_model
from fer_lib.runs.run import Run
from fer_lib.training.batches import TrainSequence, one_hot
from fer_lib.training.checkpoint import seed_layers
from fer_lib.training.multitask import load_vote_targets, vote_targets
from fer_lib.training.run_spec import RunSpec
from fer_lib.training.trainer import Trainer, train_run


def votes_of(shares, weights):
    return {"vote_shares": shares, "vote_weights": weights}


@pytest.fixture
def with_votes(tiny):
    return replace(tiny, ferplus_weight=0.7, epochs=1)


def test_shares_and_mask_by_hand():
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48), np.uint8)
    training = Split(images, np.uint8([0, 1, 2, 3, 4]))
    public_test, private_test = (Split(images[[row]], np.uint8([6])) for row in (3, 4))
    emotions = np.zeros((5, 7), int)
    emotions[0, [0, 6]] = 4, 4
    emotions[[3, 4], 3] = 10
    contempt, unknown, no_face = np.array([2, 9, 0, 0, 0]), np.array([0, 1, 6, 0, 0]), 0
    others = np.column_stack([contempt, unknown, np.full(5, no_face)])
    targets = vote_targets(
        Votes(emotions, others), Dataset(training, public_test, private_test, "")
    )
    np.testing.assert_allclose(targets["vote_shares"][0], [0.4, 0, 0, 0, 0, 0, 0.4, 0.2])
    np.testing.assert_allclose(targets["vote_shares"][1], [0, 0, 0, 0, 0, 0, 0, 1])
    # Image 2 has no vote for one of the eight, images 3 and 4 also occur in a test split.
    assert targets["vote_weights"].tolist() == [1, 1, 0, 0, 0]
    assert targets["vote_shares"].dtype == targets["vote_weights"].dtype == np.float32


def trained_one_step(experiment, dataset, run, votes):
    """The weights after one step, and the training model."""
    trainer = Trainer(RunSpec("votes", experiment), run)
    trainer.compile(dataset.training, votes)
    trainer.model.run_eagerly = True
    images, targets = trainer.batches[0]
    seed_layers(trainer.model, 0, 0)
    trainer.model.train_on_batch(images, targets)
    return [np.array(w) for w in trainer.network.weights], trainer


def test_masked_images_have_no_gradient(with_votes, dataset, tmp_path):
    """Whatever the votes on masked images are, a step changes the weights alike."""
    run, n = Run(tmp_path), len(dataset.training)
    masked = np.arange(n) % 2 == 0
    weights = (~masked).astype(np.float32)
    shares = np.random.default_rng(0).dirichlet(np.ones(8), n).astype(np.float32)
    other_shares = np.where(masked[:, None], np.roll(shares, 1, axis=1), shares)
    first, _ = trained_one_step(with_votes, dataset, run, votes_of(shares, weights))
    second, _ = trained_one_step(with_votes, dataset, run, votes_of(other_shares, weights))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    unmasked, _ = trained_one_step(with_votes, dataset, run, votes_of(other_shares, weights + 1))
    assert any(np.any(a != b) for a, b in zip(first, unmasked, strict=True))


def test_a_batch_of_masked_images_trains_as_without_votes(with_votes, dataset, tmp_path):
    n = len(dataset.training)
    votes = votes_of(np.full((n, 8), 1 / 8, np.float32), np.zeros(n, np.float32))
    masked, trainer = trained_one_step(with_votes, dataset, Run(tmp_path), votes)
    plain = replace(with_votes, ferplus_weight=0.0)
    without, _ = trained_one_step(plain, dataset, Run(tmp_path), {})
    for a, b in zip(masked, without, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert not np.any(trainer.model.vote_head.bias)


def test_loss_is_the_sum_of_both_heads(with_votes, dataset):
    trainer = Trainer(RunSpec("votes", with_votes), Run("unused"))
    n = len(dataset.training)
    shares = np.random.default_rng(0).dirichlet(np.ones(8), n).astype(np.float32)
    weights = np.float32(np.arange(n) % 3 > 0)
    trainer.compile(dataset.training, votes_of(shares, weights))
    images, targets = trainer.batches[0]
    outputs = trainer.model(images, training=True)
    label_loss = trainer.model.loss(targets["labels"], outputs["logits"])
    logits = np.asarray(outputs["vote_logits"], float)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    vote_loss = -(targets["vote_shares"] * log_p).sum(axis=1) * targets["vote_weights"]
    expected = float(label_loss) + 0.7 * vote_loss.mean()
    loss = trainer.model.compute_loss(images, targets, outputs)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert set(trainer.model(images)) == {"logits"}  # no vote counts in validation


def test_no_vote_on_an_image_of_a_test_split_reaches_a_gradient(
    with_votes, dataset, ferplus_csv, tmp_path, assert_same_run
):
    """Training ends in the same digits with other votes on both test splits, and on an image of
    Training that also occurs in PublicTest."""
    training = dataset.training
    images = training.images.copy()
    images[5] = dataset.public_test.images[0]
    leaked = replace(dataset, training=Split(images, training.labels))
    runs = []
    for name in ("first", "second"):
        runs.append(train_run(RunSpec("votes", with_votes), leaked, tmp_path / name, verbose=0))
        table = pd.read_csv(ferplus_csv)
        changed = (table["Usage"] != "Training") | (table.index == 5)
        table.loc[changed, "contempt"] = 7
        table.to_csv(ferplus_csv, index=False)
    assert load_vote_targets(leaked)["vote_shares"][5, 7] == pytest.approx(7 / 15)
    assert_same_run(*runs)
    assert runs[0].config["ferplus_masked_images"] == 1


def test_the_vote_head_is_left_out_of_the_weights(with_votes, dataset, ferplus_csv, tmp_path):
    run = train_run(RunSpec("votes", with_votes), dataset, tmp_path / "run", verbose=0)
    names = []
    with h5py.File(run.weights) as file:
        file.visit(names.append)
    assert not any("ferplus" in name or "vote" in name for name in names)
    assert load_model(run).output_shape == (None, 7)
    assert run.config["parameters"] == load_model(run).count_params()


def test_targets_of_a_batch_are_those_of_its_images(with_votes, dataset):
    n = len(dataset.training)
    votes = votes_of(np.eye(8, dtype="float32")[np.arange(n) % 8], np.float32(np.arange(n)))
    targets = one_hot(dataset.training.labels, 7)
    batches = TrainSequence(dataset.training, targets, with_votes, 0, votes)
    images, targets = batches[1]
    for image, label, share, row in zip(images, *targets.values(), strict=True):
        np.testing.assert_array_equal(image[..., 0], dataset.training.images[int(row)])
        assert label.argmax() == dataset.training.labels[int(row)]
        assert share.argmax() == int(row) % 8


def test_missing_votes_are_an_error(with_votes, dataset, synthetic_csv, tmp_path, monkeypatch):
    monkeypatch.delenv("FERPLUS", raising=False)
    monkeypatch.setenv("FER2013", str(synthetic_csv))
    with pytest.raises(DataError, match=r"FER\+ votes are not on this machine: set .* FERPLUS"):
        train_run(RunSpec("votes", with_votes), dataset, tmp_path / "run", verbose=0)


def test_votes_in_another_order_are_an_error(with_votes, dataset, ferplus_csv, tmp_path):
    table = pd.read_csv(ferplus_csv)
    counts = table.columns.drop("Usage")
    table[counts] = table[counts].sample(frac=1, random_state=0).to_numpy()
    table.to_csv(ferplus_csv, index=False)
    with pytest.raises(DataError, match="order"):
        train_run(RunSpec("votes", with_votes), dataset, tmp_path / "run", verbose=0)
