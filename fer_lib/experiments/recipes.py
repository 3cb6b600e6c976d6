"""The recipes that the rows of the table of experiments derive from.

Unless a recipe says otherwise, it is the source report's: batch size 64, at most 120 epochs, Adam
at 1e-3, focal loss with gamma 2 and alpha 0.25, early stopping with patience 15. All of them leave
`evaluate_private_test` False.
"""

from dataclasses import replace

from fer_lib.experiments.experiment import Experiment
from fer_lib.tta import FLIP

CUSTOM_CNN = Experiment(
    title="Custom CNN",
    model="custom_cnn",
    model_options={
        "blocks": ((32, 1), (64, 1), (128, 2), (256, 3)),
        "block_dropout": 0.2,
        "head_dropout": 0.4,
        "bn_momentum": 0.9,
    },
    dtype_policy="mixed_bfloat16",
)
HEAD_ONLY = Experiment(
    title="MobileNetV2, head only",
    model="mobilenetv2",
    model_options={
        "weights": "imagenet",
        "trainable": False,
        "input_size": 48,
        "head_units": 128,
        "head_dropout": 0.4,
    },
)
FINE_TUNED = replace(
    HEAD_ONLY,
    title="MobileNetV2, fine-tuned",
    model_options={**HEAD_ONLY.model_options, "trainable": True},
)
# Staged fine-tuning: a run of `NEW_HEAD_96` trains the new head on the frozen backbone, and one of
# `STAGED_96` all layers from there.
NEW_HEAD_96 = replace(
    HEAD_ONLY,
    title="MobileNetV2, new head, 96 pixels",
    model_options={**HEAD_ONLY.model_options, "input_size": 96},
    epochs=5,
    patience=5,
)
STAGED_96 = replace(
    NEW_HEAD_96,
    title="MobileNetV2, staged fine-tuning, 96 pixels",
    model_options={**NEW_HEAD_96.model_options, "trainable": True},
    init_from="mobilenetv2_new_head_96",
    warmup_epochs=1,
    epochs=10,
    patience=10,
)
SE_CNN = Experiment(
    title="SE-CNN",
    model="custom_cnn",
    model_options={
        **CUSTOM_CNN.model_options,
        "block_dropout": 0.0,
        "bn_momentum": 0.98,
        "se_ratio": 4,
    },
    augmentation="strong_augment_crop40",
    focal_gamma=0.0,
    focal_alpha=1.0,
    label_smoothing=0.1,
    optimizer="sgd",
    learning_rate=0.05,
    warmup_epochs=2,
    weight_decay=5e-3,
    epochs=110,
    patience=110,
    dtype_policy="mixed_bfloat16",
    tta=FLIP,
)
# Trained on a GPU with batches of 256. The high-resolution SE-CNN (HR) has more computation at its
# early stages and about as many parameters.
FERPLUS = replace(
    SE_CNN,
    title="SE-CNN, FER+",
    batch_size=256,
    learning_rate=0.2,
    epochs=70,
    patience=70,
    ferplus_weight=1.0,
)
HR_FERPLUS = replace(
    FERPLUS,
    title="SE-CNN-HR, FER+",
    model_options={
        **SE_CNN.model_options,
        "blocks": ((48, 2), (96, 2), (160, 3), (216, 3)),
    },
)
HR_FERPLUS_DISTILLED = replace(
    HR_FERPLUS,
    title="SE-CNN-HR, FER+, distilled",
    label_smoothing=0.0,
    epochs=180,
    patience=180,
    teachers=tuple(f"se_cnn_hires_ferplus/seed-{seed}" for seed in range(3)),
    distillation_weight=0.8,
    consistent_distillation=True,
)
SE_CNN_256 = replace(FERPLUS, title="SE-CNN, batches of 256, 70 epochs", ferplus_weight=0.0)
ABLATION = replace(SE_CNN, title="SE-CNN, 15 epochs, bfloat16", epochs=15, patience=15)
ABLATION_FLOAT32 = replace(ABLATION, title="SE-CNN, 15 epochs, float32", dtype_policy="float32")
SCRATCH_1PCT = replace(
    ABLATION_FLOAT32,
    title="From scratch, 1\N{NO-BREAK SPACE}% of Training",
    train_fraction=0.01,
    epochs=60,
    patience=60,
)
SCRATCH_10PCT = replace(
    SCRATCH_1PCT, title="From scratch, 10\N{NO-BREAK SPACE}% of Training", train_fraction=0.1
)
