import pytest

from fer_lib.experiments import EXPERIMENTS
from fer_lib.profiles import PROFILES, get_profile


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_quick_profile_needs_no_download_and_no_special_processor(name):
    quick = PROFILES["quick"].experiment(name)
    assert quick.model_options.get("weights") is None
    assert quick.dtype_policy == "float32" and quick.epochs < 10
    assert PROFILES["full"].experiment(name) is EXPERIMENTS[name]


def test_only_the_quick_profile_trains_in_notebooks():
    assert not PROFILES["full"].trains_in_notebooks and PROFILES["quick"].trains_in_notebooks


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="no experiment 'vgg'; there are custom_cnn"):
        get_profile("full").experiment("vgg")
    with pytest.raises(ValueError, match="no profile 'fulll'; there are full, quick"):
        get_profile("fulll")


@pytest.mark.parametrize(
    ("name", "cells", "notices"),
    [
        ("quick", ['profile = "quick"', "get_profile(profile)"], 1),
        ("quick", ['profile = "full"', '# Parameters\nprofile = "quick"'], 0),  # by papermill
        ("full", ['profile = "full"'], 0),
        ("quick", [], 0),  # not in a notebook
    ],
)
def test_a_reader_of_a_notebook_is_told_of_the_quick_profile(name, cells, notices, monkeypatch):
    displayed = []
    monkeypatch.setattr("fer_lib.profiles._notebook_cells", lambda: cells)
    monkeypatch.setattr("IPython.display.display", displayed.append)
    get_profile(name)
    assert len(displayed) == notices
    assert all("synthetic faces" in notice.data for notice in displayed)
