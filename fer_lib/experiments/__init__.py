"""Experiments: frozen training configurations, their table, and the comparisons between them."""

from fer_lib.experiments.comparisons import (
    ABLATIONS,
    ACCURACY_STEPS,
    CONTROLS,
    DEPLOYMENT_CANDIDATES,
    DISTILLATION_COMPARISONS,
    ENSEMBLE_TTA,
    ENSEMBLES,
    FERPLUS_COMPARISONS,
    FOLLOW_UPS,
    LEAVE_ONE_OUT,
    MAIN_MODELS,
    PRIVATE_TEST_EXPERIMENTS,
    REPLICATED_MODELS,
    SE_CNN_EXPERIMENTS,
    STEPS,
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
    "ACCURACY_STEPS",
    "CONTROLS",
    "DEPLOYMENT_CANDIDATES",
    "DISTILLATION_COMPARISONS",
    "ENSEMBLES",
    "ENSEMBLE_TTA",
    "EXPERIMENTS",
    "FERPLUS_COMPARISONS",
    "FOLLOW_UPS",
    "HOG",
    "HOG_CONFIGURATION",
    "LEAVE_ONE_OUT",
    "MAIN_MODELS",
    "PRETRAINING",
    "PRETRAINING_NAME",
    "PRIVATE_TEST_EXPERIMENTS",
    "REPLICATED_MODELS",
    "SE_CNN_EXPERIMENTS",
    "STEPS",
    "TRANSFERS",
    "Experiment",
]
