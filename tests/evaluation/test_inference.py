import keras
import numpy as np
import pytest

from fer_lib.evaluation.inference import load_model, predict_logits
from fer_lib.models.registry import build_model
from fer_lib.runs.predictions import softmax
from fer_lib.runs.run import Run, RunError
from fer_lib.tta import SHIFTS, shift_images


def test_it_is_built_in_the_precision_asked_for_and_keras_is_left_as_it_was(tiny):
    before = keras.config.dtype_policy()
    assert build_model(tiny).layers[-1].dtype_policy.name == "float32"
    assert (
        build_model(tiny, dtype_policy="mixed_bfloat16", classes=3).layers[1].compute_dtype
        == "bfloat16"
    )
    assert build_model(tiny, classes=3).output_shape == (None, 3)
    assert keras.config.dtype_policy() == before


def test_a_run_without_weights_cannot_be_loaded(tmp_path):
    with pytest.raises(RunError, match="keeps no weights"):
        load_model(Run(tmp_path))


def test_flip_averaging_averages_the_probabilities_of_both(run, dataset):
    network, images = load_model(run), dataset.public_test.images
    both = [softmax(predict_logits(network, x)) for x in (images, images[:, :, ::-1])]
    averaged = predict_logits(network, images, tta="flip")
    assert averaged.dtype == np.float32
    np.testing.assert_allclose(softmax(averaged), np.mean(both, axis=0), atol=1e-6)


def test_answers_in_several_places_are_averaged(run, dataset):
    network, images = load_model(run), dataset.public_test.images[:20]
    places = "flip+shift5_2px"
    parts = [
        softmax(predict_logits(network, shift_images(images, *shift), tta="flip"))
        for shift in SHIFTS[places]
    ]
    answers = predict_logits(network, images, tta="flip", places=places)
    assert answers.dtype == np.float32 and len(parts) == 5
    np.testing.assert_allclose(softmax(answers), np.mean(parts, axis=0), atol=1e-6)
