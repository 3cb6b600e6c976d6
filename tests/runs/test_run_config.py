"""What a run's configuration says becomes part of paths, so it is checked where it is read."""

import json
import re

import pytest

from fer_lib.runs.run import Run, RunError

SOUND = {"experiment": "se_cnn", "seed": 0, "profile": "full", "configuration": {}}


def read(folder, content):
    (folder / "config.json").write_text(json.dumps(content))
    return Run(folder).config


def test_a_sound_configuration(tmp_path):
    assert read(tmp_path, SOUND) == SOUND


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"experiment": "../../etc"}, "experiment is '../../etc', expected a plain name"),
        ({"experiment": "/elsewhere/a"}, "experiment is '/elsewhere/a'"),
        ({"experiment": ""}, "experiment is ''"),
        ({"experiment": ["a"]}, r"experiment is \['a'\]"),
        ({"experiment": "a\nb"}, r"experiment is 'a\\nb'"),
        ({"profile": "../full"}, "profile is '../full'"),
        ({"experiment": "x" * 5000 + "/"}, "experiment is 'x{79}, expected"),
        ({"seed": "0/../../1"}, "seed is '0/../../1', expected an integer from 0"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": True}, "seed is True"),
        ({"seed": 1.0}, "seed is 1.0"),
        ({"configuration": None}, "configuration holds null, expected the settings"),
    ],
)
def test_an_unsuitable_entry_is_named(tmp_path, changes, message):
    pattern = re.escape(str(tmp_path / "config.json")) + ": " + message
    with pytest.raises(RunError, match=pattern):
        read(tmp_path, SOUND | changes)


@pytest.mark.parametrize(
    ("content", "kind"), [([], "a list"), (None, "null"), ("a", "a text"), (1, "a number")]
)
def test_a_file_that_is_no_configuration_is_named(tmp_path, content, kind):
    with pytest.raises(RunError, match=f"config.json: holds {kind}, expected the configuration"):
        read(tmp_path, content)
