import pytest

from fer_lib.io import atomic_write, read_json, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_name_keeps_the_suffixes(tmp_path):
    with atomic_write(tmp_path / "a.weights.h5") as aside:
        assert aside.name.endswith(".weights.h5")


def test_json_round_trip_and_no_nan(tmp_path):
    write_json(tmp_path / "a.json", {"é": [1, 2.5]})
    assert read_json(tmp_path / "a.json") == {"é": [1, 2.5]}
    with pytest.raises(ValueError):
        write_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()


def test_a_json_file_that_is_cut_off_is_named(tmp_path):
    (tmp_path / "a.json").write_text('{"seed": ')
    with pytest.raises(ValueError, match=r"a\.json: no whole JSON file \(Expecting value"):
        read_json(tmp_path / "a.json")
