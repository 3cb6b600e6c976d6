"""Lead the buttons of a page to its source: prose is in `book/`, notebooks are in `notebooks/`.

The book's pages lie flat in one folder, and the theme knows one folder of the repository.
"""

from docutils import nodes
from sphinx.application import Sphinx


def locate(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    """Set the folder of a page's source before the theme builds the buttons."""
    suffix = context.get("page_source_suffix")
    folder = "notebooks" if suffix == ".ipynb" else "book"
    context["doc_path"] = folder
    app.config.html_theme_options["path_to_docs"] = folder


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", locate, priority=500)  # the theme's buttons: 501
    return {"parallel_read_safe": True, "parallel_write_safe": True}
