"""Show definitions of the library on a page, from its own source."""

import ast
import importlib.util
import textwrap
from collections.abc import Iterator
from pathlib import Path

from IPython.display import Code


class SourceCode(Code):
    """Python source that Jupyter, the book and GitHub each highlight as their own code blocks.

    IPython's `Code` has HTML with colors of its own, which a dark page does not suit.
    """

    def __repr__(self) -> str:
        return self.data

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.data}\n```"

    def _repr_html_(self) -> None:
        return None

    def _repr_latex_(self) -> None:
        return None


def source(module: str, *definitions: str, docstrings: bool = True) -> SourceCode:
    """Show functions, classes, methods or constants of a module, as they are in its file.

    The file is read and parsed; the module is not imported, so that showing a model's builder costs
    no import of Keras.

    Args:
        module: The full name of the module.
        definitions: Names at the module's top level, or in a class, such as `Class.method`. They
            are shown in this order, decorators included.
        docstrings: Whether docstrings are shown, too.

    Returns:
        An IPython `Code`, displayed as highlighted Python; its `data` is the text.

    Raises:
        ValueError: If there is no such module, or it has no such definition.

    Example:
        >>> print(source("fer_lib.training.batches", "one_hot", docstrings=False).data)
        def one_hot(labels: np.ndarray, num_classes: int) -> np.ndarray:
            return np.eye(num_classes, dtype=np.float32)[labels]
    """
    text = _file_of(module).read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    statements = [_find(tree, name, module) for name in definitions]
    blocks = [_text_of(statement, lines, docstrings) for statement in statements]
    return SourceCode("\n\n".join(blocks), language="python")


def _file_of(module: str) -> Path:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # a parent package is missing
        spec = None
    if spec is None or not spec.has_location:
        raise ValueError(f"there is no module {module} with a source file")
    return Path(spec.origin)


def _find(tree: ast.Module, name: str, module: str) -> ast.stmt:
    scope: ast.AST = tree
    for part in name.split("."):
        body = getattr(scope, "body", [])
        scope = next((statement for statement in body if part in _names(statement)), None)
        if scope is None:
            raise ValueError(f"{module} has no definition {name}")
    return scope


def _names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _text_of(statement: ast.stmt, lines: list[str], docstrings: bool) -> str:
    decorators = getattr(statement, "decorator_list", [])
    first = min(node.lineno for node in (statement, *decorators))
    numbers = range(first, statement.end_lineno + 1)
    hidden = set() if docstrings else _docstring_lines(statement)
    return textwrap.dedent("\n".join(lines[n - 1] for n in numbers if n not in hidden))


def _docstring_lines(statement: ast.stmt) -> set[int]:
    """The numbers of the lines of all docstrings in a definition."""
    numbers = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            numbers.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return numbers
