import keras
import numpy as np
import pytest

from fer_lib.models.complexity import multiply_adds
from fer_lib.models.mobilenetv2 import mobilenetv2
from fer_lib.models.registry import pretrained_base


def build(trainable=True, input_size=48, weights=None):
    return mobilenetv2(weights, trainable, input_size, head_units=16, head_dropout=0.1)


def test_a_frozen_base_keeps_its_weights_and_statistics():
    model = build(trainable=False)
    base = pretrained_base(model)
    assert len(model.trainable_variables) == 4  # two dense layers, kernel and bias
    before = [w.copy() for w in base.get_weights()]
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    faces = np.random.default_rng(0).integers(0, 256, (8, 48, 48, 1)).astype("float32")
    model.fit(faces, np.eye(7)[np.arange(8) % 7], verbose=0)
    for old, new in zip(before, base.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_larger_input_costs_its_square():
    small, large = build(input_size=48), build(input_size=96)
    assert len(small.trainable_variables) > 100  # fine-tuned
    assert small.count_params() == large.count_params()
    assert multiply_adds(large) / multiply_adds(small) == pytest.approx(4, rel=0.25)
    assert np.asarray(large(np.zeros((1, 48, 48, 1), "float32"))).shape == (1, 7)


def test_pretrained_weights_are_those_for_224_pixels(monkeypatch):
    mobilenet, requests = keras.applications.MobileNetV2, []

    def without_download(**options):
        requests.append(options["weights"] and options["input_shape"])
        return mobilenet(**{**options, "weights": None})

    monkeypatch.setattr(keras.applications, "MobileNetV2", without_download)
    build(weights="imagenet")
    assert requests == [None, (224, 224, 3)]


def test_missing_pretrained_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    mobilenet = keras.applications.MobileNetV2

    def without_network(**options):
        if options["weights"]:
            raise Exception("URL fetch failure")
        return mobilenet(**options)

    monkeypatch.setattr(keras.applications, "MobileNetV2", without_network)
    message = r"MobileNetV2's imagenet weights are neither .* \(URL fetch failure\)"
    with pytest.raises(OSError, match=message):
        build(weights="imagenet")


def test_damaged_weights_that_keras_downloaded_are_named(tmp_path, monkeypatch):
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / name).write_bytes(b"\x89HDF\r\n\x1a\n cut off")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    original = keras.applications.MobileNetV2

    def from_cache(weights=None, **options):
        model = original(weights=None, **options)
        if weights:
            model.load_weights(tmp_path / "models" / name)
        return model

    monkeypatch.setattr(keras.applications, "MobileNetV2", from_cache)
    with pytest.raises(OSError, match=f"{name}: .* are damaged .*remove the file, and Keras"):
        build(weights="imagenet")
