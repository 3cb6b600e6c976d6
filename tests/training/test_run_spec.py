import pytest

from fer_lib.io import TMP_PREFIX, read_json, write_json
from fer_lib.runs.run import Run, RunError
from fer_lib.training.run_spec import RunSpec, check_or_write_config, run_lock


@pytest.fixture
def stored(tmp_path, tiny):
    """A folder in which `tiny` began."""
    check_or_write_config(Run(tmp_path), RunSpec("tiny", tiny).to_dict())
    return Run(tmp_path)


def test_a_locked_run_is_refused_until_it_is_released(tmp_path):
    run = Run(tmp_path)
    message = "another process is training this run"
    with run_lock(run), pytest.raises(RunError, match=message), run_lock(run):
        pass
    (tmp_path / f"{TMP_PREFIX}half.npz").write_bytes(b"half")
    with run_lock(run):
        assert not list(tmp_path.glob(f"{TMP_PREFIX}*"))


def test_keys_are_added_and_kept(stored, tiny):
    spec = RunSpec("tiny", tiny).to_dict()
    check_or_write_config(stored, {**spec, "initial_weights_sha256": "1" * 64})
    check_or_write_config(stored, spec)
    assert read_json(stored.folder / "config.json")["initial_weights_sha256"] == "1" * 64


@pytest.mark.parametrize("key", ["seed", "profile", "data_sha256", "initial_weights_sha256"])
def test_a_changed_value_is_refused_and_nothing_is_written(stored, key):
    path = stored.folder / "config.json"
    write_json(path, {**read_json(path), key: "before"})
    content = path.read_bytes()
    with pytest.raises(RunError, match=f"began with {key} before, now it is after"):
        check_or_write_config(stored, {"new": 1, key: "after"})
    assert path.read_bytes() == content


def test_a_changed_experiment_is_refused_with_the_settings_that_differ(stored, tiny):
    config = RunSpec("tiny", tiny).to_dict()
    config["configuration"] = {**config["configuration"], "learning_rate": 0.1}
    with pytest.raises(RunError) as error:
        check_or_write_config(stored, config)
    assert "{'learning_rate': 0.001}, now it is {'learning_rate': 0.1}" in str(error.value)
    assert "under a new name" in str(error.value)


def test_settings_that_were_introduced_later_have_their_defaults(stored, tiny):
    path = stored.folder / "config.json"
    config = read_json(path)
    for setting in ("label_smoothing", "optimizer", "tta", "ferplus_weight"):
        del config["configuration"][setting]
    write_json(path, config)
    check_or_write_config(stored, RunSpec("tiny", tiny).to_dict())
