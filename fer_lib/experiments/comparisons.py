"""Which experiments the report shows, what each is compared with, and the ensembles."""

from collections.abc import Mapping
from types import MappingProxyType

from fer_lib.experiments.table import EXPERIMENTS

REPLICATED_MODELS = ("custom_cnn", "mobilenetv2_head_only", "mobilenetv2_fine_tuned")
MAIN_MODELS = (*REPLICATED_MODELS, "se_cnn", "se_cnn_hires_ferplus_distilled")
SE_CNN_EXPERIMENTS = (
    "se_cnn",
    "se_cnn_distilled",
    "se_cnn_distilled_swa",
    "se_cnn_ferplus",
    "se_cnn_hires_ferplus",
    "se_cnn_hires_ferplus_distilled",
)
# The models small enough for a web page: prediction and the playground use the best of them.
DEPLOYMENT_CANDIDATES = ("custom_cnn", *SE_CNN_EXPERIMENTS)

# This list is committed before any of them is evaluated on PrivateTest.
PRIVATE_TEST_EXPERIMENTS = tuple(
    name for name, experiment in EXPERIMENTS.items() if experiment.evaluate_private_test
)

# Pairs (experiment, baseline): the two differ in one setting, or in the settings that make up one
# method. A follow-up is another recipe than its baseline's, on the same architecture.
CONTROLS = (
    ("custom_cnn_cross_entropy", "custom_cnn"),
    ("mobilenetv2_head_only_96", "mobilenetv2_head_only"),
    ("mobilenetv2_fine_tuned_low_rate", "mobilenetv2_fine_tuned"),
    ("mobilenetv2_fine_tuned_low_rate_96", "mobilenetv2_fine_tuned_low_rate"),
)
ABLATIONS = (
    ("ablation_mixup", "ablation_baseline"),
    ("ablation_focal_loss", "ablation_baseline"),
    ("ablation_adam", "ablation_baseline"),
    ("ablation_baseline_float32", "ablation_baseline"),
    ("ablation_cross_entropy", "ablation_baseline_float32"),
    ("ablation_no_attention", "ablation_baseline_float32"),
    ("ablation_swa", "ablation_baseline_float32"),
    ("ablation_no_random_erasing", "ablation_baseline_float32"),
    ("ablation_no_crop", "ablation_baseline_float32"),
    ("ablation_flip_rotate_zoom", "ablation_no_crop"),  # both train without crops
    ("ablation_class_balanced_loss", "ablation_baseline_float32"),
    ("ablation_balanced_sampling", "ablation_baseline_float32"),
    ("ablation_distilled", "ablation_baseline_float32"),
)
LEAVE_ONE_OUT = (
    ("leave_out_sgd", "se_cnn_batch_256"),
    ("leave_out_label_smoothing", "se_cnn_batch_256"),
    ("leave_out_attention", "se_cnn_batch_256"),
)
FOLLOW_UPS = (("se_cnn_distilled", "se_cnn"), ("se_cnn_distilled_swa", "se_cnn"))
# From the custom CNN to the best single model, step by step.
ACCURACY_STEPS = (
    "custom_cnn",
    "se_cnn",
    "se_cnn_ferplus",
    "se_cnn_hires_ferplus",
    "se_cnn_hires_ferplus_distilled",
)
STEPS = tuple(zip(ACCURACY_STEPS[1:], ACCURACY_STEPS, strict=False))
FERPLUS_COMPARISONS = (
    ("se_cnn_ferplus", "se_cnn_batch_256"),
    ("se_cnn_hires_ferplus", "se_cnn_ferplus"),
)
DISTILLATION_COMPARISONS = (
    ("se_cnn_hires_ferplus_distilled", "se_cnn_hires_ferplus"),
    ("se_cnn_hires_ferplus_distilled", "se_cnn_hires_ferplus_distilled_70"),
    ("se_cnn_hires_ferplus_distilled_70", "se_cnn_hires_ferplus"),
    ("se_cnn_ferplus_distilled_60", "se_cnn_ferplus"),
    ("se_cnn_hires_ferplus_distilled", "se_cnn_hires_ferplus_180"),
    ("se_cnn_hires_ferplus_180", "se_cnn_hires_ferplus"),
)
TRANSFERS = (
    ("pretrained_1pct", "scratch_1pct"),
    ("pretrained_10pct", "scratch_10pct"),
    ("pretrained_100pct", "ablation_baseline_float32"),
)

# Ensembles by name: the keys of the runs whose probabilities are averaged. Each list was committed
# before it was evaluated on PrivateTest: the first two when only seed 0 of the SE-CNN had been
# evaluated there, the others before either SWA run had ended.
ENSEMBLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Two SE-CNNs": ("se_cnn/seed-0", "se_cnn/seed-1"),
        "Two SE-CNNs and the distilled SE-CNN": (
            "se_cnn/seed-0",
            "se_cnn/seed-1",
            "se_cnn_distilled/seed-0",
        ),
        "Two SWA SE-CNNs": ("se_cnn_distilled_swa/seed-0", "se_cnn_distilled_swa/seed-1"),
        "Two SWA SE-CNNs and the distilled SE-CNN": (
            "se_cnn_distilled_swa/seed-0",
            "se_cnn_distilled_swa/seed-1",
            "se_cnn_distilled/seed-0",
        ),
        "Five SE-CNNs": (
            "se_cnn/seed-0",
            "se_cnn/seed-1",
            "se_cnn_distilled/seed-0",
            "se_cnn_distilled_swa/seed-0",
            "se_cnn_distilled_swa/seed-1",
        ),
        # Committed before any of their members was evaluated on PrivateTest.
        "Three SE-CNN-HR, FER+": tuple(f"se_cnn_hires_ferplus/seed-{seed}" for seed in range(3)),
        "Three SE-CNN-HR, FER+, distilled": tuple(
            f"se_cnn_hires_ferplus_distilled/seed-{seed}" for seed in range(3)
        ),
        "Six SE-CNN-HR, FER+": tuple(
            f"{name}/seed-{seed}"
            for name in ("se_cnn_hires_ferplus", "se_cnn_hires_ferplus_distilled")
            for seed in range(3)
        ),
    }
)

# The TTA scheme of ensembles: the most accurate on PublicTest with seed 0 of the SE-CNN.
ENSEMBLE_TTA = "flip+shift3x3_1px"
