"""Figures by subject. Every function returns a Matplotlib figure; `use` sets the style once."""

from fer_lib.plotting.ablations import ablations, sizes
from fer_lib.plotting.comparison import accuracy_comparison, grad_cams, per_class_f1
from fer_lib.plotting.data import (
    augmentations,
    class_distribution,
    faces_by_emotion,
    focal_loss_curves,
    near_duplicates,
)
from fer_lib.plotting.deployment import edge
from fer_lib.plotting.style import use
from fer_lib.plotting.training import confusion, curves, samples
from fer_lib.plotting.trust import (
    accuracy_by_votes,
    coverage,
    deletion,
    labels_against_votes,
    mean_grad_cams,
    reliability,
    robustness,
)

__all__ = [
    "ablations",
    "accuracy_by_votes",
    "accuracy_comparison",
    "augmentations",
    "class_distribution",
    "confusion",
    "coverage",
    "curves",
    "deletion",
    "edge",
    "faces_by_emotion",
    "focal_loss_curves",
    "grad_cams",
    "labels_against_votes",
    "mean_grad_cams",
    "near_duplicates",
    "per_class_f1",
    "reliability",
    "robustness",
    "samples",
    "sizes",
    "use",
]
