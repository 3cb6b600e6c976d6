"""The locks with hashes, the environments made from them, and the licenses of what they install."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {path.stem: path for path in sorted((ROOT / "requirements").glob("*.lock"))}
SYSTEMS = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]
ENVIRONMENTS = [
    {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "sys_platform": system,
        "platform_machine": machine,
        "platform_system": system.title(),
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for version in ("3.11", "3.12", "3.13")
    for system, machine in SYSTEMS
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]


def lines(lock):
    """The logical lines of a lock: each a requirement and its hashes."""
    text = re.sub(r" \\\n +", " ", LOCKS[lock].read_text("utf-8"))
    return text.splitlines()


def locked(lock):
    """The requirements of a lock."""
    return [Requirement(line.split(" --hash")[0]) for line in lines(lock)]


def applies(requirement, environment):
    return requirement.marker is None or requirement.marker.evaluate(environment)


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def required(*extras):
    """The requirements of the base, the build and some extras, with the extras that they name."""
    found = [*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"]]
    for extra in extras:
        for text in EXTRAS[extra]:
            requirement = Requirement(text)
            own = normal(requirement.name) == "fer-lib"
            found += required(*requirement.extras) if own else [text]
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_each_line_of_a_lock_is_one_version_with_hashes(lock):
    entry = r"[a-z\d-]+==[\w.+]+(?: ; .+?)?(?: --hash=sha256:[\da-f]{64})+"
    assert [line for line in lines(lock) if not re.fullmatch(entry, line)] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: "-".join([*e.values()][1:4]))
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_covers_the_requirements_of_its_extra(lock, environment):
    """Where this fails after a change of pyproject.toml: `make lock`."""
    versions = {
        normal(r.name): next(iter(r.specifier)).version
        for r in locked(lock)
        if applies(r, environment)
    }
    extras = [lock, "release"] if lock == "test" else [lock]
    for requirement in map(Requirement, required(*extras)):
        if applies(requirement, environment):
            version = versions.get(normal(requirement.name))
            assert version and requirement.specifier.contains(version), requirement


def test_each_lock_has_the_versions_of_the_others():
    for environment in ENVIRONMENTS:
        versions = {}
        for requirement in (r for lock in LOCKS for r in locked(lock)):
            if applies(requirement, environment):
                version = versions.setdefault(requirement.name, requirement.specifier)
                assert version == requirement.specifier, requirement


def test_make_installs_with_hashes_alone():
    """Any other call of pip or uv would take files that no lock names."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    installs = re.findall(r"^\t\$\(INSTALL\) (.*)", makefile, flags=re.MULTILINE)
    assert len(installs) == 3 and all(
        install.startswith(("--require-hashes ", "--no-deps --no-build-isolation "))
        for install in installs
    )
    assert "pip install" not in (ROOT / ".ci" / "run").read_text("utf-8")


def test_binder_installs_the_lock_of_the_notebooks_and_then_the_project():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pip == ["--require-hashes", "-r requirements/notebooks.lock"]
    script = ROOT / "postBuild"
    assert script.stat().st_mode & 0o111
    assert "--no-deps --no-build-isolation --editable ." in script.read_text("utf-8")
    assert not {"keras", "tensorflow", "tensorflow-cpu"} & {r.name for r in locked("notebooks")}


def test_dev_container_makes_the_environment_of_the_tests():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    assert re.search(r":\d+\.\d+\.\d+-3\.1[123]", container["image"])
    assert container["postCreateCommand"] == "make .venv/test"


def test_dependencies_have_licenses_of_the_list():
    """The list, and the exceptions, are in pyproject.toml."""
    command = [Path(sys.executable).with_name("pip-licenses")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
