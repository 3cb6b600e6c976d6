import gzip
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from fer_lib import profiles
from fer_lib.cli import main
from fer_lib.evaluation import verify as verification
from fer_lib.profiles import Profile
from fer_lib.runs.run import Run


def test_data_prints_counts_and_the_hash(synthetic_csv, dataset, capsys):
    assert main(["data", str(synthetic_csv)]) == 0
    out = capsys.readouterr().out
    assert dataset.sha256 in out
    assert [line.split() for line in out.splitlines() if line.split()[0] == "all"] == [
        ["all", "320", "70", "70"]
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["data", "nowhere.csv"],
        ["train", "vgg", "--profile", "quick"],
        ["pretrain", "nowhere"],
        ["record", "nowhere"],
        ["evaluate", "nowhere"],
        ["export", "nowhere"],
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(arguments, capsys):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert len(err.strip().splitlines()) == 1 and arguments[1] in err and "Traceback" not in err


def test_a_broken_csv_too(tmp_path, capsys):
    path = tmp_path / "fer2013.csv.gz"
    path.write_bytes(gzip.compress(b"emotion,pixels,Usage\n0,1 2 3,Training\n"))
    assert main(["data", str(path)]) == 2
    assert "row 2: 3 pixels, expected 2304" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["-1", "1.5", "x"])
def test_a_seed_is_a_whole_number(seed, capsys):
    with pytest.raises(SystemExit) as error:
        main(["train", "custom_cnn", f"--seed={seed}"])
    assert error.value.code == 2 and "no whole number from 0" in capsys.readouterr().err


def test_without_fer2013_training_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(profiles.data, "find", lambda: None)
    assert main(["train", "custom_cnn"]) == 2
    assert "data/README.md" in capsys.readouterr().err


def test_record_list_evaluate_verify(run, results, monkeypatch, capsys, dataset, tiny):
    monkeypatch.setattr(profiles, "RESULTS", results)
    monkeypatch.setattr(verification, "EXPERIMENTS", {"tiny": tiny})
    monkeypatch.setattr(Profile, "dataset", lambda self: dataset)
    assert main(["verify"]) == 2  # nothing is recorded
    assert main(["record", str(run.folder)]) == 0
    assert main(["list"]) == 0
    assert "tiny: 1 recorded" in capsys.readouterr().out
    for verb in (["verify"], ["evaluate", str(results / "tiny" / "seed-0")]):
        assert main(verb) == 0
        out = capsys.readouterr().out
        assert (
            "tiny seed 0: holds" in out
            and "recomputed from the weights:\n  public_test: accuracy" in out
        )


@pytest.mark.parametrize("verb", ["analyse", "robustness", "shifts"])
def test_another_copy_of_the_data_writes_no_record(verb, results, monkeypatch, capsys, dataset):
    monkeypatch.setattr(profiles, "RESULTS", results)
    monkeypatch.setattr(Profile, "dataset", lambda self: replace(dataset, public_test_drawn=True))
    there = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    assert main([verb]) == 2
    assert "PublicTest was drawn from Training" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in results.rglob("*") if path.is_file()} == there


def test_a_record_that_does_not_hold_is_exit_code_1(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(profiles.data, "find", lambda: None)
    copy = Run(shutil.copytree(run.folder, tmp_path / "seed-0"))
    text = (copy.folder / "metrics.json").read_text()
    (copy.folder / "metrics.json").write_text(text.replace('"n": 70', '"n": 71', 1))
    assert main(["evaluate", str(copy.folder)]) == 1
    assert "DOES NOT HOLD" in capsys.readouterr().out


def test_help_needs_no_keras():
    """Listing verbs must not take the seconds that importing Keras takes."""
    code = "import sys, fer_lib.__main__ as m; m._parser(); sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
