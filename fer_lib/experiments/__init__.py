"""Experiments: frozen training configurations, the table of them, and what is compared with what."""

from fer_lib.experiments.comparisons import (
    ABLATIONS,
    CONTROLS,
    ENSEMBLE_TTA,
    ENSEMBLES,
    FERPLUS_STEPS,
    FOLLOW_UPS,
    MAIN_MODELS,
    PRIVATE_TEST_EXPERIMENTS,
    REPLICATED_MODELS,
    SE_CNN_EXPERIMENTS,
    TRANSFERS,
)
from fer_lib.experiments.experiment import Experiment
from fer_lib.experiments.table import (
    EXPERIMENTS,
    HOG,
    HOG_CONFIGURATION,
    PRETRAINING,
    PRETRAINING_NAME,
)

__all__ = [
    "ABLATIONS",
    "CONTROLS",
    "ENSEMBLES",
    "ENSEMBLE_TTA",
    "EXPERIMENTS",
    "FERPLUS_STEPS",
    "FOLLOW_UPS",
    "HOG",
    "HOG_CONFIGURATION",
    "MAIN_MODELS",
    "PRETRAINING",
    "PRETRAINING_NAME",
    "PRIVATE_TEST_EXPERIMENTS",
    "REPLICATED_MODELS",
    "SE_CNN_EXPERIMENTS",
    "TRANSFERS",
    "Experiment",
]
