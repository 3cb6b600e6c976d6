from functools import partial

import keras
import numpy as np
import pytest

from fer_lib.analysis.grad_cam import (
    GRAD_CAM_EMOTIONS,
    GRAD_CAM_PATH,
    deletion_curves,
    deletion_of,
    deletion_test,
    grad_cam,
    load_or_compute_maps,
    mean_maps,
    recorded_mean_maps,
    sample_maps,
)
from fer_lib.analysis.records import record
from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.evaluation.inference import load_model, predict_logits, predict_run
from fer_lib.experiments import MAIN_MODELS
from fer_lib.io import read_json, write_json
from fer_lib.models.custom_cnn import custom_cnn
from fer_lib.models.mobilenetv2 import mobilenetv2
from fer_lib.models.registry import pooling_layer
from fer_lib.paths import RESULTS
from fer_lib.profiles import get_profile
from fer_lib.runs.predictions import softmax
from fer_lib.runs.store import find_run


def small_custom_cnn():
    return custom_cnn(
        blocks=((8, 1), (16, 1)), block_dropout=0.2, head_dropout=0.2, bn_momentum=0.9
    )


def functional_custom_cnn():
    """The same model, not Sequential."""
    model = small_custom_cnn()
    return keras.Model(model.inputs, model.outputs)


def small_mobilenetv2():
    return mobilenetv2(
        weights=None, trainable=False, input_size=48, head_units=16, head_dropout=0.1
    )


@pytest.fixture(scope="module")
def random_images():
    return np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)


@pytest.mark.parametrize("make", [small_custom_cnn, functional_custom_cnn, small_mobilenetv2])
def test_maps_agree_with_automatic_differentiation(make, random_images):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the second implementation is TensorFlow's GradientTape")
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model, classes = make(), np.array([0, 3, 3, 6])
    pooling = pooling_layer(model)
    features = keras.Model(model.inputs, pooling.input)(
        tf.constant(random_images[..., None], tf.float32)
    )
    with tf.GradientTape() as tape:
        tape.watch(features)
        x = features
        for layer in model.layers[model.layers.index(pooling) :]:
            x = layer(x)
        logits = tf.reduce_sum(tf.gather(x, classes, batch_dims=1))
    np.testing.assert_allclose(x, predict_logits(model, random_images), atol=1e-4)
    weights = tf.reduce_mean(tape.gradient(logits, features), axis=(1, 2))
    expected = np.maximum(np.einsum("nhwc,nc->nhw", features, weights), 0)
    expected /= np.maximum(expected.max(axis=(1, 2), keepdims=True), 1e-30)
    np.testing.assert_allclose(grad_cam(model, random_images, classes), expected, atol=1e-4)
    assert expected.max() == pytest.approx(1)


def test_map_is_zero_where_no_channel_supports_the_class():
    model = small_custom_cnn()
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([-np.abs(kernel), bias])
    assert not grad_cam(model, np.zeros((1, 48, 48), np.uint8), np.array([2])).any()


def test_other_layers_after_the_pooling_are_refused(random_images):
    pixels = keras.Input((48, 48, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(pixels)
    normalized = keras.layers.BatchNormalization(name="norm")(pooled)
    model = keras.Model(pixels, keras.layers.Dense(7)(normalized))
    with pytest.raises(ValueError, match="norm: Grad-CAM knows dense layers"):
        grad_cam(model, random_images, np.zeros(4, int))


def corner_model():
    """A model that predicts happy by the gray level of the upper left quarter alone."""
    pixels = keras.Input((48, 48, 1))
    quarters = keras.layers.AveragePooling2D(24)(pixels)
    corner = np.zeros((1, 2, 2, 1), np.float32)
    corner[0, 0, 0] = 1
    masked = keras.layers.Multiply()([quarters, keras.ops.convert_to_tensor(corner)])
    pooled = keras.layers.GlobalAveragePooling2D()(masked)
    model = keras.Model(pixels, keras.layers.Dense(7)(pooled))
    kernel = np.zeros((1, 7), np.float32)
    kernel[0, 3] = 0.2
    model.layers[-1].set_weights([kernel, np.zeros(7, np.float32)])
    return model


def test_map_with_flip_is_the_mean_of_both_views():
    images = np.zeros((1, 48, 48), np.uint8)
    images[:, :24, :24], images[:, :24, 24:] = 200, 100
    maps = grad_cam(corner_model(), images, np.array([3]), "flip")
    # The image's left quarter has gray 200; the mirror image's left quarter is its right one.
    np.testing.assert_allclose(maps[0], [[1, 0.5], [0, 0]], atol=1e-6)


@pytest.fixture(scope="module")
def bright_corner():
    images = np.zeros((4, 48, 48), np.uint8)
    images[:, :24, :24] = 255
    return images


def test_deletion_of_the_pixels_that_carry_the_prediction(bright_corner):
    curves = deletion_test(corner_model(), bright_corner)
    assert curves["fraction_removed"][0] == 0
    assert curves["grad_cam"][0] == curves["random"][0] > 0.9
    half = curves["fraction_removed"].index(0.5)
    assert curves["grad_cam"][half] < curves["random"][half] - 0.05
    # With the whole quarter deleted its pixels are the mean, 64: the logit is 0.2 · 64 / 4.
    odds = np.exp(0.2 * 64 / 4)
    assert curves["grad_cam"][half] == pytest.approx(odds / (odds + 6), rel=1e-3)


def test_deletion_follows_the_prediction_with_tta(bright_corner):
    odds = np.exp(0.2 * 255 / 4)
    plain, flipped = odds / (odds + 6), 1 / 7  # the mirror image's corner is black
    curves = deletion_test(corner_model(), bright_corner, "flip")
    assert curves["grad_cam"][0] == pytest.approx((plain + flipped) / 2, rel=1e-4)


def test_sample_maps_are_of_the_runs_predictions_with_its_tta(flip_run, dataset):
    maps = sample_maps(flip_run, dataset)
    assert list(maps) == list(GRAD_CAM_EMOTIONS)
    private = dataset.private_test
    rows = np.flatnonzero(private.labels == EMOTION_NAMES.index("fear"))[:4]
    assert [sample["hash"] for sample in maps["fear"]] == private.hashes[rows].tolist()
    predicted = flip_run.predictions["private_test"].predicted[rows]
    assert [sample["prediction"] for sample in maps["fear"]] == [
        EMOTION_NAMES[label] for label in predicted
    ]
    expected = grad_cam(load_model(flip_run), private.images[rows], predicted, "flip")
    np.testing.assert_allclose([sample["map"] for sample in maps["fear"]], expected, atol=1e-4)


def test_full_profile_shows_recorded_maps(run, dataset, tmp_path):
    path = tmp_path / "grad_cam.json"
    full, runs = get_profile("full"), {"Tiny": run, "Later": None}
    assert load_or_compute_maps(runs, full, path) == {"Tiny": None, "Later": None}
    record([run], partial(sample_maps, dataset=dataset), path)
    assert load_or_compute_maps(runs, full, path) == {
        "Tiny": sample_maps(run, dataset),
        "Later": None,
    }


@pytest.mark.parametrize("name", MAIN_MODELS)
def test_recorded_maps_are_those_of_the_recorded_weights(name, fer2013):
    run = find_run(RESULTS, name, seed=0)
    recorded, again = read_json(GRAD_CAM_PATH)[run.key], sample_maps(run, fer2013)
    for emotion in GRAD_CAM_EMOTIONS:
        for a, b in zip(recorded[emotion], again[emotion], strict=True):
            assert (a["hash"], a["prediction"]) == (b["hash"], b["prediction"])
            np.testing.assert_allclose(a["map"], b["map"], atol=0.02)


def test_mean_maps_are_the_means_by_class(run, dataset):
    model, split = load_model(run), dataset.private_test
    happy = split.images[split.labels == EMOTION_NAMES.index("happy")]
    single = [grad_cam(model, image[None], np.array([3]))[0] for image in happy]
    np.testing.assert_allclose(mean_maps(model, split)[3], np.mean(single, axis=0), atol=1e-5)


def test_recorded_deletion(flip_run, dataset, tmp_path):
    path, runs = tmp_path / "deletion.json", {"Tiny": flip_run, "Missing": None}
    assert deletion_curves(runs, path).empty
    assert recorded_mean_maps(runs, path) == {}
    record([flip_run], partial(deletion_of, dataset=dataset), path)
    curves = deletion_curves(runs, path)
    assert curves["model"].unique().tolist() == ["Tiny"]
    assert curves["fraction_removed"].tolist() == pytest.approx(np.arange(10) / 10)
    probabilities = softmax(predict_run(flip_run, dataset.private_test.images)).max(axis=1)
    assert curves["grad_cam"].iloc[0] == pytest.approx(probabilities.mean(), rel=1e-5)
    maps = recorded_mean_maps(runs, path)["Tiny"]
    expected = mean_maps(load_model(flip_run), dataset.private_test, "flip")
    np.testing.assert_allclose([maps[name] for name in EMOTION_NAMES], expected, atol=1e-4)


def test_a_record_of_another_run_is_not_shown(run, tmp_path):
    path = tmp_path / "deletion.json"
    write_json(path, {"tiny/seed-1": {"mean_maps": {}, "deletion": {}}})
    assert deletion_curves({"Tiny": run}, path).empty
