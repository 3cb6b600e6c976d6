import keras
import numpy as np
import pytest

from fer_lib import networks, runs
from fer_lib.evaluation import probabilities
from fer_lib.shifts import SCHEMES, shifted


def test_it_is_built_in_the_precision_asked_for_and_keras_is_left_as_it_was(tiny):
    before = keras.config.dtype_policy()
    assert networks.build(tiny).layers[-1].dtype_policy.name == "float32"
    assert (
        networks.build(tiny, precision="mixed_bfloat16", classes=3).layers[1].compute_dtype
        == "bfloat16"
    )
    assert networks.build(tiny, classes=3).output_shape == (None, 3)
    assert keras.config.dtype_policy() == before


def test_a_run_without_weights_cannot_be_loaded(tmp_path):
    with pytest.raises(runs.RunError, match="keeps no weights"):
        networks.load(runs.Run(tmp_path))


def test_flip_averaging_averages_the_probabilities_of_both(run, dataset):
    network, images = networks.load(run), dataset.public_test.images
    both = [probabilities(networks.predict(network, x)) for x in (images, images[:, :, ::-1])]
    averaged = networks.predict(network, images, flip_averaging=True)
    assert averaged.dtype == np.float32
    np.testing.assert_allclose(probabilities(averaged), np.mean(both, axis=0), atol=1e-6)


def test_answers_in_several_places_are_averaged(run, dataset):
    network, images = networks.load(run), dataset.public_test.images[:20]
    places = "five places, 2 pixels apart"
    parts = [
        probabilities(networks.predict(network, shifted(images, *shift), flip_averaging=True))
        for shift in SCHEMES[places]
    ]
    answers = networks.predict(network, images, flip_averaging=True, places=places)
    assert answers.dtype == np.float32 and len(parts) == 5
    np.testing.assert_allclose(probabilities(answers), np.mean(parts, axis=0), atol=1e-6)
