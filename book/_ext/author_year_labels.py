"""Label the entries of the bibliography as they are cited: by author and year.

The style `author_year` of `{bibliography}` is pybtex's plain one with labels such as
“Lin et al., 2017”.
"""

from functools import partial

from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style as UnsortedStyle
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx


class AuthorYearLabels(BaseLabelStyle):
    """Author and year; a letter tells entries of the same authors and year apart."""

    def format_labels(self, sorted_entries):
        seen: dict[str, int] = {}
        for entry in sorted_entries:
            label = f"{authors(entry)}, {entry.fields['year']}"
            seen[label] = seen.get(label, 0) + 1
            yield label + (chr(ord("a") + seen[label] - 1) if seen[label] > 1 else "")


def authors(entry) -> str:
    """The last name of one author, of two, or of the first and “et al.”."""
    names = [
        " ".join([*person.prelast_names, *person.last_names]).replace("{", "").replace("}", "")
        for person in entry.persons["author"]
    ]
    if len(names) > 2:
        return f"{names[0]} et al."
    return " and ".join(names)


class AuthorYearStyle(UnsortedStyle):
    """Plain entries, sorted by author and year, and labeled so."""

    def __init__(self, **options):
        super().__init__(**options)
        self.label_style = AuthorYearLabels()
        self.format_labels = self.label_style.format_labels
        self.sort = partial(
            sorted, key=lambda entry: (authors(entry).lower(), entry.fields["year"])
        )


def setup(app: Sphinx) -> dict[str, bool]:
    register_plugin("pybtex.style.formatting", "author_year", AuthorYearStyle, force=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
