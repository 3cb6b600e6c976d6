from dataclasses import replace

import pandas as pd
import pytest

from fer_lib.analysis import architectures
from fer_lib.analysis.architectures import LAYERS_PATH, build_layers, load_layers, record_layers
from fer_lib.experiments import EXPERIMENTS, Experiment
from fer_lib.profiles import get_profile


@pytest.fixture
def record_only(monkeypatch):
    """Fails where a network is built instead of read."""
    monkeypatch.setattr(
        architectures, "build_layers", lambda experiment: pytest.fail(experiment.title)
    )


def test_the_record_is_what_keras_builds(tmp_path):
    record_layers(tmp_path / "layers.csv")
    assert (tmp_path / "layers.csv").read_bytes() == LAYERS_PATH.read_bytes()


@pytest.mark.parametrize("profile", ["full", "quick"])
def test_each_network_is_recorded(profile, record_only):
    for name in EXPERIMENTS:
        assert not load_layers(get_profile(profile).experiment(name)).empty


def test_a_configuration_read_from_json_finds_its_network(record_only):
    experiment = Experiment.from_dict(EXPERIMENTS["custom_cnn"].to_dict())
    table = load_layers(experiment)
    assert table["parameters"].sum() == 1_720_743
    assert table["layer"].tolist()[:2] == ["scale", "block1_1_convolution"]


def test_another_network_is_built(tiny):
    pd.testing.assert_frame_equal(load_layers(tiny), build_layers(tiny))
    frozen = EXPERIMENTS["mobilenetv2_head_only"]
    other = replace(frozen, model_options={**frozen.model_options, "head_units": 5})
    assert load_layers(other)["output"].tolist()[-3:] == ["5", "5", "7"]


def test_without_a_record_the_network_is_built(tiny, tmp_path):
    assert len(load_layers(tiny, tmp_path / "absent.csv")) == len(build_layers(tiny))
