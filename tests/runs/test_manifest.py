"""The manifest of all that is recorded."""

import shutil
import subprocess

import pytest

from fer_lib.evaluation.verify import verify_files
from fer_lib.paths import RESULTS
from fer_lib.runs.manifest import (
    CHECKSUMS_FILE,
    covered_files,
    manifest_updated,
    read_checksums,
    rewrite_manifest,
    write_checksums,
)


@pytest.fixture
def recorded(tmp_path):
    """A folder with two runs, an analysis and the ledger, and its manifest."""
    results = tmp_path / "results"
    for name in ("a/seed-0", "a/seed-1"):
        (results / name).mkdir(parents=True)
        (results / name / "metrics.json").write_text(name)
        write_checksums(results / name, ["metrics.json"])
    (results / "analysis").mkdir()
    (results / "analysis" / "tta.json").write_text("{}")
    (results / "ledger.csv").write_text("date\n")
    (results / "analysis" / ".DS_Store").touch()
    rewrite_manifest(results)
    return results


COVERED = {"a/seed-0/SHA256SUMS", "a/seed-1/SHA256SUMS", "analysis/tta.json", "ledger.csv"}


def test_the_manifest_is_that_of_sha256sum(recorded):
    assert read_checksums(recorded).keys() == COVERED
    command = ["sha256sum", "-c", "--strict", CHECKSUMS_FILE]
    assert subprocess.run(command, cwd=recorded, capture_output=True).returncode == 0
    assert verify_files(recorded).problems == []


def change(results, name, content="changed"):
    (results / name).write_text(content)


def swap(results):
    (results / "a" / "seed-0").rename(results / "a" / "seed")
    (results / "a" / "seed-1").rename(results / "a" / "seed-0")
    (results / "a" / "seed").rename(results / "a" / "seed-1")


def link(results):
    shutil.rmtree(results / "a" / "seed-1")
    (results / "a" / "seed-1").symlink_to("seed-0")


@pytest.mark.parametrize(
    ("tamper", "problems"),
    [
        (lambda r: change(r, "analysis/tta.json", "{ }"), ["analysis/tta.json: its SHA-256 is"]),
        (lambda r: (r / "ledger.csv").unlink(), ["ledger.csv is missing"]),
        (lambda r: change(r, "analysis/new.json"), ["analysis/new.json has no checksum"]),
        (lambda r: shutil.rmtree(r / "a" / "seed-1"), ["a/seed-1/SHA256SUMS is missing"]),
        (
            lambda r: (r / "a" / "seed-1").rename(r / "a" / "seed-2"),
            ["a/seed-1/SHA256SUMS is missing", "a/seed-2/SHA256SUMS has no checksum"],
        ),
        (
            lambda r: shutil.copytree(r / "a" / "seed-1", r / "a" / "seed-2"),
            ["a/seed-2/SHA256SUMS has no checksum"],
        ),
        (swap, ["a/seed-0/SHA256SUMS: its SHA-256 is", "a/seed-1/SHA256SUMS: its SHA-256 is"]),
        (link, ["a/seed-1/SHA256SUMS is missing", "a/seed-1 is a link, not a record"]),
        (
            lambda r: (r / "a" / "seed-0" / CHECKSUMS_FILE).unlink(),
            ["a/seed-0/SHA256SUMS is missing", "a/seed-0/metrics.json has no checksum"],
        ),
        (lambda r: change(r, CHECKSUMS_FILE, "x\n"), ["ValueError: "]),
        (lambda r: (r / CHECKSUMS_FILE).unlink(), ["there is no SHA256SUMS; "]),
    ],
)
def test_what_differs_from_the_manifest_is_a_problem(recorded, tamper, problems):
    for name in ("seed-0", "seed-1"):  # swapped, they must differ
        change(recorded, f"a/{name}/metrics.json", name)
        write_checksums(recorded / "a" / name, ["metrics.json"])
    rewrite_manifest(recorded)
    tamper(recorded)
    found = verify_files(recorded).problems
    assert len(found) == len(problems)
    for message, start in zip(found, problems, strict=True):
        assert message.startswith(start)


def test_only_what_is_written_is_taken_into_the_manifest(recorded):
    change(recorded, "ledger.csv", "tampered")
    with pytest.raises(ZeroDivisionError), manifest_updated(recorded):
        change(recorded, "analysis/tta.json", "[]")
        change(recorded, "analysis/new.json")
        shutil.rmtree(recorded / "a" / "seed-1")
        1 / 0  # noqa: B018
    assert read_checksums(recorded).keys() == COVERED - {"a/seed-1/SHA256SUMS"} | {
        "analysis/new.json"
    }
    (problem,) = verify_files(recorded).problems
    assert problem.startswith("ledger.csv: its SHA-256 is")
    assert rewrite_manifest(recorded) == {"added": [], "changed": ["ledger.csv"], "removed": []}
    assert verify_files(recorded).problems == []


def test_nothing_written_leaves_the_manifest_as_it_is(recorded):
    change(recorded, "ledger.csv", "tampered")
    before = (recorded / CHECKSUMS_FILE).read_bytes()
    with manifest_updated(recorded):
        pass
    assert (recorded / CHECKSUMS_FILE).read_bytes() == before


def test_the_committed_manifest_covers_what_is_recorded():
    assert read_checksums(RESULTS).keys() == covered_files(RESULTS), (
        "run: python -m fer_lib checksums"
    )
    assert verify_files(RESULTS).problems == [], "run: python -m fer_lib checksums"
