import keras
import numpy as np
import pytest

from fer_lib.analysis.grad_cam import (
    GRAD_CAM_EMOTIONS,
    GRAD_CAM_PATH,
    grad_cam,
    load_or_compute_maps,
    mean_maps,
    sample_maps,
)
from fer_lib.analysis.grad_cam import grad_cam as explain
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.experiments import REPLICATED_MODELS
from fer_lib.io import read_json, write_json
from fer_lib.models.custom_cnn import custom_cnn
from fer_lib.models.mobilenetv2 import mobilenetv2
from fer_lib.paths import RESULTS
from fer_lib.plotting.trust import deletion
from fer_lib.profiles import get_profile
from fer_lib.runs.store import find_run


def custom():
    return custom_cnn(
        stem=8, blocks=((8, 1), (16, 1)), block_dropout=0.2, head_dropout=0.2, momentum=0.9
    )


def mobilenet():
    return mobilenetv2(
        weights=None, trainable=False, input_size=48, head_units=16, head_dropout=0.1
    )


@pytest.mark.parametrize("make", [custom, mobilenet])
def test_agrees_with_automatic_differentiation(make):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the second implementation is TensorFlow's GradientTape")
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    network = make()
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
    classes = np.array([0, 3, 3, 6])
    pooling = network.get_layer("average")
    features = keras.Model(network.inputs, pooling.input)(
        tf.constant(images[..., None], tf.float32)
    )
    with tf.GradientTape() as tape:
        tape.watch(features)
        x = features
        for layer in network.layers[network.layers.index(pooling) :]:
            x = layer(x)
        chosen = tf.reduce_sum(tf.gather(x, classes, batch_dims=1))
    np.testing.assert_allclose(x, predict_logits(network, images), atol=1e-4)
    weights = tf.reduce_mean(tape.gradient(chosen, features), axis=(1, 2))
    expected = np.maximum(np.einsum("nhwc,nc->nhw", features, weights), 0)
    expected /= np.maximum(expected.max(axis=(1, 2), keepdims=True), 1e-30)
    np.testing.assert_allclose(grad_cam(network, images, classes), expected, atol=1e-4)
    assert expected.max() == pytest.approx(1)


def test_where_nothing_speaks_for_the_class_the_map_is_zero():
    network = custom()
    kernel, bias = network.get_layer("logits").get_weights()
    network.get_layer("logits").set_weights([-np.abs(kernel), bias])
    images = np.zeros((1, 48, 48), np.uint8)
    assert not grad_cam(network, images, np.array([2])).any()


def test_samples_are_the_first_images_and_the_runs_own_answers(run, dataset):
    maps = sample_maps(run, dataset)
    assert list(maps) == ["disgust", "fear"]
    rows = np.flatnonzero(dataset.private_test.labels == EMOTION_NAMES.index("fear"))[:4]
    assert [image["hash"] for image in maps["fear"]] == dataset.private_test.hashes[rows].tolist()
    answers = run.predictions["private_test_logits"][rows].argmax(axis=1)
    assert [image["answer"] for image in maps["fear"]] == [
        EMOTION_NAMES[answer] for answer in answers
    ]
    assert np.shape(maps["fear"][0]["map"]) == (12, 12) and np.max(maps["fear"][0]["map"]) in (0, 1)


def test_in_full_the_recorded_maps_are_those_of_the_run_shown(run, tmp_path, monkeypatch):
    from fer_lib.analysis.grad_cam import GRAD_CAM_PATH

    monkeypatch.setattr(explain, "RECORD", tmp_path / "grad_cam.json")
    full = get_profile("full")
    assert load_or_compute_maps({"Tiny": run, "Later": None}, full) == {"Tiny": None, "Later": None}
    write_json(GRAD_CAM_PATH, {"tiny/seed-0": {"fear": []}, "tiny/seed-1": {}})
    assert load_or_compute_maps({"Tiny": run, "Later": None}, full) == {
        "Tiny": {"fear": []},
        "Later": None,
    }


@pytest.mark.parametrize("name", REPLICATED_MODELS)
def test_recorded_maps_are_those_of_the_recorded_weights(name, fer2013):
    run = find_run(RESULTS, name, seed=0)
    if run is None:
        pytest.skip(f"{name} is not recorded yet")
    recorded, again = read_json(GRAD_CAM_PATH)[f"{name}/seed-0"], sample_maps(run, fer2013)
    for emotion in GRAD_CAM_EMOTIONS:
        for there, here in zip(recorded[emotion], again[emotion], strict=True):
            assert (there["hash"], there["answer"]) == (here["hash"], here["answer"])
            np.testing.assert_allclose(there["map"], here["map"], atol=0.02)


def test_mean_maps_are_the_means_of_each_classs_maps(run, dataset):
    network, split = load_model(run), dataset.private_test
    found = mean_maps(network, split)
    happy = split.labels == EMOTION_NAMES.index("happy")
    single = [grad_cam(network, image[None], np.array([3]))[0] for image in split.images[happy]]
    np.testing.assert_allclose(found[3], np.mean(single, axis=0), atol=1e-5)


def test_deletion_takes_away_what_carries_the_answer():
    # A network that answers by the grey of the upper left quarter alone: its map lights that
    # quarter up.
    pixels = keras.Input((48, 48, 1))
    maps = keras.layers.AveragePooling2D(24)(pixels)
    corner = np.zeros((2, 2, 1), np.float32)
    corner[0, 0] = 1
    weighted = keras.layers.Multiply()([maps, keras.ops.convert_to_tensor(corner[None])])
    average = keras.layers.GlobalAveragePooling2D(name="average")(weighted)
    network = keras.Model(pixels, keras.layers.Dense(7, name="logits")(average))
    kernel = np.zeros((1, 7), np.float32)
    kernel[0, 3] = 0.2
    network.get_layer("logits").set_weights([kernel, np.zeros(7, np.float32)])
    images = np.zeros((4, 48, 48), np.uint8)
    images[:, :24, :24] = 255
    found = deletion(network, images)
    assert found["deleted"][0] == 0 and found["grad_cam"][0] == found["random"][0] > 0.9
    at = found["deleted"].index(0.5)
    assert found["grad_cam"][at] < found["random"][at] - 0.05
    # With the whole quarter gone its pixels are the mean, 64: the logit is 0.2 · 64 / 4.
    left = np.exp(0.2 * 64 / 4)
    assert found["grad_cam"][at] == pytest.approx(left / (left + 6), rel=1e-3)
