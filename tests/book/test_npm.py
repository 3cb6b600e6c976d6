"""Packages of npm's registry, from an npm that only packs a folder."""

import base64
import hashlib
import io
import tarfile

import pytest


@pytest.fixture
def npm(book_script, tmp_path, monkeypatch):
    module = book_script("npm")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def archive(content):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as files:
        member = tarfile.TarInfo("package/main.js")
        member.size = len(content)
        files.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def digest(packed):
    return base64.b64encode(hashlib.sha512(packed).digest()).decode()


def install(monkeypatch, npm, tmp_path, packed):
    """An npm that writes an archive; None is an npm that fails."""
    (tmp_path / "source.tgz").write_bytes(packed or b"")
    script = tmp_path / "npm"
    commands = f'cp {tmp_path}/source.tgz some.tgz\necho \'[{{"filename": "some.tgz"}}]\''
    script.write_text(f"#!/bin/sh\n{commands if packed else 'exit 1'}\n")
    script.chmod(0o755)
    monkeypatch.setattr(npm.shutil, "which", lambda name: str(script))


def test_package_is_downloaded_once(npm, tmp_path, monkeypatch):
    packed = archive(b"content")
    install(monkeypatch, npm, tmp_path, packed)
    folder = npm.package("some@1.0.0", digest(packed))
    assert (folder / "main.js").read_bytes() == b"content"
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    assert npm.package("some@1.0.0", digest(packed)) == folder


@pytest.mark.parametrize("change", ["changed", "removed"])
def test_unpacked_file_that_differs_is_unpacked_again(npm, tmp_path, monkeypatch, change):
    packed = archive(b"content")
    install(monkeypatch, npm, tmp_path, packed)
    file = npm.package("some@1.0.0", digest(packed)) / "main.js"
    file.unlink() if change == "removed" else file.write_bytes(b"changed")
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    npm.package("some@1.0.0", digest(packed))
    assert file.read_bytes() == b"content"


def test_damaged_archive_is_downloaded_again(npm, tmp_path, monkeypatch):
    packed = archive(b"content")
    install(monkeypatch, npm, tmp_path, packed)
    folder = npm.package("some@1.0.0", digest(packed))
    (folder.parent / "some.tgz").write_bytes(packed[:-8])
    assert (npm.package("some@1.0.0", digest(packed)) / "main.js").read_bytes() == b"content"
    (folder.parent / "some.tgz").write_bytes(packed[:-8])
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    assert npm.package("some@1.0.0", digest(packed)) is None


def test_package_other_than_the_pinned_one_is_refused(npm, tmp_path, monkeypatch):
    install(monkeypatch, npm, tmp_path, archive(b"other"))
    with pytest.raises(ValueError, match="SHA-512"):
        npm.package("some@1.0.0", digest(archive(b"content")))
    assert not list(tmp_path.glob("build/npm/*/package"))


def test_package_is_left_out_without_the_registry(npm, tmp_path, monkeypatch, capsys):
    install(monkeypatch, npm, tmp_path, None)
    assert npm.package("some@1.0.0", "AAAA") is None
    assert "npm's registry cannot be reached" in capsys.readouterr().err
