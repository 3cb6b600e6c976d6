import gzip
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import pytest

from fer_lib.cli import analyses, main
from fer_lib.cli.parser import PROFILE_NAMES
from fer_lib.profiles import PROFILES, Profile

VERBS = (
    "inspect-data",
    "download",
    "train",
    "pretrain",
    "record",
    "verify",
    "list",
    "analyze",
    "robustness",
    "tta",
    "export-corruptions",
    "export",
    "predict",
)
HEAVY = {"numpy", "keras", "tensorflow", "pandas", "sklearn", "onnxruntime", "av"}


def error_line(arguments, capsys):
    """The one line that a bad command line ends with; its exit code is 2."""
    try:
        code = main(arguments)
    except SystemExit as error:
        code = error.code
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    return line


# --- Parsing ---


def test_help_lists_the_verbs_and_loads_nothing_heavy():
    began = time.perf_counter()
    code = f"""
import sys
from fer_lib.cli import main
try:
    main(["--help"])
except SystemExit as error:
    sys.exit(error.code or ", ".join({HEAVY} & sys.modules.keys()) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - began < 5  # 0.1 s on an idle machine
    assert tuple(re.findall(r"^    ([\w-]+)", done.stdout, re.MULTILINE)) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_every_argument_has_help(verb, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([verb, "--help"])
    assert exit_.value.code == 0
    arguments = capsys.readouterr().out.partition("\n\npositional arguments:\n")[2]
    for line in arguments.splitlines():
        name, _, text = line.strip().partition("  ")
        if line.startswith("  ") and not line.startswith("   ") and not text:
            assert len(name) > 20, line  # a long name has its help on the next line


def test_version(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith("fer_lib 0.")


def test_typo_in_a_verb_suggests_the_nearest(capsys):
    assert error_line(["trian"], capsys).endswith("no verb 'trian'; did you mean train?")


def test_typo_in_an_experiment_suggests_the_nearest(capsys):
    assert error_line(["train", "custom_cn"], capsys).endswith("did you mean custom_cnn?")
    assert "there are custom_cnn, mobilenetv2" in error_line(["train", "vgg"], capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect-data", "nowhere.csv"],
        ["train", "vgg", "--profile", "quick"],
        ["train", "custom_cnn", "--profile", "fast"],
        ["train", "custom_cnn", "--seed=-1"],
        ["train", "custom_cnn", "--seed=1.5"],
        ["pretrain", "nowhere"],
        ["record", "nowhere"],
        ["verify", "nowhere"],
        ["export", "nowhere"],
        ["export-corruptions", "pyproject.toml"],
        ["predict"],
        ["predict", "a.png", "--camera", "0"],
        ["predict", "--camera", "front"],
        ["predict", ""],
        ["predict", "a.png", "--model", "no\nfile.onnx"],
        ["predict", "a.png", "--json", "--csv"],
        ["predict", "a.png", "--model", "nowhere.onnx"],
    ],
)
def test_bad_arguments_are_refused_before_anything_heavy_is_loaded(arguments):
    code = f"""
import sys
from fer_lib.cli import main
try:
    main({arguments})
except SystemExit as error:
    heavy = {HEAVY - {"numpy"}} & sys.modules.keys()
    sys.exit(", ".join(heavy) or error.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stderr


def test_profile_names_are_those_of_the_profiles():
    assert tuple(PROFILES) == PROFILE_NAMES


# --- Data ---


def test_inspect_data_prints_counts_and_hash(synthetic_csv, dataset, capsys):
    assert main(["inspect-data", str(synthetic_csv)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["emotion", "Training", "PublicTest", "PrivateTest"]
    assert ["all", "320", "70", "70"] in lines
    assert ["SHA-256", dataset.sha256] in lines


def test_broken_data_set_is_one_line(tmp_path, capsys):
    path = tmp_path / "fer2013.csv.gz"
    path.write_bytes(gzip.compress(b"emotion,pixels,Usage\n0,1 2 3,Training\n"))
    assert "row 2: 3 pixels, expected 2304" in error_line(["inspect-data", str(path)], capsys)


def test_training_without_fer2013_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(Profile, "dataset", lambda self: None)
    assert "data/README.md" in error_line(["train", "custom_cnn"], capsys)


# --- Records ---


@pytest.fixture
def with_tiny(monkeypatch, dataset, tiny):
    """The small experiment as the whole table, and its synthetic data as FER2013."""
    from fer_lib.cli import records
    from fer_lib.evaluation import verify

    records._dataset.cache_clear()
    verify_run = partial(verify.verify_run, experiments={"tiny": tiny})
    monkeypatch.setattr(verify, "verify_run", verify_run)
    monkeypatch.setattr(Profile, "dataset", lambda self: dataset)
    yield
    records._dataset.cache_clear()


def test_record_list_and_verify(with_tiny, run, results, capsys):
    at = ["--results", str(results)]
    assert "no run is recorded" in error_line(["verify", *at], capsys)
    assert main(["record", str(run.folder), *at]) == 0
    assert main(["list", *at]) == 0
    listed = capsys.readouterr().out
    assert "tiny: 1 recorded\n  seed 0" in listed and "custom_cnn: not recorded" in listed
    for arguments in (["verify", *at], ["verify", str(results / "tiny" / "seed-0"), *at]):
        assert main(arguments) == 0
        printed = capsys.readouterr().out
        assert "tiny/seed-0: verified\n" in printed
        assert "recomputed from the weights:\n  public_test: accuracy" in printed


def test_verify_compares_checksums_of_recorded_runs_only(with_tiny, run, results, capsys):
    assert main(["verify", str(run.folder), "--results", str(results)]) == 0
    assert "note: there is no SHA256SUMS" in capsys.readouterr().out
    assert main(["verify", str(run.folder), "--results", str(run.folder.parent.parent)]) == 1
    assert "problem: there is no SHA256SUMS" in capsys.readouterr().out


def test_failed_verification_is_exit_code_1(with_tiny, run, tmp_path, capsys):
    folder = shutil.copytree(run.folder, tmp_path / "tiny" / "seed-0")
    text = (folder / "metrics.json").read_text()
    (folder / "metrics.json").write_text(text.replace('"n": 70', '"n": 71', 1))
    assert main(["verify", str(folder), str(run.folder)]) == 1
    printed = capsys.readouterr().out
    assert "tiny/seed-0: FAILED\n  problem: metrics.json differs" in printed
    assert "tiny/seed-0: verified" in printed  # the other one is verified all the same


def test_damaged_configuration_does_not_keep_others_from_being_verified(
    with_tiny, run, tmp_path, capsys
):
    for seed in (0, 1):
        shutil.copytree(run.folder, tmp_path / "results" / "tiny" / f"seed-{seed}")
    (tmp_path / "results" / "tiny" / "seed-0" / "config.json").write_text("{")
    folders = sorted(map(str, (tmp_path / "results" / "tiny").iterdir()))
    for chosen in ([], folders):
        results = str(tmp_path / ("no results" if chosen else "results"))
        assert main(["verify", *chosen, "--results", results]) == 1
        printed = capsys.readouterr().out
        assert "tiny/seed-0: FAILED\n" in printed and "tiny/seed-1: " in printed
    assert "problem: ValueError" in printed and "config.json: not a complete JSON" in printed
    assert "tiny/seed-1: verified\n" in printed


def test_unfinished_run_and_pretraining_cannot_be_verified(run, tmp_path, capsys):
    assert "not a finished run" in error_line(["verify", str(tmp_path)], capsys)
    folder = shutil.copytree(run.folder, tmp_path / "seed-0")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"classes": ["a", "b"]}))
    assert "a pretraining" in error_line(["verify", str(folder)], capsys)


@pytest.mark.parametrize("verb", ["analyze", "robustness", "tta"])
def test_another_copy_of_the_data_set_writes_no_record(verb, monkeypatch, capsys, dataset):
    drawn = replace(dataset, public_test_drawn=True)
    monkeypatch.setattr(analyses, "load_dataset", lambda: drawn)
    monkeypatch.setattr(analyses, "find_run", lambda *_: pytest.fail("nothing may be computed"))
    assert "PublicTest of this copy was drawn from Training" in error_line([verb], capsys)


# --- Deployment ---


def test_export_prints_the_comparison_with_keras(run, dataset, tmp_path, monkeypatch, capsys):
    from fer_lib.cli import deployment

    monkeypatch.setattr(Profile, "dataset", lambda self: dataset)
    path = tmp_path / "a.onnx"
    monkeypatch.setattr(deployment, "export_path", lambda run, int8: path)
    assert main(["export", str(run.folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    accuracy = f"{run.metrics['public_test']['accuracy']:.2%}"
    assert lines[0] == "compared with Keras on 70 images: PublicTest"
    assert lines[2] == f"accuracy: {accuracy}, in Keras {accuracy}"
    assert lines[3].startswith(str(path)) and path.is_file()
