from dataclasses import replace

import keras
import numpy as np
import pytest

from fer_lib.models.registry import build_model
from fer_lib.training.optimizers import build_optimizer, learning_rate_schedule


def test_constant_learning_rate(tiny):
    assert learning_rate_schedule(tiny, steps_per_epoch=5) == 1e-3


def test_warm_up_and_cosine_decay(tiny):
    experiment = replace(tiny, learning_rate=0.05, warmup_epochs=1, epochs=3)
    schedule = learning_rate_schedule(experiment, steps_per_epoch=4)
    rates = [float(schedule(step)) for step in range(0, 13, 2)]
    # From step 4, the peak, half a cosine over the eight steps that are left.
    half_cosine = [0.025 * (1 + np.cos(np.pi * step / 8)) for step in (0, 2, 4, 6, 8)]
    np.testing.assert_allclose(rates, [0, 0.025, *half_cosine], atol=1e-7)


def test_weight_decay_on_kernels_alone(tiny):
    options = {**tiny.model_options, "se_ratio": 4}
    model = build_model(replace(tiny, model_options=options))
    optimizer = build_optimizer(replace(tiny, weight_decay=1e-3), steps_per_epoch=5)
    optimizer.build(model.trainable_variables)
    decayed = {v.path for v in model.trainable_variables if optimizer._use_weight_decay(v)}
    assert decayed == {v.path for v in model.trainable_variables if v.path.endswith("kernel")}


def test_sgd_step_by_hand(tiny):
    """With decoupled weight decay w − η·λ·w, then Nesterov momentum w − η·(0.9·g + g)."""
    experiment = replace(tiny, optimizer="sgd", learning_rate=0.1, weight_decay=0.5)
    optimizer = build_optimizer(experiment, steps_per_epoch=5)
    kernel = keras.Variable([2.0], name="kernel")
    optimizer.apply([keras.ops.convert_to_tensor([1.0])], [kernel])
    assert float(kernel[0]) == pytest.approx(2 - 0.1 * 0.5 * 2 - 0.1 * 1.9)
