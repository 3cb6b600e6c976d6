"""Commands that were not asked to download anything open no connection to another machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

ROOT = Path(__file__).resolve().parent.parent
# Python imports this at its start, and so does every Python that it starts. Code that survives the
# error, as it would a missing network, is in the list of attempts nevertheless.
BLOCK = """
import os, sys

LOCAL = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "", None, b"localhost")

def refuse(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if host not in LOCAL:
        with open(os.environ["ATTEMPTS"], "a") as file:
            print(event, host, *sys.argv, file=file)
        raise OSError(f"no network in this test: {event} {host}")

sys.addaudithook(refuse)
"""


@pytest.fixture
def offline(tmp_path):
    """Run Python without a network, without npm and without files of an earlier download."""
    (tmp_path / "block").mkdir()
    (tmp_path / "block" / "sitecustomize.py").write_text(BLOCK)
    attempts = tmp_path / "attempts"
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tmp_path / 'block'}{os.pathsep}{ROOT}",
        "ATTEMPTS": str(attempts),
        "PATH": str(Path(sys.executable).parent),  # no npm
        "HOME": str(tmp_path / "home"),
        "KERAS_HOME": str(tmp_path / "keras"),
    }
    environment.pop("FER2013", None)

    def run(*arguments, cwd=ROOT):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert not attempts.exists(), attempts.read_text()
        return done

    return run


@pytest.fixture
def clone(tmp_path):
    """What the book is made of, without the folders in which downloads are kept."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("book", "fer_lib", "notebooks", "results"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("pyproject.toml", "CITATION.cff", "_config.yml"):
        shutil.copy(ROOT / name, folder)
    return folder


def test_the_network_is_blocked(offline, tmp_path):
    with pytest.raises(AssertionError, match=r"getaddrinfo example\.org"):
        offline("-c", "import urllib.request as u; u.urlopen('http://example.org')")
    (tmp_path / "attempts").unlink()
    with pytest.raises(AssertionError, match=r"socket\.connect 192\.0\.2\.1"):
        offline("-c", "import socket; socket.socket().connect(('192.0.2.1', 80))")


def test_predict_downloads_nothing(offline, run, tmp_path):
    from fer_lib.deploy.onnx_export import export_onnx

    export_onnx(run, tmp_path / "tiny.onnx")
    Image.fromarray(data.astronaut()).save(tmp_path / "photo.png")
    done = offline(
        "-m", "fer_lib", "predict", "--model", tmp_path / "tiny.onnx", tmp_path / "photo.png"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["hog_logistic_regression", "mobilenetv2_head_only"])
def test_verify_downloads_nothing(offline, name):
    done = offline("-m", "fer_lib", "verify", ROOT / "results" / name / "seed-0")
    assert done.returncode == 0 and "verified" in done.stdout, done.stderr


def test_loading_a_recorded_model_downloads_no_initial_weights(offline):
    """Training starts MobileNetV2 from weights of ImageNet, which Keras would fetch."""
    done = offline(
        "-c", "import fer_lib; print(fer_lib.load_model('mobilenetv2_head_only').count_params())"
    )
    assert done.returncode == 0 and int(done.stdout) > 2e6, done.stderr


def test_the_book_downloads_nothing_where_npm_is_missing(offline, clone):
    full = clone / "build" / "full"
    done = offline("book/prepare.py", full, cwd=clone)
    assert done.returncode == 0 and "npm is not on this machine" in done.stderr, done.stderr
    name = "appendix_claim_rules.ipynb"
    done = offline("book/execute.py", f"notebooks/{name}", full / name, "full", cwd=clone)
    assert done.returncode == 0, done.stderr
