import keras
import numpy as np
import pytest

from fer_lib.evaluation.inference import load_model
from fer_lib.experiments import EXPERIMENTS
from fer_lib.models.registry import build_model, pooling_layer, pretrained_base, split_head
from fer_lib.paths import RESULTS
from fer_lib.runs.store import find_run
from fer_lib.training.initialization import weights_sha256

# One experiment of each architecture in the table.
ARCHITECTURES = {
    f"{experiment.model} {dict(experiment.model_options)}": name
    for name, experiment in reversed(EXPERIMENTS.items())
}
RECORDED = ("custom_cnn", "se_cnn", "mobilenetv2_head_only", "mobilenetv2_fine_tuned")


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1))


@pytest.mark.parametrize("name", ARCHITECTURES.values())
def test_contract(name, pixels):
    model = build_model(EXPERIMENTS[name], "float32", pretrained=False)
    bytes_out, floats_out = (np.asarray(model(pixels.astype(t))) for t in ("uint8", "float32"))
    assert bytes_out.shape == (3, 7) and bytes_out.dtype == np.float32
    np.testing.assert_allclose(bytes_out, floats_out, rtol=1e-4, atol=1e-5)
    assert isinstance(model.layers[-1], keras.layers.Dense)
    poolings = [x for x in model.layers if isinstance(x, keras.layers.GlobalAveragePooling2D)]
    assert poolings == [pooling_layer(model)] and len(pooling_layer(model).input.shape) == 4
    assert not any("random" in layer.name for layer in model.layers)  # augmentation is elsewhere

    features, head = split_head(model)
    np.testing.assert_array_equal(head(features(floats := pixels.astype("float32"))), model(floats))
    own, shared = ({id(w) for w in m.weights} for m in (model, features))
    assert shared < own and own - shared == {id(w) for w in head.weights}


def test_number_of_classes_and_dtype_policy(tiny, pixels):
    model = build_model(tiny, "mixed_bfloat16", num_classes=3)
    assert model.layers[1].compute_dtype == "bfloat16"
    logits = model(pixels)
    assert logits.shape == (3, 3) and keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert keras.config.dtype_policy().name == "float32"  # the policy is set while it is built


def test_features_of_crops(tiny):
    """At 40 × 40 pixels, of a model that is built for 48 × 48."""
    model = build_model(tiny)
    crops = np.random.default_rng(0).uniform(0, 255, (2, 40, 40, 1)).astype("float32")
    features, head = split_head(model)
    expected = crops
    for layer in model.layers:
        expected = layer(expected)
    np.testing.assert_array_equal(head(features(crops, training=False)), expected)


def test_features_of_a_frozen_base_stay_in_inference_mode():
    experiment = EXPERIMENTS["mobilenetv2_head_only"]
    model = build_model(experiment, pretrained=False)
    base = pretrained_base(model)
    statistics = [np.array(w) for w in base.non_trainable_weights]
    split_head(model)[0](np.random.uniform(0, 255, (8, 48, 48, 1)), training=True)
    for before, after in zip(statistics, base.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_weights_fit(name):
    run = find_run(RESULTS, name, 0)
    model = load_model(run)
    assert model.count_params() == run.config["parameters"]
    untrained = build_model(run.experiment, "float32", pretrained=False)
    kernels = [(a.path, a, b) for a, b in zip(model.weights, untrained.weights, strict=True)]
    assert all(np.any(a != b) for path, a, b in kernels if path.endswith("kernel"))


@pytest.mark.parametrize("name", ["custom_cnn", "se_cnn"])
def test_initial_weights_of_a_seed_are_those_recorded(name):
    run = find_run(RESULTS, name, 0)
    keras.utils.set_random_seed(0)
    assert weights_sha256(build_model(run.experiment)) == run.config["initial_weights_sha256"]
