"""The copies of the notebooks that `make lab` opens."""

import pytest


@pytest.fixture
def lab(book_script, tmp_path):
    copy = book_script("lab").copy_notebooks
    source, target = tmp_path / "notebooks", tmp_path / "lab"
    source.mkdir()
    (source / "a.ipynb").write_text("first")

    def run(text=None, changed=None):
        if text:
            (source / "a.ipynb").write_text(text)
        if changed:
            (target / "a.ipynb").write_text(changed)
        return [path.name for path in copy(source, target)]

    run.folder = target
    return run


def read(lab, name="a.ipynb"):
    return (lab.folder / name).read_text()


def test_an_untouched_copy_follows_the_notebook(lab):
    assert lab() == [] and read(lab) == "first"
    assert lab(text="second") == [] and read(lab) == "second"


def test_a_changed_copy_stays(lab):
    lab()
    assert lab(changed="mine") == [] and read(lab) == "mine"
    assert lab(text="second") == ["a.new.ipynb"]
    assert read(lab) == "mine" and read(lab, "a.new.ipynb") == "second"
    assert lab() == [] and read(lab) == "mine"  # told once
