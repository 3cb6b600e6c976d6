"""A finished run of a small model with random weights: nothing here is trained."""

import shutil

import pytest

from fer_lib.runs.run import Run


@pytest.fixture(scope="session")
def model_run(dataset, tiny, tmp_path_factory):
    """A run of `tiny`, evaluated on both test splits. Tests that change files copy it first."""
    import keras

    from fer_lib.evaluation.inference import predict_logits
    from fer_lib.evaluation.metrics import metrics_by_split
    from fer_lib.models.registry import build_model
    from fer_lib.runs.predictions import SplitPredictions
    from fer_lib.runs.run import HISTORY_FILE, WEIGHTS_FILE, run_folder
    from fer_lib.runs.store import write_run

    folder = run_folder(tmp_path_factory.mktemp("runs"), "tiny", 0)
    folder.mkdir(parents=True)
    keras.utils.set_random_seed(0)
    model = build_model(tiny)
    kernel, bias = model.layers[-1].get_weights()
    # Larger and centered logits, so that the predicted classes vary.
    model.layers[-1].set_weights([30 * kernel, bias])
    mean = predict_logits(model, dataset.training.images).mean(axis=0)
    model.layers[-1].set_weights([30 * kernel, bias - mean])
    model.save_weights(folder / WEIGHTS_FILE)
    (folder / HISTORY_FILE).write_text("epoch\n1\n")
    predictions = {
        name: SplitPredictions(predict_logits(model, split.images), split.labels, split.hashes)
        for name, split in (
            ("public_test", dataset.public_test),
            ("private_test", dataset.private_test),
        )
    }
    configuration = {"configuration": tiny.to_dict()}
    config = {"experiment": "tiny", "seed": 0, "profile": "full", **configuration}
    return write_run(folder, config, predictions, metrics_by_split(predictions))


@pytest.fixture
def copy(model_run, tmp_path):
    """A copy of `model_run` that a test may change."""
    return Run(shutil.copytree(model_run.folder, tmp_path / "runs" / "tiny" / "seed-0"))


@pytest.fixture
def record(copy, results):
    """The record of `copy`."""
    from fer_lib.runs.store import record_run

    return record_run(copy, results)


@pytest.fixture
def verify_run(tiny):
    """`verify_run` with the small experiment in the table."""
    from fer_lib.evaluation import verify
    from fer_lib.experiments import EXPERIMENTS

    def call(run, dataset=None, recorded=False, experiments=None):
        table = {**EXPERIMENTS, "tiny": tiny} if experiments is None else experiments
        return verify.verify_run(Run(run.folder), lambda profile: dataset, recorded, table)

    return call


@pytest.fixture(scope="session")
def recorded_tta(model_run, dataset, tmp_path_factory):
    """A folder with the TTA predictions of `model_run`, which take many forward passes."""
    from fer_lib.evaluation.tta_predictions import record_tta_predictions
    from fer_lib.io import write_json

    folder = tmp_path_factory.mktemp("analysis")
    write_json(folder / "tta.json", {"run": "before", "rows": []})
    record_tta_predictions([model_run], dataset, folder / "tta_predictions.npz")
    return folder
