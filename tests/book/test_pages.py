import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml

import fer_lib

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "book").glob("*.md"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))


def text_of(path):
    return (ROOT / path).read_text("utf-8")


def test_one_title():
    title = CITATION["title"]
    assert yaml.safe_load(text_of("_config.yml"))["title"] == title
    for path in ("README.md", "book/index.md"):
        assert text_of(path).splitlines()[0] == f"# {title}"
    entry = re.search(r"title +=(.*?),\n", text_of("book/cite.md"), re.DOTALL)[1]
    assert " ".join(re.sub(r"[{}]", "", entry).split()) == title


def test_one_version_and_date():
    released = date.fromisoformat(CITATION["date-released"])
    spelled = f"{released:%B} {released.day}, {released.year}"
    assert CITATION["version"] == fer_lib.__version__
    for path in ("README.md", "book/index.md", "book/cite.md"):
        assert {fer_lib.__version__} == set(re.findall(r"[Vv]ersion (\d[\d.]+\d)", text_of(path)))
        assert spelled in " ".join(text_of(path).split())
    assert f"## {fer_lib.__version__} – {spelled}\n" in text_of("CHANGELOG.md")
    entry = re.search(r"```bibtex\n(.*?)```", text_of("book/cite.md"), re.DOTALL)[1]
    assert f"version = {{{fer_lib.__version__}}}" in entry and f"{{{released}}}" in entry


def test_license_is_the_same_everywhere():
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    assert project["license"] == CITATION["license"] == "MIT"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_each_table_has_a_caption(path):
    """A Markdown table stands in a `{table}` directive, which takes the caption."""
    directives = re.compile(r"^(`{3,})\{table\} \S.*\n:name: tab-.*?^\1$", re.DOTALL | re.MULTILINE)
    assert not re.findall(r"^\|.*", directives.sub("", path.read_text("utf-8")), re.MULTILINE)


@pytest.mark.parametrize("name", ["introduction", "related_work", "conclusions", "rerun", "cite"])
def test_pages_open_with_question_and_finding_and_end_with_take_aways(name):
    text = text_of(f"book/{name}.md")
    _, question, finding, *_ = text.split("\n\n")
    assert question.startswith("**Question.** ") and finding.startswith("**Finding.** ")
    last = text.split("\n## ")[-1]
    assert last.startswith("Take-aways\n") and 2 <= len(re.findall(r"^- ", last, re.MULTILINE)) <= 3


def test_bibliography_has_the_references_of_the_source_report():
    bibliography = text_of("book/references.bib")
    keys = re.findall(r"\{cite(?::t)?\}`([^`]+)`", text_of("book/related_work.md"))
    cited = {key for group in keys for key in group.split(",")}
    for author in ("Khaireddin", "WuJie1010", "Gao, Z.", "Santoso", "Yan, C.", "Bhagat"):
        (entry,) = re.findall(rf"@\w+\{{(\w+),\s*author = \{{+{author}", bibliography)
        assert entry in cited
