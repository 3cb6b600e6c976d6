"""The one table of experiments.

Only rows that set `evaluate_private_test` are evaluated on PrivateTest. Derive a new row from a
recipe, such as `CUSTOM_CNN`, which leaves it False; a copy of a row would inherit it.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from fer_lib.experiments.experiment import Experiment
from fer_lib.experiments.recipes import (
    ABLATION,
    ABLATION_FLOAT32,
    CUSTOM_CNN,
    FERPLUS,
    FINE_TUNED,
    HEAD_ONLY,
    HR_FERPLUS,
    HR_FERPLUS_DISTILLED,
    NEW_HEAD_96,
    SCRATCH_1PCT,
    SCRATCH_10PCT,
    SE_CNN,
    SE_CNN_256,
    STAGED_96,
)
from fer_lib.tta import FLIP

HOG = "hog_logistic_regression"
HOG_CONFIGURATION = {
    "title": "HOG + logistic regression",
    "orientations": 8,
    "pixels_per_cell": [6, 6],
    "cells_per_block": [2, 2],
    "inverse_regularizations": [1e-5, 1e-4, 1e-3, 1e-2],
    "evaluate_private_test": True,
}

# Pretraining on other labeled faces is no row of the table: it does not train on FER2013.
PRETRAINING_NAME = "pretraining"
PRETRAINING = replace(
    SE_CNN, title="SE-CNN, pretraining", epochs=10, patience=10, dtype_policy="float32"
)
_PRETRAINING_RUN = f"{PRETRAINING_NAME}/seed-0"

# Class-balanced weights (Cui et al. 2019), (1 − β) / (1 − β^n) with β = 0.9999 and n the number of
# images of each class in Training, scaled to a mean of 1.
_CLASS_BALANCED_WEIGHTS = (0.5282, 4.0772, 0.5175, 0.3384, 0.4541, 0.6401, 0.4445)

# The custom CNN's optimizer.
_CONSTANT_ADAM = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "warmup_epochs": None,
    "weight_decay": 0.0,
}

EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        # The three models of the source report.
        "custom_cnn": replace(CUSTOM_CNN, evaluate_private_test=True),
        "mobilenetv2_head_only": replace(HEAD_ONLY, evaluate_private_test=True),
        "mobilenetv2_fine_tuned": replace(FINE_TUNED, evaluate_private_test=True),
        # Controls of these three: one setting changed, evaluated on PublicTest.
        "custom_cnn_cross_entropy": replace(
            CUSTOM_CNN, title="Custom CNN, cross-entropy", focal_gamma=0.0, focal_alpha=1.0
        ),
        "mobilenetv2_head_only_96": replace(
            HEAD_ONLY,
            title="MobileNetV2, head only, 96 pixels",
            model_options={**HEAD_ONLY.model_options, "input_size": 96},
        ),
        "mobilenetv2_fine_tuned_low_rate": replace(
            FINE_TUNED, title="MobileNetV2, fine-tuned, learning rate 1e-4", learning_rate=1e-4
        ),
        "mobilenetv2_fine_tuned_low_rate_96": replace(
            FINE_TUNED,
            title="MobileNetV2, fine-tuned, learning rate 1e-4, 96 pixels",
            model_options={**FINE_TUNED.model_options, "input_size": 96},
            learning_rate=1e-4,
        ),
        # Staged fine-tuning at 96 pixels: trials of three learning rates on PublicTest.
        "mobilenetv2_new_head_96": NEW_HEAD_96,
        **{
            f"mobilenetv2_staged_96_rate_{rate.replace('-', '')}": replace(
                STAGED_96, title=f"{STAGED_96.title}, {rate}", learning_rate=float(rate)
            )
            for rate in ("1e-3", "3e-4", "1e-4")
        },
        # The improved recipe, its distillation, and distillation with SWA. The settings of the
        # latter two were not tuned.
        "se_cnn": replace(SE_CNN, evaluate_private_test=True),
        "se_cnn_distilled": replace(
            SE_CNN,
            title="SE-CNN, distilled",
            label_smoothing=0.0,
            epochs=80,
            patience=80,
            teachers=("se_cnn/seed-0",),
            distillation_weight=0.8,
            teacher_tta="flip+shift5_2px",
            evaluate_private_test=True,
        ),
        "se_cnn_distilled_swa": replace(
            SE_CNN,
            title="SE-CNN, distilled, SWA",
            label_smoothing=0.0,
            learning_rate=0.01,
            warmup_epochs=None,
            epochs=12,
            swa_epochs=10,
            patience=12,
            dtype_policy="float32",
            init_from="se_cnn",
            teachers=("se_cnn/seed-0", "se_cnn/seed-1"),
            distillation_weight=0.8,
            teacher_tta=FLIP,
            evaluate_private_test=True,
        ),
        # Multi-task learning with the FER+ votes of Training images, a network with more
        # computation at high resolution, and consistent distillation from three of its runs.
        "se_cnn_ferplus": replace(FERPLUS, evaluate_private_test=True),
        "se_cnn_hires_ferplus": replace(HR_FERPLUS, evaluate_private_test=True),
        "se_cnn_hires_ferplus_distilled": replace(HR_FERPLUS_DISTILLED, evaluate_private_test=True),
        # Controls, evaluated on PublicTest: without FER+ votes, without teachers for as many
        # epochs, and distilled for fewer epochs.
        "se_cnn_batch_256": SE_CNN_256,
        "se_cnn_hires_ferplus_180": replace(
            HR_FERPLUS, title="SE-CNN-HR, FER+, 180 epochs", epochs=180, patience=180
        ),
        "se_cnn_hires_ferplus_distilled_70": replace(
            HR_FERPLUS_DISTILLED,
            title="SE-CNN-HR, FER+, distilled, 70 epochs",
            epochs=70,
            patience=70,
        ),
        "se_cnn_ferplus_distilled_60": replace(
            HR_FERPLUS_DISTILLED,
            title="SE-CNN, FER+, distilled, 60 epochs",
            model_options=SE_CNN.model_options,
            epochs=60,
            patience=60,
        ),
        # Leave-one-out at 70 epochs, evaluated on PublicTest: the SE-CNN in batches of 256 without
        # one part of the improved recipe.
        "leave_out_sgd": replace(SE_CNN_256, title="Adam in place of SGD", **_CONSTANT_ADAM),
        "leave_out_label_smoothing": replace(
            SE_CNN_256, title="Without label smoothing", label_smoothing=0.0
        ),
        "leave_out_attention": replace(
            SE_CNN_256,
            title="Without squeeze-and-excitation",
            model_options={**SE_CNN_256.model_options, "se_ratio": None},
        ),
        # Ablation study at 15 epochs, evaluated on PublicTest. The first rows train in mixed
        # precision, the later ones in float32, which is fast on every processor.
        "ablation_baseline": ABLATION,
        "ablation_mixup": replace(ABLATION, title="Mixup", mixup_alpha=0.2),
        "ablation_focal_loss": replace(
            ABLATION, title="Focal loss, no label smoothing", label_smoothing=0.0, focal_gamma=2.0
        ),
        "ablation_adam": replace(
            ABLATION, title="Adam, constant rate, no weight decay", **_CONSTANT_ADAM
        ),
        "ablation_baseline_float32": ABLATION_FLOAT32,
        "ablation_cross_entropy": replace(
            ABLATION_FLOAT32, title="No label smoothing", label_smoothing=0.0
        ),
        "ablation_no_attention": replace(
            ABLATION_FLOAT32,
            title="No squeeze-and-excitation",
            model_options={**ABLATION_FLOAT32.model_options, "se_ratio": None},
        ),
        "ablation_swa": replace(
            ABLATION_FLOAT32, title="SWA over the last five epochs", swa_epochs=5
        ),
        "ablation_no_random_erasing": replace(
            ABLATION_FLOAT32,
            title="No random erasing",
            augmentation="strong_augment_crop40_no_erasing",
        ),
        "ablation_no_crop": replace(
            ABLATION_FLOAT32, title="No 40-pixel crop", augmentation="strong_augment"
        ),
        "ablation_flip_rotate_zoom": replace(
            ABLATION_FLOAT32, title="Flip, rotation and zoom only", augmentation="flip_rotate_zoom"
        ),
        "ablation_class_balanced_loss": replace(
            ABLATION_FLOAT32, title="Class-balanced loss", focal_alpha=_CLASS_BALANCED_WEIGHTS
        ),
        "ablation_balanced_sampling": replace(
            ABLATION_FLOAT32, title="Class-balanced sampling", class_balancing_power=1.0
        ),
        "ablation_distilled": replace(
            ABLATION_FLOAT32,
            title="Distillation from the SE-CNN",
            label_smoothing=0.0,
            teachers=("se_cnn/seed-0",),
            distillation_weight=0.8,
            teacher_tta=FLIP,
        ),
        # Transfer learning from other faces at a fraction of Training, in float32. A smaller
        # fraction is trained for more epochs, which are shorter.
        "scratch_1pct": SCRATCH_1PCT,
        "scratch_10pct": SCRATCH_10PCT,
        "pretrained_1pct": replace(
            SCRATCH_1PCT,
            title="Pretrained, 1\N{NO-BREAK SPACE}% of Training",
            init_from=_PRETRAINING_RUN,
        ),
        "pretrained_10pct": replace(
            SCRATCH_10PCT,
            title="Pretrained, 10\N{NO-BREAK SPACE}% of Training",
            init_from=_PRETRAINING_RUN,
        ),
        "pretrained_100pct": replace(
            ABLATION_FLOAT32, title="Pretrained, all of Training", init_from=_PRETRAINING_RUN
        ),
    }
)
