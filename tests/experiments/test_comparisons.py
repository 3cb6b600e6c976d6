import pytest

from fer_lib.experiments import (
    ABLATIONS,
    CONTROLS,
    DEPLOYMENT_CANDIDATES,
    DISTILLATION_COMPARISONS,
    ENSEMBLES,
    EXPERIMENTS,
    FERPLUS_COMPARISONS,
    FOLLOW_UPS,
    LEAVE_ONE_OUT,
    MAIN_MODELS,
    PRIVATE_TEST_EXPERIMENTS,
    REPLICATED_MODELS,
    SE_CNN_EXPERIMENTS,
    TRANSFERS,
)
from fer_lib.paths import RESULTS
from fer_lib.runs.run import parse_run_key
from fer_lib.runs.store import best_single_run

DISTILLATION = {"label_smoothing", "teachers", "distillation_weight"}
ADAM = {"optimizer", "learning_rate", "warmup_epochs", "weight_decay"}
DIFFERENCES = {
    ("custom_cnn_cross_entropy", "custom_cnn"): {"focal_gamma", "focal_alpha"},
    ("mobilenetv2_head_only_96", "mobilenetv2_head_only"): {"input_size"},
    ("mobilenetv2_fine_tuned_low_rate", "mobilenetv2_fine_tuned"): {"learning_rate"},
    ("mobilenetv2_fine_tuned_low_rate_96", "mobilenetv2_fine_tuned_low_rate"): {"input_size"},
    ("ablation_mixup", "ablation_baseline"): {"mixup_alpha"},
    ("ablation_focal_loss", "ablation_baseline"): {"focal_gamma", "label_smoothing"},
    ("ablation_adam", "ablation_baseline"): ADAM,
    ("ablation_baseline_float32", "ablation_baseline"): {"dtype_policy"},
    ("ablation_cross_entropy", "ablation_baseline_float32"): {"label_smoothing"},
    ("ablation_no_attention", "ablation_baseline_float32"): {"se_ratio"},
    ("ablation_swa", "ablation_baseline_float32"): {"swa_epochs"},
    ("ablation_no_random_erasing", "ablation_baseline_float32"): {"augmentation"},
    ("ablation_no_crop", "ablation_baseline_float32"): {"augmentation"},
    ("ablation_flip_rotate_zoom", "ablation_no_crop"): {"augmentation"},
    ("ablation_class_balanced_loss", "ablation_baseline_float32"): {"focal_alpha"},
    ("ablation_balanced_sampling", "ablation_baseline_float32"): {"class_balancing_power"},
    ("ablation_distilled", "ablation_baseline_float32"): DISTILLATION | {"teacher_tta"},
    ("pretrained_1pct", "scratch_1pct"): {"init_from"},
    ("pretrained_10pct", "scratch_10pct"): {"init_from"},
    ("pretrained_100pct", "ablation_baseline_float32"): {"init_from"},
    ("se_cnn_distilled", "se_cnn"): DISTILLATION | {"teacher_tta", "epochs", "patience"},
    ("se_cnn_distilled_swa", "se_cnn"): DISTILLATION
    | {"teacher_tta", "epochs", "patience", "init_from", "swa_epochs"}
    | {"learning_rate", "warmup_epochs", "dtype_policy"},
    ("se_cnn_hires_ferplus", "se_cnn_ferplus"): {"blocks"},
    ("se_cnn_hires_ferplus_distilled", "se_cnn_hires_ferplus"): DISTILLATION
    | {"consistent_distillation", "epochs", "patience"},
    ("se_cnn_hires_ferplus_distilled", "se_cnn_hires_ferplus_distilled_70"): {"epochs", "patience"},
    ("se_cnn_hires_ferplus_distilled", "se_cnn_hires_ferplus_180"): DISTILLATION
    | {"consistent_distillation"},
    ("se_cnn_hires_ferplus_180", "se_cnn_hires_ferplus"): {"epochs", "patience"},
    ("se_cnn_hires_ferplus_distilled_70", "se_cnn_hires_ferplus"): DISTILLATION
    | {"consistent_distillation"},
    ("se_cnn_ferplus_distilled_60", "se_cnn_ferplus"): DISTILLATION
    | {"consistent_distillation", "epochs", "patience"},
    ("se_cnn_ferplus", "se_cnn_batch_256"): {"ferplus_weight"},
    ("leave_out_sgd", "se_cnn_batch_256"): ADAM,
    ("leave_out_label_smoothing", "se_cnn_batch_256"): {"label_smoothing"},
    ("leave_out_attention", "se_cnn_batch_256"): {"se_ratio"},
}


def settings(name):
    configuration = EXPERIMENTS[name].to_dict()
    for unrelated in ("title", "evaluate_private_test"):
        del configuration[unrelated]
    return configuration | configuration.pop("model_options")


@pytest.mark.parametrize("pair", DIFFERENCES, ids="-".join)
def test_settings_that_an_experiment_and_its_baseline_differ_in(pair):
    a, b = map(settings, pair)
    assert {name for name in a.keys() | b.keys() if a.get(name) != b.get(name)} == DIFFERENCES[pair]


def test_every_comparison_is_checked_above():
    followed_up = {*FOLLOW_UPS, *FERPLUS_COMPARISONS, *DISTILLATION_COMPARISONS}
    assert {*CONTROLS, *ABLATIONS, *LEAVE_ONE_OUT, *TRANSFERS, *followed_up} == set(DIFFERENCES)


def test_exploratory_experiments_are_not_evaluated_on_private_test():
    for name, _ in (*CONTROLS, *ABLATIONS, *LEAVE_ONE_OUT, *TRANSFERS):
        assert not EXPERIMENTS[name].evaluate_private_test
    for name in {baseline for _, baseline in (*ABLATIONS, *TRANSFERS)}:
        assert not EXPERIMENTS[name].evaluate_private_test


def test_experiments_evaluated_on_private_test():
    assert (*REPLICATED_MODELS, *SE_CNN_EXPERIMENTS) == PRIVATE_TEST_EXPERIMENTS


def test_members_of_ensembles_are_distinct_and_all_evaluated_on_private_test():
    for keys in ENSEMBLES.values():
        assert len(set(keys)) == len(keys) > 1
        assert {parse_run_key(key)[0] for key in keys} <= set(PRIVATE_TEST_EXPERIMENTS)


def test_the_last_main_model_is_the_deployed_one():
    assert MAIN_MODELS[: len(REPLICATED_MODELS)] == REPLICATED_MODELS
    assert MAIN_MODELS[-1] in DEPLOYMENT_CANDIDATES
    assert best_single_run(RESULTS).key == f"{MAIN_MODELS[-1]}/seed-0"
