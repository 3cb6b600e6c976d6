"""Number the tables that notebooks show, as Sphinx numbers figures.

A code cell names its output in its metadata, `"mystnb": {"figure": {"name": "tab-models"}}`, and
shows a pandas Styler with a caption. MyST-NB makes a figure of it; here a figure whose name begins
with `tab-` becomes a table: "Table 3", with the Styler's caption above it, to which
`` {numref}`tab-models` `` refers.
"""

import html
import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

PREFIX = "tab-"
CAPTION = re.compile(r"<caption\b[^>]*>(.*?)</caption>\s*", re.DOTALL)

logger = logging.getLogger(__name__)


class numbered_table(nodes.figure):
    """A table of a notebook: its caption, then what the cell shows."""


class table_caption(nodes.caption):
    """The caption of a numbered table."""


class NumberTables(SphinxTransform):
    """Make numbered tables of the figures whose name begins with `tab-`."""

    default_priority = 400  # before Sphinx collects what references can point to

    def apply(self, **kwargs: object) -> None:
        for figure in list(self.document.findall(nodes.figure)):
            name = next((name for name in figure["names"] if name.startswith(PREFIX)), None)
            if name is None:
                continue
            caption = _take_caption(figure)
            if caption is None:
                logger.warning("the table %r has no caption", name, location=figure)
                continue
            table = numbered_table("", **figure.attributes)
            table.source, table.line = figure.source, figure.line
            table += [table_caption("", caption), *figure.children]
            figure.replace_self(table)
            for identifier in table["ids"]:
                self.document.ids[identifier] = table


def _take_caption(figure: nodes.figure) -> str | None:
    """Remove the caption from the HTML of a figure and return its text; None where there is none.

    MyST-NB keeps all representations of an output here: only the HTML has a caption.
    """
    for raw in figure.findall(nodes.raw):
        if raw.get("format") == "html" and (found := CAPTION.search(text := raw.astext())):
            without = text[: found.start()] + text[found.end() :]
            raw.rawsource = without
            raw.children = []
            raw += nodes.Text(without)
            return html.unescape(re.sub(r"<[^>]+>", "", found[1])).strip() or None
    return None


def visit_table(translator: HTML5Translator, node: numbered_table) -> None:
    translator.visit_figure(node)


def depart_table(translator: HTML5Translator, node: numbered_table) -> None:
    translator.depart_figure(node)


def visit_caption(translator: HTML5Translator, node: table_caption) -> None:
    translator.body.append("<figcaption>\n<p>")
    translator.add_fignumber(node.parent)
    translator.body.append('<span class="caption-text">')


def depart_caption(translator: HTML5Translator, node: table_caption) -> None:
    translator.body.append("</span>")
    translator.add_permalink_ref(node.parent, "Link to this table")
    translator.body.append("</p>\n</figcaption>\n")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_enumerable_node(numbered_table, "table", html=(visit_table, depart_table))
    app.add_node(table_caption, html=(visit_caption, depart_caption))
    app.add_transform(NumberTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
