from dataclasses import replace

import keras
import numpy as np

from fer_lib.evaluation.inference import load_model
from fer_lib.training import checkpoint
from fer_lib.training.run_spec import RunSpec
from fer_lib.training.trainer import train_run


def test_weights_are_the_mean_of_the_last_epochs(tiny, dataset, tmp_path, monkeypatch):
    saved, save_weights = [], checkpoint.save_weights

    def remember(model, path):
        if path.name.startswith("epoch-"):
            saved.append([np.array(w) for w in model.get_weights()])
        save_weights(model, path)

    monkeypatch.setattr(checkpoint, "save_weights", remember)
    spec = RunSpec("swa", replace(tiny, swa_epochs=2))
    model = load_model(train_run(spec, dataset, tmp_path, verbose=0))
    assert len(saved) == 2 and not list(tmp_path.glob("epoch-*"))
    for variable, first, last in zip(model.weights, *saved, strict=True):
        if "moving" not in variable.path:
            np.testing.assert_allclose(variable, (first + last) / 2, rtol=2e-3, atol=1e-5)

    # Batch-norm statistics are those of the averaged weights: the mean of the first convolution's
    # output over Training, which augmentation changes little.
    is_batch_norm = keras.layers.BatchNormalization
    batch_norm = next(layer for layer in model.layers if isinstance(layer, is_batch_norm))
    maps = keras.Model(model.inputs, batch_norm.input).predict(
        dataset.training.images[..., None], verbose=0
    )
    np.testing.assert_allclose(batch_norm.moving_mean, maps.mean(axis=(0, 1, 2)), atol=0.1)
