"""The shape of the library: layers, sizes, vocabulary, documentation, examples."""

import ast
import doctest
import importlib
import json
import re
import subprocess
import sys
import tokenize
import tomllib
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "fer_lib").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# These may import Keras and runs.
EXPORT_MODULES = {"exported", "half_precision", "litert_export", "onnx_export"}


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def relative(path):
    return path.relative_to(ROOT).as_posix()


# Layers


def test_imports_follow_the_contracts():
    # In a process of its own: it disables the loggers of the process that it runs in.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_contract_of_prediction_covers_each_module_of_deploy():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = (c for c in contracts["contracts"] if c["name"].startswith("Prediction"))
    modules = {path.stem for path in (ROOT / "fer_lib" / "deploy").glob("*.py")}
    expected = modules - EXPORT_MODULES - {"__init__"}
    assert contract["source_modules"] == [f"fer_lib.deploy.{name}" for name in sorted(expected)]


# Sizes


def test_no_file_is_longer_than_300_lines():
    lengths = {relative(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: n for name, n in lengths.items() if n > 300} == {}


def test_no_function_has_more_than_six_parameters():
    found = {}
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                arguments = node.args
                names = [
                    argument.arg
                    for argument in (
                        *arguments.posonlyargs,
                        *arguments.args,
                        *arguments.kwonlyargs,
                        *filter(None, (arguments.vararg, arguments.kwarg)),
                    )
                ]
                if len([name for name in names if name not in ("self", "cls")]) > 6:
                    found[f"{relative(path)}:{node.lineno}"] = names
    assert found == {}


# Vocabulary: the terms of the field. Words are looked up in identifiers, split at underscores and
# capitals, in strings that are not docstrings, and in the names of what is recorded.

WORDS = {
    *("answer", "answers", "answered", "colour", "colours", "grey", "keeper", "luck", "mine"),
    *("obtain", "picture", "pictures", "places", "said", "shown", "successors", "taught"),
}
NAMES = {  # whole names: their words are good in others
    *("alone", "adjusted", "aside", "averaged_epochs", "balancing", "claims_summary", "compiled"),
    *("every", "flip_averaging", "found", "head_width", "input_side", "looks", "needs"),
    *("opens_private_test", "others", "passes", "replacing", "rows_of_share", "seen", "start_from"),
    *("start_with", "strength", "take_weights", "teachers_places", "teachers_share", "there"),
    *("train_by_name", "training_share", "unseen", "ways", "whole"),
    *("COMPARED", "HEADLINES", "RECORD", "SHOWN", "SIDE", "SUCCESSORS"),
    *("Batches", "Decoded", "Findings", "OtherFaces"),
}
KEYS = NAMES | {"attention", "deleted", "fault", "weights_sha256_of"}
TEXT = re.compile(
    r"\b(answers?|answered|taught|pictures?|luck|shifted (answers|pictures)|takes? up|taken up|"
    r"stands? twice|DOES NOT HOLD|only (ours|theirs)|what Training holds|small (cnn|network)s?)\b",
    re.IGNORECASE,
)
VERBS = ("analyse", "corrupt", "data", "evaluate", "fetch", "shifts")  # `export-corruptions`, …


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def words_of(name):
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def identifiers(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or ""
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield from filter(None, (node.name.split(".")[-1], node.asname))


def strings(tree):
    docstrings = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            yield node.value


def unwanted_identifiers(names):
    return {name for name in names if name in NAMES or words_of(name) & WORDS}


def unwanted_strings(texts):
    return {
        text
        for text in texts
        if TEXT.search(text) or (text.isidentifier() and (text in KEYS or words_of(text) & WORDS))
    }


def notebook_tree(path):
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    return ast.parse(re.sub(r"^\s*[%!].*$", "pass", code, flags=re.MULTILINE))


@pytest.mark.parametrize("path", [*MODULES, *NOTEBOOKS], ids=relative)
def test_code_uses_the_terms_of_the_field(path):
    tree = notebook_tree(path) if path.suffix == ".ipynb" else tree_of(path)
    assert unwanted_identifiers(identifiers(tree)) | unwanted_strings(strings(tree)) == set()


def test_snakefile_uses_the_terms_of_the_field():
    with (ROOT / "Snakefile").open("rb") as file:
        names = {t.string for t in tokenize.tokenize(file.readline) if t.type == tokenize.NAME}
    assert unwanted_identifiers(names) == set()


def test_vocabulary_finds_the_terms_it_forbids():
    tree = ast.parse('def shifted_answers(TaughtBy, x=1): "answer"; return {"fault": "a picture"}')
    assert unwanted_identifiers(identifiers(tree)) == {"shifted_answers", "TaughtBy"}
    assert unwanted_strings(strings(tree)) == {"fault", "a picture"}
    assert not unwanted_strings(["two decimal places", "the ablation shown in the figure"])


def recorded_names(path):
    """The keys of a JSON file at any depth, the columns of a CSV, the arrays of an .npz."""
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return set(arrays.files)
    if path.suffix == ".csv":
        return set(path.read_text("utf-8").split("\n", 1)[0].split(","))
    names = set()
    json.loads(path.read_text("utf-8"), object_hook=lambda record: names.update(record) or record)
    return names


def test_records_use_the_terms_of_the_field():
    names = {
        name
        for path in (ROOT / "results").rglob("*")
        if path.suffix in (".json", ".csv", ".npz")
        for name in recorded_names(path)
    }
    assert {
        name for name in names if TEXT.search(name) or name in KEYS or words_of(name) & WORDS
    } == set()


def test_commands_are_standard_verbs():
    from fer_lib.cli import main

    for verb in VERBS:
        with pytest.raises(SystemExit) as error:
            main([verb])
        assert error.value.code == 2, verb


# Documentation


def test_each_module_is_documented_once():
    """The functions of `fer_lib.api` are documented as those of `fer_lib`."""
    text = "".join(path.read_text("utf-8") for path in (ROOT / "book").glob("api*.md"))
    documented = sorted(re.findall(r"automodule:: ([\w.]+)", text))
    empty = {module_name(path) for path in MODULES if not path.read_text().strip()}
    modules = {module_name(path) for path in MODULES} - empty
    assert documented == sorted(modules - {"fer_lib.__main__", "fer_lib.api"})


@pytest.mark.parametrize(
    "path", [path for path in MODULES if ">>> " in path.read_text("utf-8")], ids=relative
)
def test_examples_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(module_name(path))
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0 and results.attempted > 0
