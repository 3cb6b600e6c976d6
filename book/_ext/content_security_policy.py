"""Give each page a Content-Security-Policy: it loads and runs only what the book serves.

The theme puts scripts and handlers into the HTML of a page. The policy lists the SHA-256 of each,
so that no other runs. Styles in the HTML are allowed: tables and MathJax need them.
"""

import base64
import hashlib
import html
import re
from pathlib import Path

from sphinx.application import Sphinx

SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL)
HANDLER = re.compile(r'<[a-z][^>]*?\son[a-z]+="([^"]*)"')
HEAD = re.compile(r"<head\b[^>]*>")
# Pages opened from disk load files beside them; pages of a server cannot load files.
OWN = "'self' file:"


def policy(page: str) -> str:
    """Return the policy that fits the HTML of a page."""
    inline = [
        text
        for attributes, text in SCRIPT.findall(page)
        if text.strip() and "src=" not in attributes and "application/json" not in attributes
    ]
    handlers = [html.unescape(text) for text in HANDLER.findall(page)]
    scripts = [OWN, *sorted({_hash(text) for text in inline + handlers})]
    if handlers:
        scripts.append("'unsafe-hashes'")
    if 'id="playground-app"' in page:
        scripts.append("'wasm-unsafe-eval'")
    directives = {
        "default-src": OWN,
        "script-src": " ".join(scripts),
        "style-src": f"{OWN} 'unsafe-inline'",
        "img-src": f"{OWN} data:",
        "font-src": f"{OWN} data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": OWN,
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def add_policies(app: Sphinx, exception: Exception | None) -> None:
    """Write the policies into the finished pages, before all that they restrict."""
    if exception or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).glob("*.html")):
        page = path.read_text(encoding="utf-8")
        start = HEAD.search(page).end()
        tag = f'\n<meta http-equiv="Content-Security-Policy" content="{policy(page)}">'
        path.write_text(page[:start] + tag + page[start:], encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", add_policies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
