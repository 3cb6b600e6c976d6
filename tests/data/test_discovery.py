"""Where FER2013 is looked for, what comes first, and what is said of the rest."""

import gzip
import io
import tarfile

import pytest

from fer_lib.data.dataset import load_dataset
from fer_lib.data.discovery import FILE_NAMES, find_dataset, locate
from fer_lib.data.readers import DataError

PIXELS = " ".join(["7"] * 2304)
SPLITS = ("Training", "PublicTest", "PrivateTest")
CSV = ("emotion,pixels,Usage\n" + "".join(f"0,{PIXELS},{split}\n" for split in SPLITS)).encode()


def tar_gz(*names):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(CSV)
            archive.addfile(member, io.BytesIO(CSV))
    return stream.getvalue()


def place(folder, *names):
    """Make files of these names, and folders of those that end with a slash."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.write_bytes(CSV)
    return folder


@pytest.mark.parametrize(
    "names, chosen, unused",
    [
        (["fer2013.csv"], "fer2013.csv", ""),
        (["fer2013/fer2013.csv"], "fer2013/fer2013.csv", ""),
        (["a/b/fer2013.csv"], None, ""),
        (["fer2013.tar.gz"], "fer2013.tar.gz", ""),
        (["any.zip"], "any.zip", ""),
        (["fer/any.ZIP"], "fer/any.ZIP", ""),
        (["train/", "validation/"], ".", ""),
        (["images/train/", "images/test/"], "images", ""),
        (["test/"], None, ""),
        (["README.md", ".hidden/fer2013.csv", "__MACOSX/fer2013.csv"], None, ""),
        (["fer2013.csv.gz", "fer2013.csv"], "fer2013.csv", "'fer2013.csv.gz'"),
        (["icml_face_data.csv", "fer2013.tar.gz"], "icml_face_data.csv", "'fer2013.tar.gz'"),
        (["train/", "test/", "archive.zip"], ".", "'archive.zip'"),
        (["archive.zip", "x/fer2013.csv"], "archive.zip", "'x/fer2013.csv'"),
        (["fer2013.csv", "a.zip", "b.zip"], "fer2013.csv", "'a.zip', 'b.zip'"),
    ],
)
def test_one_data_set_comes_first_and_the_rest_is_named(tmp_path, names, chosen, unused):
    location = locate(place(tmp_path, *names))
    if chosen is None:
        assert location is None
        return
    assert location.path == tmp_path / chosen
    name = "folders of images" if chosen == "." else f"'{chosen}'"
    assert location.notes == ((f"{tmp_path}: read {name}, and not {unused}",) if unused else ())


@pytest.mark.parametrize(
    "names", [["a.zip", "b.zip"], ["a/train/", "b/train/"], ["x/fer2013.csv", "y/fer2013.csv"]]
)
def test_two_data_sets_of_a_kind_are_refused(tmp_path, names):
    with pytest.raises(DataError, match=r"several data sets, '.*', '.*'; expected one$"):
        locate(place(tmp_path, *names))


@pytest.mark.parametrize("name", FILE_NAMES)
@pytest.mark.parametrize("below", ["", "fer2013/"])
@pytest.mark.parametrize("member", ["fer2013.csv", "fer2013/fer2013.csv"])
def test_each_name_is_found_and_read(tmp_path, monkeypatch, name, below, member):
    path = tmp_path / "data" / below / name
    path.parent.mkdir(parents=True)
    content = CSV if name.endswith(".csv") else gzip.compress(CSV)
    path.write_bytes(tar_gz("fer2013/README", member) if ".tar" in name else content)
    monkeypatch.delenv("FER2013", raising=False)
    assert find_dataset(tmp_path) == path
    for argument in (path, tmp_path / "data"):  # a file, or a folder that holds it
        assert [len(split) for split in load_dataset(argument).splits.values()] == [1, 1, 1]


def test_a_tar_without_a_csv_says_what_it_holds(tmp_path):
    path = tmp_path / "fer2013.tar.gz"
    path.write_bytes(tar_gz("train.csv", "fer2013/README"))
    with pytest.raises(DataError, match=r"fer2013\.tar\.gz: expected one .*; found 'train\.csv'"):
        load_dataset(path)


def test_the_message_says_what_was_found(tmp_path, monkeypatch):
    place(tmp_path / "data", "README.md", "fer.csv", "a\nb")
    monkeypatch.setattr("fer_lib.data.dataset.ROOT", tmp_path)
    monkeypatch.setattr("fer_lib.data.dataset.search", lambda: None)
    with pytest.raises(DataError) as error:
        load_dataset()
    assert str(error.value).endswith(r"data holds 'README.md, a\nb, fer.csv'")
    monkeypatch.undo()
    monkeypatch.setenv("FER2013", str(tmp_path / "data"))
    with pytest.raises(DataError, match=r"found 'README\.md, a\\nb, fer\.csv'$"):
        find_dataset()
    with pytest.raises(DataError, match=r"expected a regular file, .*; found 'README\.md"):
        load_dataset(tmp_path / "data")


def test_a_closed_subfolder_does_not_hide_the_data_set(tmp_path, close_folder):
    place(tmp_path, "fer2013.csv", "lost+found/")
    close_folder("lost+found")
    assert locate(tmp_path).path == tmp_path / "fer2013.csv"
