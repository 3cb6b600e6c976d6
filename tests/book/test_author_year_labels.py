import importlib.util
from pathlib import Path

from pybtex.database import parse_string

PATH = Path(__file__).resolve().parents[2] / "book" / "_ext" / "author_year_labels.py"
ENTRIES = """
@misc{a, author = {{WuJie1010}}, title = {A}, year = {2021}}
@misc{b, author = {El Boudouri, Yassine and Bohi, Amine}, title = {B}, year = {2023}}
@misc{c, author = {Lin, T. and Goyal, P. and He, K.}, title = {C}, year = {2017}}
@misc{d, author = {Lin, T. and Goyal, P. and Girshick, R.}, title = {D}, year = {2017}}
"""


def test_entries_are_sorted_and_labeled_as_they_are_cited():
    spec = importlib.util.spec_from_file_location("author_year_labels", PATH)
    labels = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(labels)
    style = labels.AuthorYearStyle()
    formatted = style.format_bibliography(parse_string(ENTRIES, "bibtex"))
    assert [(entry.key, entry.label) for entry in formatted] == [
        ("b", "El Boudouri and Bohi, 2023"),
        ("c", "Lin et al., 2017"),
        ("d", "Lin et al., 2017b"),
        ("a", "WuJie1010, 2021"),
    ]
