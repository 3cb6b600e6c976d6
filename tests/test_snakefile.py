"""The Snakefile: what it would train, where, in which order, and after a failure."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fer_lib.experiments import REPLICATED_MODELS

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("snakemake") is None,
    reason="Snakemake is an optional extra: pip install -e '.[fanout]'",
)


def snakemake(folder, *arguments, path=""):
    """Run Snakemake in a folder; `path` is searched for commands first."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile"]
    environment = {
        **os.environ,
        "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [*command, "--directory", folder, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=folder,
    )
    return done.returncode, done.stdout + done.stderr


def planned(output):
    """The (experiment, seed) pairs that a dry run with shell commands lists."""
    return set(re.findall(r"python -m fer_lib train (\w+) --seed (\d)", output))


def documented_command(start):
    """The arguments of the book's command that starts so."""
    text = (ROOT / "book" / "rerun.md").read_text(encoding="utf-8").replace("\\\n", "")
    return re.search(rf"^snakemake ({start} .*)$", text, re.MULTILINE)[1].split()


def test_a_dry_run_lists_every_replicated_model_and_seed(tmp_path):
    code, output = snakemake(tmp_path, "--cores", "2", "--dry-run", "--printshellcmds")
    assert code == 0
    assert planned(output) == {(name, seed) for name in REPLICATED_MODELS for seed in "012"}


def test_the_documented_command_for_some_experiments(tmp_path):
    arguments = documented_command("--cores")
    code, output = snakemake(tmp_path, *arguments, "--dry-run", "--printshellcmds")
    names = ("custom_cnn", "mobilenetv2_head_only")
    assert code == 0 and planned(output) == {(name, seed) for name in names for seed in "012"}


def test_the_documented_command_for_slurm(tmp_path):
    arguments = documented_command("--executor slurm")
    code, output = snakemake(tmp_path, *arguments, "--dry-run")
    assert code == 0
    assert re.search(rf"^train +{3 * len(REPLICATED_MODELS)}$", output, re.MULTILINE)


def test_a_finished_run_is_not_trained_again(tmp_path):
    marker = tmp_path / "runs/fan-out/custom_cnn-seed-1"
    marker.parent.mkdir(parents=True)
    marker.touch()
    code, output = snakemake(tmp_path, "--cores", "2", "--dry-run", "--printshellcmds")
    assert code == 0
    assert ("custom_cnn", "0") in planned(output) and ("custom_cnn", "1") not in planned(output)


def test_an_unknown_experiment_is_named(tmp_path):
    code, output = snakemake(tmp_path, "--cores", "2", "--dry-run", "--config", "experiments=vgg")
    assert code != 0 and "no experiment 'vgg'; there are custom_cnn" in output


@pytest.mark.parametrize("seeds", ["0;touch pwned", "$(touch pwned)", "-1"])
def test_seeds_are_whole_numbers(tmp_path, seeds):
    code, output = snakemake(tmp_path, "--cores", "1", "--dry-run", "--config", f"seeds='{seeds}'")
    assert code != 0 and "expected whole numbers" in output
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    "name", ["custom_cnn;touch pwned;-seed-0", "custom_cnn-seed-0;touch pwned"]
)
def test_a_requested_file_is_no_command(tmp_path, name):
    path = fake_python("true", tmp_path)
    code, output = snakemake(tmp_path, "--cores", "1", f"runs/fan-out/{name}", path=path)
    assert code != 0 and "MissingRuleException" in output
    assert not list(tmp_path.rglob("pwned"))


def fake_python(training, folder):
    """A folder with a `python` that runs a shell script in place of a training, with the name of
    the experiment in $4, and is this Python otherwise."""
    python = folder / "bin" / "python"
    python.parent.mkdir()
    other = f'case "$*" in "-m fer_lib train"*) ;; *) exec {sys.executable} "$@" ;; esac'
    python.write_text(f"#!/bin/sh\n{other}\n{training}\n")
    python.chmod(0o755)
    return python.parent


def test_one_failure_does_not_stop_the_others(tmp_path):
    path = fake_python(f'[ "$4" != {REPLICATED_MODELS[0]} ]', tmp_path)
    arguments = ("--cores", "2", "--keep-going", "--config", "seeds=0")
    code, output = snakemake(tmp_path, *arguments, path=path)
    finished = {path.name for path in (tmp_path / "runs/fan-out").iterdir()}
    assert code == 1 and finished == {f"{name}-seed-0" for name in REPLICATED_MODELS[1:]}, output


def test_a_student_waits_for_its_teacher(tmp_path):
    slow_teacher = f'[ "$4" = se_cnn_distilled ] || sleep 1; echo "$4" >> {tmp_path}/finished'
    path = fake_python(slow_teacher, tmp_path)
    config = ("--config", "seeds=0", "experiments=se_cnn_distilled,se_cnn")
    code, output = snakemake(tmp_path, "--cores", "2", *config, path=path)
    finished = (tmp_path / "finished").read_text().split()
    assert code == 0 and finished == ["se_cnn", "se_cnn_distilled"], output
