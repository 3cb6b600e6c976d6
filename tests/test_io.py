import errno
import hashlib

import numpy as np
import pytest

from fer_lib.io import atomic_write, read_arrays, read_json, sha256_of, write_json


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
