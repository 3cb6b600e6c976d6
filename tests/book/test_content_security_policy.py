import hashlib
import sys
from base64 import b64encode
from pathlib import Path
from types import SimpleNamespace

import pytest

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"
PAGE = """<!doctype html><html><head lang="en"><title>none</title>
<script>document.title = "inline";</script><script src="own.js"></script>
<script type="application/json">{"a": 1}</script></head>
<body><button onclick="document.title = &quot;handled&quot;">b</button></body></html>"""


@pytest.fixture
def extension(monkeypatch):
    monkeypatch.syspath_prepend(EXTENSIONS)
    import content_security_policy

    yield content_security_policy
    sys.modules.pop("content_security_policy")


def test_policy_lists_what_is_in_the_page(extension):
    def listed(text):
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    policy = dict(part.split(" ", 1) for part in extension.policy(PAGE).split("; "))
    expected = {listed('document.title = "inline";'), listed('document.title = "handled"')}
    assert set(policy["script-src"].split()) == {"'self'", "file:", "'unsafe-hashes'", *expected}
    assert policy["default-src"] == "'self' file:" and policy["object-src"] == "'none'"
    assert "wasm" not in policy["script-src"]
    assert "'wasm-unsafe-eval'" in extension.policy('<div id="playground-app"></div>')
    assert "unsafe-hashes" not in extension.policy("<p>none</p>")


def test_browser_runs_the_scripts_of_the_page_and_no_other(extension, browser, tmp_path):
    (tmp_path / "own.js").write_text("window.own = true;")
    path = tmp_path / "page.html"
    path.write_text(PAGE, encoding="utf-8")
    builder = SimpleNamespace(format="html")
    extension.add_policies(SimpleNamespace(builder=builder, outdir=tmp_path), None)
    injected = path.read_text(encoding="utf-8").replace(
        "</body>", '<script>document.title = "injected";</script></body>'
    )
    path.write_text(injected, encoding="utf-8")
    browser.get(path.as_uri())
    assert browser.title == "inline" and browser.execute_script("return window.own")
    browser.find_element("css selector", "button").click()
    assert browser.title == "handled"


def test_failed_build_is_left_as_it_is(extension, tmp_path):
    (tmp_path / "page.html").write_text(PAGE)
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=tmp_path)
    extension.add_policies(app, ValueError())
    assert (tmp_path / "page.html").read_text() == PAGE
