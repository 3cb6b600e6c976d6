import pytest
from PIL import Image

from fer_lib.deploy.annotate import Saver
from fer_lib.deploy.faces import Prediction
from fer_lib.deploy.images import photo_from_array
from fer_lib.deploy.inputs import find_inputs


def found(tmp_path, *names):
    inputs = find_inputs([str(tmp_path / name) for name in names])
    return [path.relative_to(tmp_path).as_posix() for path in inputs.paths], inputs.other_files


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


def test_folder_that_cannot_be_read_is_listed(tmp_path, close_folder):
    create(tmp_path, "a/one.jpg", "a/closed/two.jpg")
    close_folder("closed")
    assert found(tmp_path, "a")[0] == ["a/one.jpg", "a/closed"]


def test_pattern_characters_in_an_existing_name(tmp_path):
    create(tmp_path, "a[1].jpg", "a1.jpg")
    assert found(tmp_path, "a[1].jpg")[0] == ["a[1].jpg"]


def test_names_that_no_file_can_have_are_listed_and_fail_later(tmp_path):
    create(tmp_path, "a.jpg")
    names = ["a\0b.jpg", "x" * 300, f"{'x' * 300}-faces.jpg", "a\0b-faces.jpg", "a.jpg"]
    assert found(tmp_path, *names)[0] == names


@pytest.fixture
def saved(tmp_path, gray_photo):
    """A folder with a photo, what was saved of it, and files of such names by other programs."""
    Image.fromarray(gray_photo.pixels).save(tmp_path / "a.png")
    Image.fromarray(gray_photo.pixels).save(tmp_path / "b-faces.jpg")
    create(tmp_path, "c-faces.mp4")
    saver = Saver(tmp_path)
    list(saver.photos([Prediction("a.png", gray_photo), Prediction("a.jpg", gray_photo)]))
    list(saver.video([Prediction("film.mp4", gray_photo, frame=0, seconds=0.0)]))
    return tmp_path


@pytest.fixture
def gray_photo():
    return photo_from_array([[128] * 64] * 64)


@pytest.mark.parametrize("source", ["", "*", "a-faces.jpg"])
def test_saved_files_are_passed_over_wherever_they_are_named(saved, source):
    assert {"a-faces.jpg", "a-faces-2.jpg", "film-faces.mp4"} < {p.name for p in saved.iterdir()}
    inputs = find_inputs([str(saved / source)])
    if source == "a-faces.jpg":
        assert (inputs.paths, inputs.saved) == ([], 1)
    else:
        assert [path.name for path in inputs.paths] == ["a.png", "b-faces.jpg", "c-faces.mp4"]
        assert inputs.saved == 3
