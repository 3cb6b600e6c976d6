"""The families of comparisons: their sizes, and that the notebooks compare what is listed."""

import ast
import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from fer_lib.analysis import families
from fer_lib.analysis.families import ENSEMBLES_COMPARED, FAMILIES, Family, family_sizes
from fer_lib.analysis.label_noise.differences import LEADS
from fer_lib.experiments import HOG

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
PAIRS = {family: frozenset(family.compared) for family in FAMILIES if family.by_seeds}


def run(name, *splits):
    return SimpleNamespace(name=name, predictions=dict.fromkeys(splits))


def sizes_of(monkeypatch, runs, *listed):
    monkeypatch.setattr(families, "FAMILIES", listed)
    table = family_sizes(runs)
    return table[["split", "families", "comparisons", "tested"]].values.tolist()


def test_a_comparison_is_tested_with_two_seeds_of_both_networks(monkeypatch):
    runs = [run(name, "private_test") for name in "aabbc"] + [run(HOG, "private_test")]
    pairs = (("a", "b"), ("a", "c"), ("b", "absent"), ("a", HOG))
    family = Family("page", "title", pairs)
    assert sizes_of(monkeypatch, runs, family) == [[["private_test"], 1, 4, 2]]


def test_only_runs_that_were_evaluated_on_the_split_count(monkeypatch):
    runs = [run(name, "public_test") for name in "aabb"] + [run("a", "private_test")] * 2
    family = Family("page", "title", (("a", "b"),), ("public_test", "private_test"))
    expected = [[["public_test"], 1, 1, 1], [["private_test"], 1, 1, 0]]
    assert sizes_of(monkeypatch, runs, family) == expected


def test_families_of_one_size_share_a_row_and_each_measure_is_a_family(monkeypatch):
    both = Family("page", "title", ("x", "y"), ("public_test", "private_test"), by_seeds=False)
    three = Family("page", "title", ("x", "y"), measures=3, by_seeds=False)
    other = Family("page", "other", ("x",), by_seeds=False)
    expected = [[["public_test", "private_test"], 5, 2, 2], [["private_test"], 1, 1, 1]]
    assert sizes_of(monkeypatch, [], both, three, other) == expected


class Notebook:
    """The code of a notebook, of which single definitions are executed."""

    def __init__(self, name):
        cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text("utf-8"))["cells"]
        code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        statements = [
            s for cell in code if "google.colab" not in cell for s in ast.parse(cell).body
        ]
        self.tree, self.namespace = ast.Module(statements, []), {}

    def evaluate(self, expression):
        self._define(expression)
        return eval(ast.unparse(expression), self.namespace)

    def _define(self, node):
        for name in {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - set(self.namespace):
            self.namespace[name] = None  # its own right side, as in +=
            for statement in self.tree.body:
                if name in self._defined(statement):
                    self._define(statement)
                    exec(ast.unparse(statement), self.namespace)
            if self.namespace[name] is None:  # a builtin, or a variable of a comprehension
                del self.namespace[name]

    @staticmethod
    def _defined(statement):
        if isinstance(statement, ast.ImportFrom) and statement.module.startswith("fer_lib"):
            return {alias.asname or alias.name for alias in statement.names}
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        is_set = isinstance(statement, ast.Assign | ast.AugAssign)
        names = (n for target in targets if is_set for n in ast.walk(target))
        return {name.id for name in names if isinstance(name, ast.Name)}

    def families(self):
        """The sets of pairs that it compares with all runs."""
        for call in (node for node in ast.walk(self.tree) if isinstance(node, ast.Call)):
            compares = getattr(call.func, "id", "") in ("paired_comparisons", "compare_experiments")
            if compares and ast.unparse(call.args[0]) == "runs":
                yield frozenset(map(tuple, self.evaluate(call.args[1])))


@pytest.mark.parametrize("page", sorted({path.stem for path in NOTEBOOKS.glob("[012]*.ipynb")}))
def test_a_notebook_compares_the_families_that_are_listed(page):
    compared = set(Notebook(page).families())
    own = {pairs for family, pairs in PAIRS.items() if family.page == page}
    if page == "17_duplicates_and_label_noise":
        compared.remove(frozenset((LEADS[0], LEADS[-1])))  # intervals only
    if page != "06_claims":  # which reads what was decided, as page 15 does for the votes
        assert own - {frozenset(LEADS)} <= compared
    assert compared <= set(PAIRS.values())


def test_the_notebook_on_ensembles_compares_those_that_are_listed():
    titles = Notebook("14_tta_and_ensembles").evaluate(ast.parse("names", mode="eval").body)
    assert tuple(titles) == ENSEMBLES_COMPARED


def test_every_page_is_a_notebook_and_every_date_a_day():
    assert {f.page for f in FAMILIES} <= {path.stem for path in NOTEBOOKS.glob("*.ipynb")}
    assert pd.to_datetime([f.since for f in FAMILIES]).notna().all()
