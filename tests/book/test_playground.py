"""The playground in a browser."""

import base64
import functools
import http.server
import json
import re
import shutil
import threading
import time
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
from fer_lib.deploy.faces import CONFIDENT_ABOVE
from fer_lib.deploy.images import crop_face, read_image
from fer_lib.deploy.inference import OnnxModel
from fer_lib.deploy.onnx_export import write_onnx
from fer_lib.paths import RESULTS
from fer_lib.runs.store import best_single_run

ROOT = Path(__file__).resolve().parents[2]
FACES = synthetic_faces(np.arange(20) % 7, seed=3)


@pytest.fixture(scope="module")
def prepare(book_script):
    return book_script("prepare")


@pytest.fixture(scope="module")
def site(prepare, browser, tmp_path_factory):
    """A folder with the playground in a page of its own."""
    if shutil.which("npm") is None or (runtime := prepare.package(*prepare.RUNTIME)) is None:
        pytest.skip("needs ONNX Runtime Web, from npm's registry")
    folder = tmp_path_factory.mktemp("site")
    assert prepare.playground(runtime, folder, folder / "playground", "full") is None
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


@pytest.fixture
def page(browser, served):
    browser.get(served)
    wait(browser, lambda: text(browser, ".prediction") and text(browser, ".value"))
    return browser


def wait(browser, condition):
    return WebDriverWait(browser, 60).until(lambda _: condition())


def text(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, f"#playground-app {selector}").text


def box(browser):
    return browser.execute_script("""
        const { left, top, width } = document.querySelector(".crop").style;
        return [left, top, width].map(parseFloat);
    """)


def test_browser_and_python_predict_the_same_probabilities(page, site):
    script = """
        const [faces, done] = arguments;
        const { classify } = document.getElementById("playground-app").playground;
        const classifyAll = async () => {
          const all = [];
          for (const face of faces) all.push(await classify(face));
          return all;
        };
        classifyAll().then(done, String);
    """
    in_browser = np.array(page.execute_async_script(script, FACES.reshape(20, -1).tolist()))
    expected = OnnxModel(site / "playground" / "model.onnx").probabilities(FACES)
    np.testing.assert_allclose(in_browser, expected, atol=1e-3)


@pytest.mark.parametrize("square", [(174, 63, 101), (-20, 440, 150), (200, 80, 31)])
def test_browser_and_python_crop_the_same_pixels(page, square, tmp_path):
    path = tmp_path / "portrait.png"
    Image.fromarray(data.astronaut()).save(path)
    script = """
        const [url, square, done] = arguments, image = new Image();
        image.onload = () => {
          const canvas = document.createElement("canvas");
          Object.assign(canvas, { width: image.width, height: image.height });
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          const { crop } = document.getElementById("playground-app").playground;
          done(Array.from(crop(context, ...square)));
        };
        image.src = url;
    """
    url = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    crop = np.array(page.execute_async_script(script, url, square)).reshape(48, 48)
    difference = np.abs(crop - crop_face(read_image(path), np.array(square)))
    assert difference.max() <= 1 and difference.mean() < 0.2


def test_examples_bars_and_colors(page):
    assert [
        element.text for element in page.find_elements(By.CSS_SELECTOR, ".examples button")
    ] == ["astronaut", *EMOTION_NAMES]
    colors = page.execute_script("""
        const bars = [...document.querySelectorAll(".fill")];
        return bars.map((bar) => getComputedStyle(bar).backgroundColor);
    """)
    assert colors == [
        f"rgb({int(c[1:3], 16)}, {int(c[3:5], 16)}, {int(c[5:], 16)})" for c in COLORS
    ]
    percentages = [
        int(element.text.removesuffix(" %"))
        for element in page.find_elements(By.CSS_SELECTOR, ".value")
    ]
    best = EMOTION_NAMES[int(np.argmax(percentages))]
    assert abs(sum(percentages) - 100) <= 4
    prediction = text(page, ".prediction")
    if abs(max(percentages) - 100 * CONFIDENT_ABOVE) > 1:
        confident = max(percentages) > 100 * CONFIDENT_ABOVE
        assert prediction == (best if confident else f"Uncertain: perhaps {best}")


def test_it_starts_with_a_photograph_that_is_predicted_correctly(page):
    assert text(page, ".prediction") == "happy" and "NASA" in text(page, ".credit")
    left, top, width = box(page)
    expected = 100 * np.array([166, 57, 115]) / 512
    assert np.abs(np.array([left, top, width]) - expected).max() < 1
    page.find_element(By.CSS_SELECTOR, ".drawings button").click()
    wait(page, lambda: box(page) == [0, 0, 100])
    assert text(page, ".credit") == ""
    assert "outside the training data" in text(page, ".examples")


def percentages(page):
    return [element.text for element in page.find_elements(By.CSS_SELECTOR, ".value")]


@pytest.mark.parametrize("confirm", ["the button", "the box", "the slider"])
def test_uploaded_photo_is_predicted_once_its_box_is_placed(page, confirm, tmp_path):
    Image.fromarray(data.astronaut()).save(tmp_path / "portrait.png")
    page.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(tmp_path / "portrait.png"))
    wait(page, lambda: text(page, ".place"))
    time.sleep(0.5)  # frames in which nothing may be predicted
    assert text(page, ".place span") == "Move the box to the face."
    assert text(page, ".prediction") == "Place the box first."
    assert not any(percentages(page)) and text(page, ".speed") == ""
    selector = {"the button": ".place button", "the box": ".crop", "the slider": ".size input"}
    element = page.find_element(By.CSS_SELECTOR, selector[confirm])
    if confirm == "the button":
        element.click()
    else:
        element.send_keys(Keys.ARROW_RIGHT)
    wait(page, lambda: all(percentages(page)))
    assert text(page, ".place") == ""


def test_box_moves_by_keyboard_and_pointer(page, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    Image.fromarray(data.astronaut()).save(tmp_path / "portrait.jpg", exif=exif)
    page.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(tmp_path / "portrait.jpg"))
    wait(page, lambda: text(page, ".place") and text(page, ".status") == "")
    left, top, width = box(page)
    assert (left, width) == pytest.approx((20, 60), abs=0.5)
    crop = page.find_element(By.CSS_SELECTOR, ".crop")
    crop.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_UP, "-")
    moved = box(page)
    assert moved[2] < width and moved[0] > left and moved[1] < top + (width - moved[2]) / 2
    webdriver.ActionChains(page).drag_and_drop_by_offset(crop, -30, 20).perform()
    assert box(page)[0] < moved[0] and box(page)[1] > moved[1]


def test_file_that_is_no_image_is_named(page, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    page.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(tmp_path / "notes.txt"))
    wait(page, lambda: "notes.txt is not an image" in text(page, ".status"))


def test_camera_starts_counts_frames_and_stops(page):
    camera = page.find_element(By.CSS_SELECTOR, ".camera")
    camera.click()
    wait(page, lambda: "frames per second" in text(page, ".speed"))
    assert camera.text == "Stop the camera"
    camera.click()
    assert camera.text == "Use the camera" and text(page, ".status") == ""


def test_without_a_camera_the_page_asks_for_a_photo(served, start_browser):
    browser = start_browser()
    try:
        browser.get(served)
        wait(browser, lambda: text(browser, ".prediction"))
        browser.find_element(By.CSS_SELECTOR, ".camera").click()
        wait(browser, lambda: "Choose a photo instead" in text(browser, ".status"))
    finally:
        browser.quit()


def test_page_opened_from_disk_names_the_command(browser, site):
    browser.get((site / "index.html").as_uri())
    wait(browser, lambda: "make serve" in text(browser, ".status"))


def test_page_loads_nothing_from_another_server(page, served):
    loaded = page.execute_script(
        "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    own = served.removesuffix("index.html")
    assert any(name.endswith(".wasm") for name in loaded)
    assert all(name.startswith((own, "data:", "blob:")) for name in loaded)


def test_page_names_the_reason_without_the_runtime(prepare, tmp_path):
    assert "npm's registry" in prepare.playground(None, tmp_path, tmp_path / "playground", "full")
    assert "The playground was left out of this book" in (tmp_path / "_playground.html").read_text(
        encoding="utf-8"
    )
    assert not (tmp_path / "playground").exists()


def test_package_other_than_the_pinned_one_is_refused(prepare, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\necho other > other.tgz\necho \'[{"filename": "other.tgz"}]\'\n')
    npm.chmod(0o755)
    monkeypatch.setattr(prepare.shutil, "which", lambda name: str(npm))
    with pytest.raises(ValueError, match="SHA-512"):
        prepare.package("some@1.0.0", "AAAA")
    npm.write_text("#!/bin/sh\nexit 1\n")
    assert prepare.package("other@1.0.0", "AAAA") is None


def test_page_has_the_constants_of_the_library(prepare, tmp_path, monkeypatch):
    """Without a browser: the files and the settings of the page, with a runtime of empty files."""
    runtime, model = tmp_path / "runtime", tmp_path / "any.onnx"
    (runtime / "dist").mkdir(parents=True)
    for name in prepare.RUNTIME_FILES:
        (runtime / "dist" / name).touch()
    model.write_bytes(b"a model")
    monkeypatch.setattr("fer_lib.deploy.exported.ensure_exported", lambda run: model)
    assert prepare.playground(runtime, tmp_path, tmp_path / "playground", "full") is None
    files = {path.name for path in (tmp_path / "playground").iterdir()}
    assert files == {"model.onnx", "playground.js", "astronaut.png", *prepare.RUNTIME_FILES}
    with Image.open(tmp_path / "playground" / "astronaut.png") as portrait:
        np.testing.assert_array_equal(np.asarray(portrait), data.astronaut())
    page = (tmp_path / "_playground.html").read_text(encoding="utf-8")
    settings = json.loads(re.search(r'id="playground-settings">(.*?)</script>', page)[1])
    assert settings["emotions"] == list(EMOTION_NAMES) and settings["colors"] == list(COLORS)
    assert (settings["image_size"], settings["confident_above"]) == (48, CONFIDENT_ABOVE)
    assert (settings["input"], settings["output"]) == ("pixels", "probabilities")
    script = (ROOT / "book" / "playground" / "playground.js").read_text(encoding="utf-8")
    assert set(re.findall(r"settings\.(\w+)", script)) == settings.keys()
    assert settings["portrait"] == "astronaut.png"
    assert np.abs(np.subtract(settings["portrait_box"], (166, 57, 115))).max() <= 8
    assert [drawing["emotion"] for drawing in settings["drawings"]] == list(EMOTION_NAMES)
    assert len(base64.b64decode(settings["drawings"][0]["pixels"])) == 48 * 48


def test_selectors_of_the_script_are_in_the_page():
    """Without a browser: each class that the script looks up is in the page."""
    folder = ROOT / "book" / "playground"
    page = (folder / "app.html").read_text(encoding="utf-8")
    classes = set(" ".join(re.findall(r'class="([^"]+)"', page)).split())
    script = (folder / "playground.js").read_text(encoding="utf-8")
    selectors = re.findall(r'[^.\w]find\("\.([\w-]+)', script)
    assert len(selectors) > 10 and set(selectors) <= classes


def test_model_too_large_for_a_browser_is_refused(prepare, tmp_path, monkeypatch):
    model = tmp_path / "any.onnx"
    model.write_bytes(b"a model")
    monkeypatch.setattr("fer_lib.deploy.exported.ensure_exported", lambda run: model)
    monkeypatch.setattr(prepare, "PLAYGROUND_LIMIT", 6)
    with pytest.raises(ValueError, match="7 bytes; a browser loads 6 at most"):
        prepare.playground(tmp_path, tmp_path, tmp_path / "playground", "full")


def test_deployed_model_is_small_enough_for_a_browser(prepare, tmp_path):
    write_onnx(best_single_run(RESULTS), tmp_path / "best.onnx")
    assert (tmp_path / "best.onnx").stat().st_size <= prepare.PLAYGROUND_LIMIT
