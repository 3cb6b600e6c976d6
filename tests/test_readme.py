import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def readme(book_script):
    return book_script("readme")


def test_the_table_is_that_of_the_records(readme):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    written = text.split(readme.BEGIN)[1].split(readme.END)[0]
    assert written == readme.section(), "run: python book/readme.py"


def test_the_picture_is_that_of_the_records(readme, tmp_path):
    readme.picture(tmp_path / "accuracy.svg")
    drawn, committed = (
        (path).read_text(encoding="utf-8")
        for path in (tmp_path / "accuracy.svg", ROOT / readme.PICTURE)
    )
    assert drawn == committed, "run: python book/readme.py"


def test_the_worked_example_is_a_valid_row():
    from dataclasses import replace

    from fer_lib.experiments.table import _CUSTOM_CNN

    example = re.search(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )[1]
    assert example in (ROOT / "book" / "rerun.md").read_text(encoding="utf-8")
    (row,) = eval("{" + example + "}", {"replace": replace, "_CUSTOM_CNN": _CUSTOM_CNN}).values()
    assert row.focal_gamma == 5 and not row.evaluate_private_test


def test_every_make_target_is_described():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    assert targets == set(
        re.findall(r"^\| `make (\w+)`", (ROOT / "README.md").read_text(), re.MULTILINE)
    )
