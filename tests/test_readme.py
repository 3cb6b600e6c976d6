import re
from functools import cache
from pathlib import Path

import pytest

from fer_lib.cli import main
from fer_lib.experiments import table

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def readme(book_script):
    script = book_script("readme")
    script.front_page = cache(script.front_page)  # of the table and of the figure
    return script


def test_table_shows_the_records(readme):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    written = text.split(readme.BEGIN)[1].split(readme.END)[0]
    assert written == readme.section(), "run: python book/readme.py"


def test_figure_shows_the_records(readme, tmp_path):
    readme.draw_figure(tmp_path / "accuracy.svg")
    drawn, committed = (
        (path).read_text(encoding="utf-8")
        for path in (tmp_path / "accuracy.svg", ROOT / readme.FIGURE)
    )
    assert drawn == committed, "run: python book/readme.py"


def test_worked_example_is_a_valid_row():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    _, example = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert example in (ROOT / "book" / "rerun.md").read_text(encoding="utf-8")
    (row,) = eval("{" + example + "}", dict(vars(table))).values()
    assert row.focal_gamma == 5 and not row.evaluate_private_test


def test_commands_exist():
    text = (ROOT / "README.md").read_text("utf-8")
    commands = set(re.findall(r"(?:python -m fer_lib|fer-lib) ([\w-]+)", text))
    assert {"train", "predict", "export"} <= commands
    for command in commands:
        with pytest.raises(SystemExit) as error:
            main([command, "--help"])
        assert error.value.code == 0, command


def test_folders_exist():
    text = (ROOT / "README.md").read_text("utf-8").split("## Where things are")[1]
    paths = re.findall(r"`([\w/]+)`", text)
    assert "fer_lib/data/" in paths and all((ROOT / path).exists() for path in paths)


def test_each_make_target_is_described():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    rows = re.findall(r"^\| `make .*", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert targets == set(re.findall(r"`make (\w+)`", "".join(rows)))
