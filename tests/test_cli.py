import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fer_lib.cli import analyses, main
from fer_lib.cli.parser import _SCRIPT, PROFILE_NAMES
from fer_lib.profiles import PROFILES, Profile

VERBS = (
    "predict",
    "export",
    "inspect-data",
    "download",
    "train",
    "pretrain",
    "record",
    "verify",
    "checksums",
    "list",
    "analyze",
    "robustness",
    "tta",
    "export-corruptions",
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


@pytest.mark.parametrize(
    ("process", "name"),
    [
        ("/usr/bin/fer-lib", "fer-lib"),
        ("fer-lib.exe", "fer-lib"),
        ("fer_lib/__main__.py", "python -m fer_lib"),
    ],
)
def test_messages_name_the_command_that_was_called(process, name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [process])
    assert error_line(["predict"], capsys).startswith(f"{name} predict: ")
    for arguments in ([], ["predict"], ["train"]):
        with pytest.raises(SystemExit):
            main([*arguments, "--help"])
        usage = " ".join(["usage:", name, *arguments, "[-h]"])
        assert capsys.readouterr().out.startswith(usage)
    with pytest.raises(SystemExit):
        main(["--help"])
    assert f"{name} predict photo.jpg" in " ".join(capsys.readouterr().out.split())


def test_script_of_the_package_is_the_command_line():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["scripts"] == {f"{_SCRIPT}": "fer_lib.cli:main"}


def test_typo_in_a_verb_suggests_the_nearest(capsys):
    assert error_line(["trian"], capsys).endswith("no verb 'trian'; did you mean train?")


def test_missing_verb_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "photo.jpg").touch()
    monkeypatch.chdir(tmp_path)
    assert error_line([], capsys).endswith(": no verb; --help lists them")
    assert error_line(["photo.jpg"], capsys).endswith("fer_lib predict photo.jpg")


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
        ["predict", "a.png", "--threshold", "1.1"],
        ["predict", "a.png", "--threshold", "half"],
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


def test_inspect_data_compares_the_splits(tmp_path, capsys, monkeypatch):
    """Two test images also occur in Training; one is among those of the recorded runs."""
    rows = [("0", 1, "Training"), ("0", 2, "Training"), ("0", 3, "PublicTest")]
    rows += [("0", level, "PrivateTest") for level in (1, 2, 4)]
    lines = [f"{label},{' '.join([str(level)] * 2304)},{split}" for label, level, split in rows]
    path = tmp_path / "fer2013.csv"
    path.write_text("emotion,pixels,Usage\n" + "\n".join(lines))
    digest = hashlib.sha256(bytes([4]) * 2304).digest()[:8]
    known = np.frombuffer(digest, "<u8")
    np.savez(tmp_path / "test_splits.npz", public_test_hashes=known, private_test_hashes=known)
    monkeypatch.setattr("fer_lib.cli.data.RESULTS", tmp_path)
    assert main(["inspect-data", str(path)]) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note")]
    assert notes == [
        "note: images of PrivateTest that also occur in Training: 2",
        "note: images of PublicTest that are not those of the recorded runs: 1",
        "note: images of PrivateTest that are not those of the recorded runs: 2",
    ]


@pytest.mark.parametrize("name, noted", [("fer2013.csv", True), ("archive.zip", False)])
def test_download_says_that_a_file_is_another(tmp_path, capsys, monkeypatch, name, noted):
    (tmp_path / name).write_bytes(b"not the challenge's")
    monkeypatch.setattr("fer_lib.cli.data.download_dataset", lambda: tmp_path / name)
    assert main(["download"]) == 0
    assert ("note: its MD5 is not" in capsys.readouterr().out) == noted


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
    assert main(["list", *at]) == 0
    note = f"note: {results}: no run is recorded; the recorded runs are part of the repository\n"
    assert capsys.readouterr().out.startswith(note)
    assert main(["record", str(run.folder), *at]) == 0
    assert main(["list", *at]) == 0
    listed = capsys.readouterr().out
    assert not listed.startswith("note")
    assert "tiny: 1 recorded\n  seed 0" in listed and "custom_cnn: not recorded" in listed
    for arguments in (["verify", *at], ["verify", str(results / "tiny" / "seed-0"), *at]):
        assert main(arguments) == 0
        printed = capsys.readouterr().out
        assert "tiny/seed-0: verified\n" in printed
        assert "recomputed from the weights:\n  public_test: accuracy" in printed


def test_list_shows_the_others_where_a_record_is_damaged(with_tiny, run, results, tmp_path, capsys):
    for seed, content in ((1, "{"), (2, None)):
        folder = shutil.copytree(run.folder, results / "tiny" / f"seed-{seed}")
        if content:
            (folder / "metrics.json").write_text(content)
    assert main(["list", "--results", str(results)]) == 1
    out = capsys.readouterr().out
    assert "seed 1, with weights\n  damaged: " in out and "metrics.json: not a complete" in out
    assert "seed 2, with weights\n  public_test: accuracy" in out


def test_verify_compares_checksums_of_recorded_runs_only(with_tiny, run, results, capsys):
    assert main(["verify", str(run.folder), "--results", str(results)]) == 0
    assert "note: there is no SHA256SUMS" in capsys.readouterr().out
    assert main(["verify", str(run.folder), "--results", str(run.folder.parent.parent)]) == 1
    assert "problem: there is no SHA256SUMS" in capsys.readouterr().out


def tampered(results, change):
    """Change two records of a folder, and leave a third as it is."""
    first, second = (results / "tiny" / f"seed-{seed}" for seed in (1, 2))
    changes = {
        "nothing": lambda: None,
        "metrics deleted": lambda: (first / "metrics.json").unlink(),
        "configuration null": lambda: (first / "config.json").write_text("null"),
        "run deleted": lambda: shutil.rmtree(first),
        "run renamed": lambda: first.rename(first.with_name("seed-9")),
        "run copied": lambda: shutil.copytree(first, first.with_name("seed-9")),
        "run linked": lambda: first.with_name("seed-9").symlink_to(first),
        "no name of a run": lambda: shutil.copytree(first, first.with_name("seed-1-old")),
        "runs swapped": lambda: (
            first.rename(first.with_name("x")),
            second.rename(first),
            first.with_name("x").rename(second),
        ),
        "analysis changed": lambda: (results / "analysis" / "dataset.json").write_text("{}"),
        "analysis deleted": lambda: (results / "analysis" / "dataset.json").unlink(),
        "ledger changed": lambda: (results / "private_test_ledger.csv").write_text("date\n"),
        "shared labels deleted": lambda: (results / "test_splits.npz").unlink(),
    }
    changes[change]()


@pytest.mark.parametrize(
    ("change", "printed"),
    [
        ("nothing", []),
        ("metrics deleted", ["tiny/seed-1: FAILED", "metrics.json is missing"]),
        ("configuration null", ["tiny/seed-1: FAILED", "config.json: its SHA-256 is"]),
        ("run deleted", ["results: FAILED", "tiny/seed-1/SHA256SUMS is missing"]),
        ("run renamed", ["the folder of tiny/seed-1 is tiny/seed-9", "SHA256SUMS has no checksum"]),
        ("run copied", ["the folder of tiny/seed-1 is tiny/seed-9", "SHA256SUMS has no checksum"]),
        ("run linked", ["results: FAILED", "tiny/seed-9 is a link, not a record"]),
        ("no name of a run", ["the folder of tiny/seed-1 is tiny/seed-1-old"]),
        (
            "runs swapped",
            ["the folder of tiny/seed-2 is tiny/seed-1", "of tiny/seed-1 is tiny/see"],
        ),
        ("analysis changed", ["analysis/dataset.json: FAILED", "dataset.json: its SHA-256 is"]),
        ("analysis deleted", ["results: FAILED", "analysis/dataset.json is missing"]),
        ("ledger changed", ["results: FAILED", "private_test_ledger.csv: its SHA-256 is"]),
        ("shared labels deleted", ["tiny/seed-1: FAILED", "test_splits.npz is missing"]),
    ],
)
def test_verify_covers_all_that_is_recorded(
    with_tiny, run, results, tmp_path, capsys, change, printed
):
    for seed in (1, 2, 3):  # of which records keep no weights
        copy = shutil.copytree(run.folder, tmp_path / "runs" / "tiny" / f"seed-{seed}")
        (copy / "model.weights.h5").unlink()
        config = json.loads((copy / "config.json").read_text()) | {"seed": seed}
        (copy / "config.json").write_text(json.dumps(config))
        assert main(["record", str(copy), "--results", str(results)]) == 0
    tampered(results, change)
    capsys.readouterr()
    assert main(["verify", "--results", str(results)]) == bool(printed)
    out = capsys.readouterr().out
    assert all(text in out for text in printed)
    assert ("tiny/seed-3: verified" in out) == (change != "shared labels deleted")
    main(["checksums", "--results", str(results)])
    capsys.readouterr()
    main(["verify", "--results", str(results)])
    assert f"{results.name}: verified" in capsys.readouterr().out or change == "run linked"


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
    monkeypatch.setattr(analyses, "Inputs", lambda _: pytest.fail("nothing may be computed"))
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
