import hashlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from fer_lib.analysis import corruptions, robustness
from fer_lib.analysis.corruptions import CORRUPTIONS, SEVERITIES, corrupt, export_corruptions
from fer_lib.analysis.leakage import LEAKAGE_PATH
from fer_lib.analysis.robustness import (
    ROBUSTNESS_PATH,
    corruption_accuracies,
    mean_accuracies,
    mean_differences,
    record_robustness,
    robustness_summary,
    severity_differences,
)
from fer_lib.analysis.verdict import Verdict
from fer_lib.data.dataset import Split
from fer_lib.evaluation.inference import predict_run
from fer_lib.io import read_arrays, read_json, sha256_of, write_json


@pytest.fixture(scope="module")
def small_dataset(dataset):
    """The data set with the first twelve images of PrivateTest."""
    private = dataset.private_test
    return replace(dataset, private_test=Split(private.images[:12], private.labels[:12]))


@pytest.mark.parametrize("name", ["brightness", "eyes covered"])
def test_recorded_checksums_are_those_of_the_corrupted_images(name, fer2013):
    digest = hashlib.sha256()
    for severity in SEVERITIES:
        digest.update(corrupt(fer2013.private_test.images, name, severity).tobytes())
    assert digest.hexdigest() == read_json(ROBUSTNESS_PATH)["sha256"][name]


@pytest.fixture
def robustness_path(flip_run, small_dataset, tmp_path, monkeypatch):
    """A record of two of the eleven corruptions."""
    few = {name: CORRUPTIONS[name] for name in ("JPEG", "eyes covered")}
    for module in (corruptions, robustness):
        monkeypatch.setattr(module, "CORRUPTIONS", few)
    path = tmp_path / "robustness.json"
    record_robustness([flip_run], small_dataset, path)
    return path


def test_exported_images_are_those_of_the_record(
    flip_run, small_dataset, robustness_path, tmp_path
):
    folder = tmp_path / "exported"
    export_corruptions(small_dataset, folder)
    images, labels = (np.load(folder / f"{name}.npy") for name in ("eyes_covered", "labels"))
    assert images.shape == (60, 48, 48)
    assert labels.shape == (60,)
    correct = predict_run(flip_run, images).argmax(axis=1) == labels
    recorded = read_json(robustness_path)["runs"]["tiny/seed-0"]
    np.testing.assert_allclose(recorded["eyes covered"], correct.reshape(5, 12).mean(axis=1))
    arrays = read_arrays(robustness_path.with_suffix(".npz"))["tiny/seed-0"]
    np.testing.assert_array_equal(arrays[6:], correct.reshape(5, 12))  # clean and JPEG are first
    clean = predict_run(flip_run, small_dataset.private_test.images).argmax(axis=1)
    np.testing.assert_array_equal(arrays[0], clean == small_dataset.private_test.labels)
    sums = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert sums == {path.name: sha256_of(path) for path in folder.glob("*.npy")}


def test_only_runs_of_other_weights_are_measured_again(flip_run, small_dataset, robustness_path):
    record, written = read_json(robustness_path), robustness_path.stat().st_mtime_ns
    record_robustness([flip_run], small_dataset, robustness_path)
    assert robustness_path.stat().st_mtime_ns == written
    other = {"weights_sha256": {flip_run.key: "other"}, "runs": {flip_run.key: {}}}
    write_json(robustness_path, record | other)
    record_robustness([flip_run], small_dataset, robustness_path)
    assert read_json(robustness_path) == record


def test_a_record_of_other_images_is_refused(flip_run, small_dataset, robustness_path):
    record = read_json(robustness_path)
    write_json(robustness_path, record | {"weights_sha256": {}, "sha256": {"noise": "other"}})
    with pytest.raises(ValueError, match="other corrupted images"):
        record_robustness([flip_run], small_dataset, robustness_path)


def test_mean_accuracies_by_hand(run, tmp_path):
    path = tmp_path / "robustness.json"
    record = {"clean": 0.6} | {name: [0.5, 0.4, 0.3, 0.2, 0.1] for name in CORRUPTIONS}
    record |= {"blur": [0.6] * 5, "noise": [0.1] * 5}
    write_json(path, {"runs": {run.key: record}})
    accuracies = corruption_accuracies({"Tiny": run, "Missing": None}, path)
    assert len(accuracies) == 1 + 11 * 5
    at = accuracies[(accuracies["corruption"] == "JPEG") & (accuracies["severity"] == 2)]
    assert at["accuracy"].tolist() == [0.4]
    means = mean_accuracies(accuracies)
    assert means["corruption"].tolist() == ["clean", *CORRUPTIONS, "mean"]
    means = means.set_index("corruption")["Tiny"]
    assert means["clean"] == 0.6
    assert means["JPEG"] == pytest.approx(0.3)
    assert means["mean"] == pytest.approx((9 * 0.3 + 0.6 + 0.1) / 11)


def test_mean_accuracies_without_a_record(tmp_path):
    means = mean_accuracies(corruption_accuracies({"Missing": None}, tmp_path / "none.json"))
    assert means.columns.tolist() == ["corruption"]


def test_summary_by_hand(run, tmp_path):
    path = tmp_path / "robustness.json"
    record = {"clean": 0.6} | {name: [0.5, 0.4, 0.3, 0.2, 0.1] for name in CORRUPTIONS}
    write_json(path, {"runs": {run.key: record | {"blur": [0.6] * 5, "rotation": [0.1] * 5}}})
    accuracies = corruption_accuracies({"Tiny": run, "Missing": None}, path)
    (row,) = robustness_summary(accuracies).to_dict("records")
    mean = (9 * 0.3 + 0.6 + 0.1) / 11
    assert row.pop("hardest_corruption") == "rotation" and row.pop("model") == "Tiny"
    assert row == pytest.approx({
        "clean_accuracy": 0.6,
        "corrupted_accuracy": mean,
        "retained_share": mean / 0.6,
        "hardest_accuracy": 0.1,
    })  # fmt: skip


def test_summary_without_a_record(tmp_path):
    accuracies = corruption_accuracies({"Missing": None}, tmp_path / "none.json")
    summary = robustness_summary(accuracies)
    assert summary.empty and "retained_share" in summary


def test_recorded_accuracies_are_those_of_the_recorded_images():
    record = read_json(ROBUSTNESS_PATH)["runs"]
    arrays = read_arrays(ROBUSTNESS_PATH.with_suffix(".npz"))
    assert arrays
    for key, correct in arrays.items():
        accuracies = [record[key]["clean"], *(a for name in CORRUPTIONS for a in record[key][name])]
        np.testing.assert_allclose(correct.mean(axis=1), accuracies, rtol=1e-12)


N = 400


@pytest.fixture
def compared(tmp_path):
    """Two runs, and a record of which images they classify correctly."""
    leaked = read_json(LEAKAGE_PATH)["in_training"]["private_test"]["exact"][:100]
    hashes = np.concatenate([np.array(leaked), np.arange(N - 100)]).astype(np.uint64)
    private = SimpleNamespace(hashes=hashes)
    model, baseline = (
        SimpleNamespace(key=f"{name}/seed-0", predictions={"private_test": private})
        for name in ("model", "baseline")
    )
    path, random = tmp_path / "robustness.json", np.random.RandomState(0)
    correct = {name: random.uniform(size=(56, N)) < 0.6 for name in ("model", "baseline")}
    correct["baseline"][1:6] = random.uniform(size=(5, N)) < 0.2  # of noise
    correct["model"][-5:, :100] = True  # of shift, on the images that Training holds
    correct["baseline"][-5:, :100] = False
    correct["model"][-5:, 100:] = correct["baseline"][-5:, 100:] = True
    np.savez(path.with_suffix(".npz"), **{f"{name}/seed-0": c for name, c in correct.items()})
    return model, baseline, correct, path


def test_severity_differences_agree_with_a_paired_t_test(compared):
    model, baseline, correct, path = compared
    table = severity_differences(model, baseline, path=path)
    assert table[["corruption", "severity"]].values.tolist()[:3] == [
        ["clean", 0],
        ["noise", 1],
        ["noise", 2],
    ]
    assert table["corruption"].iloc[-1] == "shift" and table["severity"].iloc[-1] == 5
    test = stats.ttest_rel(*(correct[name].astype(float) for name in correct), axis=1)
    limits = test.confidence_interval()
    expected = correct["model"].mean(axis=1) - correct["baseline"].mean(axis=1)
    np.testing.assert_allclose(table["accuracy_difference"], expected)
    np.testing.assert_allclose(table["accuracy_difference_low"], limits.low)
    np.testing.assert_allclose(table["accuracy_difference_high"], limits.high)
    order = np.argsort(test.pvalue)  # Holm: the smallest of 56 times 56, and so on
    stepped = np.maximum.accumulate(test.pvalue[order] * np.arange(56, 0, -1))
    np.testing.assert_allclose(table["holm_p_value"].iloc[order], np.minimum(stepped, 1))
    decided = table.set_index(["corruption", "severity"])["verdict"]
    assert set(decided["noise"]) == {Verdict.CONFIRMED}
    assert decided["clean", 0] is Verdict.INCONCLUSIVE
    mirrored = severity_differences(baseline, model, path=path)
    assert mirrored.loc[1, "verdict"] is Verdict.REFUTED


def test_mean_differences_are_of_the_mean_over_severities_of_each_image(compared):
    model, baseline, correct, path = compared
    table = mean_differences(model, baseline, path=path).set_index("corruption")
    assert table.index.tolist() == [*CORRUPTIONS, "mean"]
    means = {name: c[1:].reshape(11, 5, N).mean(axis=1) for name, c in correct.items()}
    test = stats.ttest_rel(means["model"][0], means["baseline"][0])
    row = table.loc["noise"]
    expected = means["model"][0].mean() - means["baseline"][0].mean()
    assert row["accuracy_difference"] == pytest.approx(expected)
    assert row["accuracy_difference_low"] == pytest.approx(test.confidence_interval().low)
    whole = stats.ttest_rel(*(each.mean(axis=0) for each in means.values()))
    assert table.loc["mean", "accuracy_difference_high"] == pytest.approx(
        whole.confidence_interval().high
    )
    by_corruption = table.drop(index="mean")["accuracy_difference"]
    assert table.loc["mean", "accuracy_difference"] == pytest.approx(by_corruption.mean())


def test_deduplicated_differences_leave_out_what_training_holds(compared):
    model, baseline, _, path = compared
    everything, kept = (
        mean_differences(model, baseline, each, path).set_index("corruption").loc["shift"]
        for each in (False, True)
    )
    assert everything["accuracy_difference"] == pytest.approx(100 / N)
    assert kept["accuracy_difference"] == 0 and kept["holm_p_value"] == 1


def test_runs_without_a_record_are_not_compared(compared):
    model, _, _, path = compared
    other = SimpleNamespace(key="other/seed-0")
    for pair in ((model, None), (other, model)):
        for function in (severity_differences, mean_differences):
            table = function(*pair, path=path)
            assert table.empty and {"accuracy_difference_low", "verdict"} <= set(table)
