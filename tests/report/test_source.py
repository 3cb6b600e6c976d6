import subprocess
import sys
import textwrap

import pytest
from IPython.core.formatters import DisplayFormatter
from IPython.display import Code

from fer_lib.report.source import source


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The name of a module that cannot be imported, only read."""
    (tmp_path / "example_module.py").write_text(
        textwrap.dedent(
            '''\
            raise ImportError("read me, do not import me")

            RATES = {"low": 1,
                     "high": 2}  # a comment inside
            COUNT: int = 3

            def plain(x):
                """A docstring."""
                return "é" * x

            @decorated
            @twice(1)
            def wrapped(): return 1

            class Model:
                """Of a class,

                in several lines."""
                size = 4

                @property
                def half(self):
                    """Of a method."""
                    return self.size / 2
            '''
        ),
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "example_module"


def test_definitions_are_shown_as_they_are_in_the_order_asked_for(module):
    shown = source(module, "plain", "RATES", "COUNT")
    assert isinstance(shown, Code) and shown.language == "python"
    assert shown.data == (
        'def plain(x):\n    """A docstring."""\n    return "é" * x\n\n'
        'RATES = {"low": 1,\n         "high": 2}  # a comment inside\n\n'
        "COUNT: int = 3"
    )


def test_it_is_displayed_as_a_code_block_of_the_page(module):
    formats, _ = DisplayFormatter().format(source(module, "COUNT"))
    assert formats == {
        "text/markdown": "```python\nCOUNT: int = 3\n```",
        "text/plain": "COUNT: int = 3",
    }


def test_decorators_belong_to_a_definition(module):
    assert source(module, "wrapped").data == "@decorated\n@twice(1)\ndef wrapped(): return 1"


def test_members_of_a_class_are_dedented(module):
    assert source(module, "Model.half").data == (
        '@property\ndef half(self):\n    """Of a method."""\n    return self.size / 2'
    )
    assert source(module, "Model.size").data == "size = 4"


def test_docstrings_may_be_left_out(module):
    assert source(module, "plain", docstrings=False).data == 'def plain(x):\n    return "é" * x'
    assert source(module, "Model", docstrings=False).data == (
        "class Model:\n    size = 4\n\n"
        "    @property\n    def half(self):\n        return self.size / 2"
    )
    assert source(module, "COUNT", docstrings=False).data == "COUNT: int = 3"


@pytest.mark.parametrize("name", ["absent", "Model.absent", "plain.absent", "COUNT.real"])
def test_an_absent_definition_is_an_error_that_names_it(module, name):
    with pytest.raises(ValueError, match=f"example_module has no definition {name}"):
        source(module, name)


@pytest.mark.parametrize("name", ["fer_lib.absent", "absent.module", "sys"])
def test_an_absent_module_is_an_error_that_names_it(name):
    with pytest.raises(ValueError, match=f"no module {name} "):
        source(name, "anything")


def test_showing_a_model_does_not_import_keras():
    script = """
import sys
from fer_lib.report.source import source
text = source("fer_lib.models.custom_cnn", "custom_cnn").data
assert text.startswith("def custom_cnn(") and text.endswith("return model"), text
assert "keras" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
