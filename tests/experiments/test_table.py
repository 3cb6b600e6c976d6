import numpy as np
import pytest

from fer_lib.data.labels import EMOTION_NAMES
from fer_lib.experiments import EXPERIMENTS, REPLICATED_MODELS
from fer_lib.io import read_json
from fer_lib.models.registry import MODELS
from fer_lib.paths import ANALYSIS
from fer_lib.training.augmentation import AUGMENTATIONS


@pytest.mark.parametrize("name", REPLICATED_MODELS)
def test_replicated_models_have_the_recipe_of_the_source_report(name):
    e = EXPERIMENTS[name]
    assert (e.batch_size, e.epochs, e.patience) == (64, 120, 15)
    assert (e.optimizer, e.learning_rate, e.warmup_epochs) == ("adam", 1e-3, None)
    assert (e.focal_gamma, e.focal_alpha, e.augmentation) == (2.0, 0.25, "flip_rotate_zoom")


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_models_and_augmentations_exist(experiment):
    assert experiment.model in MODELS and experiment.augmentation in AUGMENTATIONS


def test_titles_are_unique():
    titles = [experiment.title for experiment in EXPERIMENTS.values()]
    assert len(set(titles)) == len(titles)


def test_class_balanced_weights_are_those_of_the_recorded_class_counts():
    counts = read_json(ANALYSIS / "dataset.json")["class_counts"]["Training"]
    weights = np.array([(1 - 0.9999) / (1 - 0.9999 ** counts[name]) for name in EMOTION_NAMES])
    recorded = EXPERIMENTS["ablation_class_balanced_loss"].focal_alpha
    np.testing.assert_allclose(recorded, weights / weights.mean(), atol=1e-4)
