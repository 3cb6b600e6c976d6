"""The fan-out: what it would train, here and on a cluster, and that one failure does not stop the
rest."""

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
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        ROOT / "Snakefile",
        "--directory",
        folder,
        *arguments,
    ]
    environment = {
        **os.environ,
        "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    return done.returncode, done.stdout + done.stderr


def command_of_the_book(beginning):
    """The words of the one command that begins so, without its backslashes."""
    text = (ROOT / "book" / "rerun.md").read_text(encoding="utf-8").replace("\\\n", "")
    return re.search(rf"^snakemake ({beginning} .*)$", text, re.MULTILINE)[1].split()


def test_a_dry_run_lists_every_headline_and_seed(tmp_path):
    code, output = snakemake(tmp_path, "--cores", "2", "--dry-run", "--printshellcmds")
    trained = set(re.findall(r"python -m fer_lib train (\w+) --seed (\d)", output))
    assert code == 0 and trained == {(name, seed) for name in REPLICATED_MODELS for seed in "012"}


def test_the_books_command_for_some_of_them(tmp_path):
    code, output = snakemake(
        tmp_path, *command_of_the_book("--cores"), "--dry-run", "--printshellcmds"
    )
    trained = set(re.findall(r"python -m fer_lib train (\w+) --seed (\d)", output))
    assert code == 0 and trained == {
        (name, seed) for name in ("custom_cnn", "mobilenetv2_head_only") for seed in "012"
    }


def test_the_books_command_for_slurm_plans_the_same(tmp_path):
    code, output = snakemake(tmp_path, *command_of_the_book("--executor slurm"), "--dry-run")
    assert code == 0 and re.search(rf"^train +{3 * len(REPLICATED_MODELS)}$", output, re.MULTILINE)


def test_what_is_finished_is_not_trained_again(tmp_path):
    there = tmp_path / "runs/fan-out/custom_cnn-seed-1"
    there.parent.mkdir(parents=True)
    there.touch()
    code, output = snakemake(tmp_path, "--cores", "2", "--dry-run", "--printshellcmds")
    assert (
        code == 0
        and "train custom_cnn --seed 0" in output
        and "train custom_cnn --seed 1" not in output
    )


def test_an_unknown_experiment_is_named(tmp_path):
    code, output = snakemake(tmp_path, "--cores", "2", "--dry-run", "--config", "experiments=vgg")
    assert code != 0 and "no experiment vgg; there are custom_cnn" in output


def python_that(trains, folder):
    """A folder with a `python` that trains as a shell's commands say, the experiment's name in $4,
    and is this one in all else."""
    fake = folder / "bin" / "python"
    fake.parent.mkdir()
    fake.write_text(
        f'#!/bin/sh\ncase "$*" in "-m fer_lib train"*) ;; *) exec {sys.executable} "$@" ;; esac\n{trains}\n'
    )
    fake.chmod(0o755)
    return fake.parent


def test_one_failure_does_not_stop_the_rest(tmp_path):
    path = python_that(f'[ "$4" != {REPLICATED_MODELS[0]} ]', tmp_path)
    code, output = snakemake(
        tmp_path, "--cores", "2", "--keep-going", "--config", "seeds=0", path=path
    )
    finished = {path.name for path in (tmp_path / "runs/fan-out").iterdir()}
    assert code == 1 and finished == {f"{name}-seed-0" for name in REPLICATED_MODELS[1:]}, output


def test_a_student_waits_for_its_teacher(tmp_path):
    path = python_that(
        f'[ "$4" = se_cnn_distilled ] || sleep 1; echo "$4" >> {tmp_path}/ended', tmp_path
    )
    code, output = snakemake(
        tmp_path,
        "--cores",
        "2",
        "--config",
        "seeds=0",
        "experiments=se_cnn_distilled,se_cnn",
        path=path,
    )
    assert code == 0 and (tmp_path / "ended").read_text().split() == [
        "se_cnn",
        "se_cnn_distilled",
    ], output
