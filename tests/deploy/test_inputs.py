import os

from fer_lib.deploy.inputs import find_inputs


def found(tmp_path, *names):
    paths, other_files = find_inputs([str(tmp_path / name) for name in names])
    return [path.relative_to(tmp_path).as_posix() for path in paths], other_files


def create(tmp_path, *names):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)


def test_files_folders_and_patterns(tmp_path):
    create(
        tmp_path, "a/one.jpg", "a/b/two.PNG", "a/notes.txt", "a/README", "three.jpg", "a/film.MP4"
    )
    (tmp_path / "empty").mkdir()
    names, other_files = found(tmp_path, "a", "*.jpg", "three.jpg", "no*.jpg", "empty")
    assert names == ["a/b/two.PNG", "a/film.MP4", "a/one.jpg", "three.jpg", "no*.jpg", "empty"]
    assert other_files == {".txt": 1, "no suffix": 1}


def test_endings_that_count_in_folders(tmp_path):
    create(tmp_path, "a.mpo", "a.jfif", "a.heic", "a.h5", "a.hdf", "a.grib", "a.eps", "a.mpg")
    names, other_files = found(tmp_path, "")
    assert names == ["a.heic", "a.jfif", "a.mpg", "a.mpo"]
    assert set(other_files) == {".h5", ".hdf", ".grib", ".eps"}


def test_hidden_files_are_passed_over(tmp_path):
    create(tmp_path, "._a.jpg", ".cache/b.jpg", "__MACOSX/c.jpg", "d.jpg")
    assert found(tmp_path, "") == (["d.jpg"], {})


def test_links_in_a_loop_list_each_file_once(tmp_path):
    create(tmp_path, "a/one.jpg")
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "again.jpg").symlink_to(tmp_path / "a" / "one.jpg")
    assert len(found(tmp_path, "a", "**/*.jpg")[0]) == 1


def test_folder_that_cannot_be_read_is_listed(tmp_path, monkeypatch):
    create(tmp_path, "a/one.jpg", "a/closed/two.jpg")

    def walk(folder, onerror):
        onerror(PermissionError(13, "denied", os.fspath(tmp_path / "a" / "closed")))
        return [(os.fspath(tmp_path / "a"), [], ["one.jpg"])]

    monkeypatch.setattr(os, "walk", walk)
    assert found(tmp_path, "a")[0] == ["a/one.jpg", "a/closed"]


def test_pattern_characters_in_an_existing_name(tmp_path):
    create(tmp_path, "a[1].jpg", "a1.jpg")
    assert found(tmp_path, "a[1].jpg")[0] == ["a[1].jpg"]


def test_names_that_no_file_can_have_are_listed_and_fail_later(tmp_path):
    create(tmp_path, "a.jpg")
    names = ["a\0b.jpg", "x" * 300, "a.jpg"]
    assert found(tmp_path, *names)[0] == names
