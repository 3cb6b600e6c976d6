import pandas as pd

from fer_lib.analysis.verdict import Verdict
from fer_lib.report.comparisons import show_comparisons


def test_comparisons_are_displayed_by_title_with_intervals():
    table = pd.DataFrame(
        {
            "experiment": ["ablation_mixup"],
            "baseline": ["ablation_baseline"],
            "seeds": [1],
            "baseline_seeds": [2],
            "accuracy_difference": [-0.018],
            "accuracy_difference_low": [-0.027],
            "accuracy_difference_high": [-0.008],
            "holm_p_value": [0.0321],
            "verdict": [Verdict.REFUTED],
        }
    )
    (row,) = show_comparisons(table).data.to_dict("records")
    assert row == {
        "comparison": "Mixup (1) minus SE-CNN, 15 epochs, bfloat16 (2)",
        "accuracy difference (points)": "−1.8 (−2.7 to −0.8)",
        "verdict": "lower (p\xa0=\xa00.0321)",
    }
    small = show_comparisons(table.assign(holm_p_value=1e-7)).data
    assert small["verdict"].tolist() == ["lower (p\xa0&lt;\xa00.0001)"]
    single = show_comparisons(table.assign(holm_p_value=float("nan"), verdict=Verdict.ONE_SEED))
    assert single.data["verdict"].tolist() == ["one seed; not tested"]
    p_values = show_comparisons(table.drop(columns="verdict")).data
    assert p_values["p-value"].tolist() == ["0.0321"]


def test_comparisons_on_several_splits_name_the_split():
    table = pd.DataFrame(
        {
            "experiment": ["ablation_mixup"] * 2,
            "baseline": ["ablation_baseline"] * 2,
            "verdict": [Verdict.INCONCLUSIVE, Verdict.NOT_RECORDED],
            "split": ["public_test", "private_test"],
        }
    )
    shown = show_comparisons(table).data
    assert list(shown) == ["comparison", "split", "verdict"]
    assert shown["split"].tolist() == ["PublicTest", "PrivateTest"]
    assert shown["verdict"].tolist() == ["no difference detected", "not recorded"]
