"""What is wider than a page, in a browser."""

from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "book" / "_static"
WIDE = "<div style='width: 3000px; height: 20px'></div>"
PAGE = f"""<!doctype html><meta charset=utf-8>
<style>pre, .pst-scrollable-table-container {{ overflow-x: auto; }}
{(STATIC / "scroll.css").read_text(encoding="utf-8")}</style>
<article class="bd-article bd-content">
  <pre id="code">{WIDE}</pre>
  <pre id="short">x</pre>
  <div class="pst-scrollable-table-container" id="prose">
    <table><caption>Caption.</caption><tr><td>{WIDE}</td></tr></table>
  </div>
  <figure><div class="output" id="table"><table><tr><td>{WIDE}</td></tr></table></div></figure>
  <figure id="figure">
    <img width="3000" height="20" alt=""><figcaption>Caption.</figcaption>
  </figure>
  <figure id="nearly" style="width: 400px"><img width="660" height="66" alt=""></figure>
</article>
<script>{(STATIC / "scroll.js").read_text(encoding="utf-8")}</script>"""


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(PAGE, encoding="utf-8")
    browser.get(path.as_uri())
    return browser


def state(page, selector, left=0):
    """The classes, the tab stop and the name of a box, once scrolled to `left` and drawn."""
    script = """
        const [selector, left, done] = arguments, box = document.querySelector(selector);
        box.scrollLeft = left;
        const tell = () => done([box.className, box.tabIndex, box.ariaLabel]);
        requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(tell)));
    """
    classes, tab, name = page.execute_async_script(script, selector, left)
    return {name for name in classes.split() if name.startswith("more")}, tab, name


@pytest.mark.parametrize(
    ("selector", "name"),
    [("#code", "Code"), ("#prose", "Table"), ("#table", "Table"), (".figure-box", "Figure")],
)
def test_a_wide_box_is_reached_by_tab_and_fades_where_it_continues(page, selector, name):
    named = f"{name}, scrolls sideways"
    assert state(page, selector) == ({"more-right"}, 0, named)
    assert state(page, selector, 100) == ({"more-left", "more-right"}, 0, named)
    assert state(page, selector, 9999) == ({"more-left"}, 0, named)
    element = page.execute_script(f"return document.querySelector('{selector}')")
    assert "gradient" in element.value_of_css_property("mask-image")


def test_a_box_that_fits_is_left_as_it_is(page):
    assert state(page, "#short") == (set(), -1, None)


def test_the_caption_of_a_figure_does_not_scroll(page):
    assert page.execute_script("return document.querySelector('.figure-box figcaption')") is None
    assert page.execute_script("return document.querySelector('#figure').scrollWidth") < 3000


def test_the_caption_of_a_table_neither_fades_nor_scrolls_away(page):
    state(page, "#prose", 100)
    box = page.execute_script("return document.querySelector('#prose')")
    caption = page.execute_script("return document.querySelector('#prose caption')")
    height = page.execute_script("return arguments[0].offsetHeight", caption)
    assert box.value_of_css_property("mask-size").startswith(f"100% {height}px, ")
    assert caption.rect["x"] == box.rect["x"]


def test_a_figure_that_nearly_fits_fills_its_box_on_a_phone(page):
    page.set_window_size(500, 900)
    assert state(page, "#nearly .figure-box") == (set(), -1, None)
    script = "return document.querySelector('#nearly img').getBoundingClientRect().width"
    width = page.execute_script(script)
    page.set_window_size(1280, 900)
    assert width == 400
