"""Comparing and interrupting runs, and FER+ votes on the synthetic faces."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def assert_same_run():
    """Compares two runs to the last digit: history, weights, predictions."""
    from fer_lib.evaluation.inference import load_model
    from fer_lib.runs.run import HISTORY_COLUMNS

    columns = [column for column in HISTORY_COLUMNS if column != "seconds"]

    def compare(a, b):
        pd.testing.assert_frame_equal(a.history[columns], b.history[columns], check_exact=True)
        weights = (load_model(run).get_weights() for run in (a, b))
        for x, y in zip(*weights, strict=True):
            np.testing.assert_array_equal(x, y)
        assert a.predictions.keys() == b.predictions.keys()
        for split in a.predictions:
            x, y = (run.predictions[split].logits for run in (a, b))
            np.testing.assert_array_equal(x, y)

    return compare


@pytest.fixture
def interrupted_in_epoch(monkeypatch):
    """A context in which training is interrupted when an epoch, counted from 1, has begun."""
    from contextlib import contextmanager

    from fer_lib.training.trainer import CheckpointCallback

    @contextmanager
    def interrupt(number):
        begin = CheckpointCallback.on_epoch_begin

        def on_epoch_begin(self, epoch, logs=None):
            begin(self, epoch, logs)
            if epoch + 1 == number:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(CheckpointCallback, "on_epoch_begin", on_epoch_begin)
            yield

    return interrupt


@pytest.fixture
def ferplus_csv(dataset, tmp_path, monkeypatch):
    """FER+ votes on the synthetic faces, in the file that `FERPLUS` names: eight for the label and
    two for contempt."""
    from fer_lib.data.ferplus import EMOTION_COLUMNS, OTHER_COLUMNS

    tables = []
    for name, split in dataset.splits.items():
        counts = 8 * np.eye(len(EMOTION_COLUMNS), dtype=int)[split.labels]
        table = pd.DataFrame(counts, columns=list(EMOTION_COLUMNS)).assign(Usage=name)
        tables.append(table.assign(**{**dict.fromkeys(OTHER_COLUMNS, 0), "contempt": 2}))
    path = tmp_path / "ferplus.csv"
    pd.concat(tables).to_csv(path, index=False)
    monkeypatch.setenv("FERPLUS", str(path))
    return path
