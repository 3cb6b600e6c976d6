import errno
import gzip
import hashlib
import io
import os
import socket
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_lib.io import (
    LimitedReader,
    TooLargeError,
    atomic_write,
    list_files,
    read_arrays,
    read_json,
    remove_unfinished,
    require_regular_file,
    sha256_of,
    write_json,
)


def test_failed_write_leaves_only_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as tmp:
        tmp.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_name_keeps_the_suffixes(tmp_path):
    with atomic_write(tmp_path / "a.weights.h5") as tmp:
        assert tmp.name.endswith(".weights.h5")


def test_json_round_trip_refuses_nan(tmp_path):
    write_json(tmp_path / "a.json", {"é": [1, 2.5]})
    assert read_json(tmp_path / "a.json") == {"é": [1, 2.5]}
    with pytest.raises(ValueError):
        write_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()


def test_truncated_json_is_named(tmp_path):
    (tmp_path / "a.json").write_text('{"seed": ')
    with pytest.raises(ValueError, match=r"a\.json: not a complete JSON file \(Expecting value"):
        read_json(tmp_path / "a.json")


def test_truncated_npz_is_named(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(1000))
    assert read_arrays(path)["x"][-1] == 999
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"a\.npz: not a complete \.npz file"):
        read_arrays(path)


def test_error_of_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError, match=r"big\.bin"), atomic_write(tmp_path / "big.bin"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_sha256_agrees_with_hashlib(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_json_that_nests_without_end_is_named(tmp_path):
    (tmp_path / "a.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match=r"a\.json: not a complete JSON file"):
        read_json(tmp_path / "a.json")


def npz_with_header(path, header):
    """An .npz file with one array, whose header claims a shape and a dtype."""
    with zipfile.ZipFile(path, "w") as archive:
        size = len(header).to_bytes(2, "little")
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + size + header.encode())
    return path


@pytest.mark.parametrize(
    "write",
    [
        lambda path: np.save(path.open("wb"), np.arange(3)),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x05\x06" + bytes(10)),
        lambda path: np.savez(path, x=np.array([{}])),  # a pickle is not loaded
        lambda path: npz_with_header(path, "{'descr': '|u1', 'fortran_order': False, 'shape': (1"),
        lambda path: npz_with_header(
            path, f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**15},)}}\n"
        ),
    ],
    ids=("an array alone", "empty", "cut", "a pickle", "a cut header", "a petabyte"),
)
def test_what_is_no_npz_of_numbers_is_one_error(tmp_path, write):
    path = tmp_path / "a.npz"
    write(path)
    with pytest.raises(ValueError, match=r"a\.npz: not a complete \.npz file"):
        read_arrays(path)


def test_npz_that_unpacks_to_more_than_the_limit_is_not_unpacked(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.zeros(2_000_000, np.uint8))
    assert path.stat().st_size < 10_000
    assert len(read_arrays(path, limit=2_001_000)["x"]) == 2_000_000
    with pytest.raises(ValueError, match="more than 1 MB, unpacked"):
        read_arrays(path, limit=1_000_000)


def test_missing_files_are_missing(tmp_path):
    for read in (read_arrays, read_json):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "nowhere")


@pytest.fixture
def special_files(tmp_path):
    """A named pipe, a socket, a folder and a link to a device: reading one might never end."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))  # its name must be short
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    return [tmp_path / name for name in ("pipe", "socket", "folder", "device")]


def test_only_regular_files_are_opened(special_files):
    for path in special_files:
        for read in (read_arrays, read_json, require_regular_file):
            with pytest.raises(ValueError, match="not a regular file"):
                read(path)


def test_files_of_a_folder_are_listed_once_and_hidden_ones_are_not(tmp_path):
    names = ("b/c/1.png", "b/2.png", "a.png")
    hidden = (".DS_Store", "b/._2.png", ".git/x.png", "__MACOSX/b/2.png")
    for name in names + hidden:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b/up").symlink_to("..")
    (tmp_path / "b/c/self").symlink_to(".")
    (tmp_path / "linked").symlink_to("b/c")
    (tmp_path / "a.link").symlink_to("a.png")
    listed = [path.relative_to(tmp_path).as_posix() for path in list_files(tmp_path)]
    assert listed == ["a.link", "a.png", "b/2.png", "b/c/1.png", "linked/1.png"]


@given(content=st.binary(max_size=300), limit=st.integers(0, 300))
def test_a_stream_is_read_whole_or_ends_at_the_limit(content, limit):
    unpacked = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(content)))
    reader = io.BufferedReader(LimitedReader(unpacked, limit))
    if len(content) <= limit:
        assert reader.read() == content
    else:
        with pytest.raises(TooLargeError):
            reader.read()


def test_unfinished_files_of_a_killed_process_are_removed(tmp_path):
    old, recent, other = (tmp_path / f"{name}.npz" for name in (".writing-a", ".writing-b", "c"))
    for path in (old, recent, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (time.time() - 601,) * 2)
    remove_unfinished(tmp_path)
    assert sorted(tmp_path.iterdir()) == [recent, other]
