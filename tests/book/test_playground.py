"""The playground in a browser. Chromium and its driver come from the system: Selenium is never left
to download them."""

import base64
import functools
import http.server
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from skimage import data

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.data.synthetic import synthetic_faces
from fer_lib.deploy.faces import Classifier
from fer_lib.deploy.images import crop_face, read_image
from fer_lib.paths import RESULTS
from fer_lib.runs.store import best_single_run

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FACES = synthetic_faces(np.arange(20) % 7, seed=3)


@pytest.fixture(scope="module")
def render(book_script):
    return book_script("render")


@pytest.fixture(scope="module")
def site(render, tmp_path_factory):
    """A folder with the playground in a page of its own."""
    if shutil.which("npm") is None or (runtime := render.package(*render.RUNTIME)) is None:
        pytest.skip("needs ONNX Runtime Web: npm, or its registry, is not to be had")
    folder = tmp_path_factory.mktemp("site")
    assert render.playground(runtime, folder, folder / "playground", "full") is None
    css = (ROOT / "book" / "_static" / "playground.css").read_text(encoding="utf-8")
    fragment = (folder / "_playground.html").read_text(encoding="utf-8")
    (folder / "index.html").write_text(
        f"<!doctype html><meta charset=utf-8><style>{css}</style>{fragment}", encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def served(site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()


def start_browser(*arguments):
    binary, driver = (
        next(filter(None, map(shutil.which, BROWSERS)), None),
        shutil.which("chromedriver"),
    )
    if not (binary and driver):
        pytest.skip(f"needs a browser: one of {', '.join(BROWSERS)}, and chromedriver, on the PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        *arguments,
    ):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    browser.set_script_timeout(60)
    return browser


@pytest.fixture(scope="module")
def browser():
    browser = start_browser("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    yield browser
    browser.quit()


@pytest.fixture
def page(browser, served):
    browser.get(served)
    wait(browser, lambda: text(browser, ".answer") and text(browser, ".value"))
    return browser


def wait(browser, condition):
    return WebDriverWait(browser, 60).until(lambda _: condition())


def text(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, f"#playground-app {selector}").text


def box(browser):
    return browser.execute_script(
        "const s = document.querySelector('.crop').style; return [s.left, s.top, s.width].map(parseFloat)"
    )


def test_the_browser_agrees_with_python_on_the_same_file_and_faces(page, site):
    script = """
        const [faces, done] = arguments, { classify } = document.getElementById("playground-app").playground;
        (async () => { const all = []; for (const face of faces) all.push(await classify(face)); return all; })().then(done, String);
    """
    shown = np.array(page.execute_async_script(script, FACES.reshape(20, -1).tolist()))
    expected = Classifier(site / "playground" / "model.onnx").probabilities(FACES)
    np.testing.assert_allclose(shown, expected, atol=1e-3)


@pytest.mark.parametrize("square", [(174, 63, 101), (-20, 440, 150), (200, 80, 31)])
def test_the_browser_cuts_a_face_as_python_does(page, square, tmp_path):
    path = tmp_path / "woman.png"
    Image.fromarray(data.astronaut()).save(path)
    script = """
        const [url, square, done] = arguments, image = new Image();
        image.onload = () => {
          const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          done(Array.from(document.getElementById("playground-app").playground.cut(context, ...square)));
        };
        image.src = url;
    """
    url = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    cut = np.array(page.execute_async_script(script, url, square)).reshape(48, 48)
    difference = np.abs(cut - crop_face(read_image(path), np.array(square)))
    assert difference.max() <= 1 and difference.mean() < 0.2


def test_examples_bars_and_colours(page):
    assert [
        element.text for element in page.find_elements(By.CSS_SELECTOR, ".examples button")
    ] == list(EMOTION_NAMES)
    colours = page.execute_script(
        "return [...document.querySelectorAll('.fill')].map((e) => getComputedStyle(e).backgroundColor)"
    )
    assert colours == [
        f"rgb({int(c[1:3], 16)}, {int(c[3:5], 16)}, {int(c[5:], 16)})" for c in COLORS
    ]
    shares = [
        int(element.text.removesuffix(" %"))
        for element in page.find_elements(By.CSS_SELECTOR, ".value")
    ]
    best = EMOTION_NAMES[int(np.argmax(shares))]
    assert abs(sum(shares) - 100) <= 4
    assert (
        text(page, ".answer") == (best if max(shares) > 50 else f"Unsure: perhaps {best}")
        or 49 <= max(shares) <= 51
    )


def test_a_photo_is_opened_and_the_box_moves_by_keyboard_and_pointer(page, tmp_path):
    Image.fromarray(data.astronaut()).save(tmp_path / "woman.jpg", exif=turned())
    page.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(tmp_path / "woman.jpg"))
    wait(page, lambda: "Move the box" in text(page, ".status"))
    left, top, width = box(page)
    assert (left, width) == pytest.approx((20, 60), abs=0.5)
    crop = page.find_element(By.CSS_SELECTOR, ".crop")
    crop.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_UP, "-")
    moved = box(page)
    assert moved[2] < width and moved[0] > left and moved[1] < top + (width - moved[2]) / 2
    webdriver.ActionChains(page).drag_and_drop_by_offset(crop, -30, 20).perform()
    assert box(page)[0] < moved[0] and box(page)[1] > moved[1]


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def test_what_is_no_picture_is_said(page, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    page.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(tmp_path / "notes.txt"))
    wait(page, lambda: "notes.txt is no picture" in text(page, ".status"))


def test_the_camera_starts_counts_frames_and_stops(page):
    camera = page.find_element(By.CSS_SELECTOR, ".camera")
    camera.click()
    wait(page, lambda: "frames a second" in text(page, ".speed"))
    assert camera.text == "Stop the camera"
    camera.click()
    assert camera.text == "Use the camera" and text(page, ".status") == ""


def test_without_a_camera_a_photo_does(served):
    browser = start_browser()
    try:
        browser.get(served)
        wait(browser, lambda: text(browser, ".answer"))
        browser.find_element(By.CSS_SELECTOR, ".camera").click()
        wait(browser, lambda: "A photo does as well" in text(browser, ".status"))
    finally:
        browser.quit()


def test_opened_from_disk_it_says_what_to_run(browser, site):
    browser.get((site / "index.html").as_uri())
    wait(browser, lambda: "make serve" in text(browser, ".status"))


def test_no_other_server_is_asked(page, served):
    asked = page.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    own = served.removesuffix("index.html")
    assert any(name.endswith(".wasm") for name in asked) and all(
        name.startswith((own, "data:", "blob:")) for name in asked
    )


def test_without_the_runtime_the_page_says_that_the_playground_is_left_out(render, tmp_path):
    assert "npm's registry" in render.playground(None, tmp_path, tmp_path / "playground", "full")
    assert "The playground was left out of this book" in (tmp_path / "_playground.html").read_text(
        encoding="utf-8"
    )
    assert not (tmp_path / "playground").exists()


def test_a_package_that_is_not_the_pinned_one_is_refused(render, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "ROOT", tmp_path)
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\necho other > other.tgz\necho \'[{"filename": "other.tgz"}]\'\n')
    npm.chmod(0o755)
    monkeypatch.setattr(render.shutil, "which", lambda name: str(npm))
    with pytest.raises(ValueError, match="SHA-512"):
        render.package("some@1.0.0", "AAAA")
    npm.write_text("#!/bin/sh\nexit 1\n")
    assert render.package("other@1.0.0", "AAAA") is None


def test_the_network_that_a_browser_loads_is_small(render):
    run = best_single_run(RESULTS)
    assert run.weights.stat().st_size < render.PLAYGROUND_LIMIT
