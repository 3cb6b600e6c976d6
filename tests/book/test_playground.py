"""The playground in a browser."""

import base64
import functools
import http.server
import io
import json
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from skimage import data

from fer_lib.data.labels import COLORS, EMOTION_NAMES
from fer_lib.data.synthetic import synthetic_faces
from fer_lib.deploy import face_detection
from fer_lib.deploy.faces import CONFIDENT_ABOVE
from fer_lib.deploy.images import crop_face, photo_from_array
from fer_lib.deploy.inference import OnnxModel
from fer_lib.deploy.onnx_export import write_onnx
from fer_lib.paths import RESULTS
from fer_lib.runs.store import best_single_run
from fer_lib.tta import views

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "book" / "playground"
FACES = synthetic_faces(np.arange(20) % 7, seed=3)
PORTRAIT = Image.fromarray(data.astronaut())
GRAY = (120, 130, 125)


def several_faces():
    """Three faces: upright, small, and turned by 25 degrees."""
    photo = Image.new("RGB", (900, 500), GRAY)
    head = PORTRAIT.crop((96, 0, 352, 256))
    photo.paste(head.resize((300, 300)), (20, 40))
    photo.paste(head.resize((110, 110)), (360, 350))
    photo.paste(head.resize((340, 340)).rotate(-25, Image.Resampling.BICUBIC, True), (440, 10))
    return photo


PHOTOS = {
    "portrait": PORTRAIT,
    "several faces": several_faces(),
    "turned": PORTRAIT.rotate(-35, Image.Resampling.BICUBIC, fillcolor=GRAY),
    "no face": Image.fromarray(data.coffee()),
}


@pytest.fixture(scope="module")
def prepare(book_script):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "book")
        yield book_script("prepare")


@pytest.fixture(scope="module")
def site(prepare, browser, tmp_path_factory):
    """A folder with the playground in a page of its own, under the policy of the book's pages."""
    if shutil.which("npm") is None or (runtime := prepare.package(*prepare.RUNTIME)) is None:
        pytest.skip("needs ONNX Runtime Web, from npm's registry")
    folder = tmp_path_factory.mktemp("site")
    assert prepare.playground(runtime, folder, folder / "playground", "full") is None
    css = (ROOT / "book" / "_static" / "playground.css").read_text(encoding="utf-8")
    fragment = (folder / "_playground.html").read_text(encoding="utf-8")
    page = (
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Playground</title>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<link rel=icon href='data:,'><style>{css}</style></head><body>{fragment}</body></html>"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "book" / "_ext")
        import content_security_policy as extension
    policy = f'<head><meta http-equiv="Content-Security-Policy" content="{extension.policy(page)}">'
    (folder / "index.html").write_text(page.replace("<head>", policy), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def served(site):
    """The address of the page, on a server that knows few media types."""

    class Server(http.server.SimpleHTTPRequestHandler):
        extensions_map = {"": "text/plain", ".html": "text/html", ".js": "text/javascript"}  # noqa: RUF012

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Server, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()


@pytest.fixture(scope="module")
def loaded(browser, served):
    browser.get(served)
    wait(browser, lambda: is_predicted(browser))
    return browser


@pytest.fixture
def page(loaded, served):
    """The page as it starts."""
    if loaded.current_url != served:
        loaded.get(served)
        wait(loaded, lambda: is_predicted(loaded))
    loaded.find_element(By.CSS_SELECTOR, ".example").click()
    wait(loaded, lambda: is_predicted(loaded) and text(loaded, ".credit"))
    return loaded


def wait(browser, condition):
    return WebDriverWait(browser, 60).until(lambda _: condition())


def text(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, f"#playground-app {selector}").text


def is_predicted(browser):
    return text(browser, ".prediction") not in ("", "Detecting faces…") and text(browser, ".value")


def box(browser):
    return browser.execute_script("""
        const { left, top, width } = document.querySelector(".crop").style;
        return [left, top, width].map(parseFloat);
    """)


def angle(browser):
    turn = browser.execute_script("return document.querySelector('.crop').style.transform")
    return float(re.search(r"rotate\((.*)deg", turn)[1])


def percentages(page):
    return [element.text for element in page.find_elements(By.CSS_SELECTOR, ".value")]


def upload(page, path, image, **options):
    image.save(path, **options)
    page.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(path))
    wait(page, lambda: not text(page, ".credit"))
    wait(page, lambda: text(page, ".prediction") not in ("", "Detecting faces…"))


def run(page, script, image, *values):
    """Run a script with an image: its `pixels`, further `values`, and `done`."""
    png = io.BytesIO()
    image.save(png, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
    start = """
        const [url, ...values] = arguments, done = values.pop(), image = new Image();
        image.onload = () => {
          const canvas = document.createElement("canvas");
          Object.assign(canvas, { width: image.width, height: image.height });
          const context = canvas.getContext("2d", { willReadFrequently: true });
          context.drawImage(image, 0, 0);
          const pixels = context.getImageData(0, 0, image.width, image.height);
          const playground = document.getElementById("playground-app").playground;
    """
    return page.execute_async_script(f"{start}{script}}};image.src = url;", url, *values)


# The networks, as in Python


def test_browser_and_python_predict_the_same_probabilities(page, site, prepare):
    script = """
        const [faces, done] = arguments;
        document.getElementById("playground-app").playground.classify(faces).then(done, String);
    """
    in_browser = np.array(page.execute_async_script(script, FACES.reshape(20, -1).tolist()))
    expected = OnnxModel(site / "playground" / prepare.MODEL).probabilities(FACES)
    np.testing.assert_allclose(in_browser, expected, atol=1e-3)


def test_single_view_and_the_mirrored_image_average_to_the_model(site, prepare):
    model, live = (
        OnnxModel(site / "playground" / name) for name in (prepare.MODEL, prepare.LIVE_MODEL)
    )
    assert model.metadata["tta"] == "flip" and live.metadata["tta"] == "none"
    temperature = float(model.metadata["temperature"])
    # The views' probabilities at temperature 1, which is before their mean is taken.
    both = [live.probabilities(view(FACES)) ** temperature for view in views("flip")]
    mean = sum(p / p.sum(axis=1, keepdims=True) for p in both) / 2
    expected = mean ** (1 / temperature)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.probabilities(FACES), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("square", "angle"),
    [
        ((174, 63, 101), 0),
        ((-20, 440, 150), 0),
        ((200, 80, 31), 0),
        ((166.4, 57.2, 115.3), 20),
        ((-20.5, 300, 300.7), -40),
    ],
)
def test_browser_and_python_crop_the_same_pixels(page, square, angle):
    script = "done(Array.from(playground.cropFace(pixels, ...values, 48)));"
    crop = np.array(run(page, script, PORTRAIT, square, angle)).reshape(48, 48)
    expected = crop_face(photo_from_array(np.asarray(PORTRAIT)), square, angle)
    difference = np.abs(crop - expected)
    assert difference.max() <= 2 and difference.mean() < 0.3


@pytest.mark.parametrize("name", PHOTOS)
def test_browser_and_python_detect_the_same_faces(page, name):
    script = """
        playground.detector.detect(pixels).then((faces) => {
          done(faces.map(({ square, angle, row }) => [...square, angle, row[7]]));
        }, String);
    """
    found = run(page, script, PHOTOS[name])
    expected = face_detection.detect_faces(photo_from_array(np.asarray(PHOTOS[name])))
    assert len(expected) == {"several faces": 3, "no face": 0}.get(name, 1)
    rows = [[*face.square, face.angle, face.score] for face in expected]
    assert len(found) == len(rows)
    for face, row in zip(found, rows, strict=True):
        assert np.abs(np.subtract(face[:3], row[:3])).max() < 1  # pixels
        assert abs(face[3] - row[3]) < 1 and abs(face[4] - row[4]) < 0.02


# The page


def test_it_starts_with_a_photograph_that_is_predicted_correctly(page):
    assert text(page, ".headline") == "happy" and "NASA" in text(page, ".credit")
    expected = 100 * np.array([166, 57, 115]) / 512
    assert np.abs(np.subtract(box(page), expected)).max() < 1


def test_bars_and_colors(page):
    colors = page.execute_script("""
        const bars = [...document.querySelectorAll(".fill")];
        return bars.map((bar) => getComputedStyle(bar).backgroundColor);
    """)
    assert colors == [
        f"rgb({int(c[1:3], 16)}, {int(c[3:5], 16)}, {int(c[5:], 16)})" for c in COLORS
    ]
    percent = [int(value.removesuffix("\u00a0%").removesuffix(" %")) for value in percentages(page)]
    assert abs(sum(percent) - 100) <= 4
    assert EMOTION_NAMES[int(np.argmax(percent))] == "happy"
    assert text(page, ".prediction") == f"happy {max(percent)} %"
    assert max(percent) > 100 * CONFIDENT_ABOVE


def test_one_of_several_faces_is_picked(page, tmp_path):
    upload(page, tmp_path / "several.png", PHOTOS["several faces"])
    wait(page, lambda: all(percentages(page)))
    others = page.find_elements(By.CSS_SELECTOR, ".faces button:not([hidden])")
    first, before = others[0], box(page)
    assert len(others) == 2  # the largest face has the box
    assert first.get_attribute("aria-label").startswith("Face 1 of 3: ")
    first.send_keys(Keys.ENTER)
    assert box(page)[0] < before[0]
    assert page.switch_to.active_element == page.find_element(By.CSS_SELECTOR, ".crop")
    assert len(page.find_elements(By.CSS_SELECTOR, ".faces button:not([hidden])")) == 2


def test_photo_without_a_face_is_not_classified(page, tmp_path):
    upload(page, tmp_path / "coffee.png", PHOTOS["no face"])
    assert text(page, ".headline") == "No face found"
    assert not any(percentages(page)) and "classify" not in text(page, ".speed")
    assert not page.find_element(By.CSS_SELECTOR, ".crop").is_displayed()
    page.find_element(By.CSS_SELECTOR, ".place button").click()
    wait(page, lambda: all(percentages(page)))
    assert page.find_element(By.CSS_SELECTOR, ".crop").is_displayed()
    assert text(page, ".place") == ""


def test_tiny_image_without_a_face_is_taken_as_a_face(page, tmp_path):
    upload(page, tmp_path / "tiny.png", Image.fromarray(data.coffee()[:48, :48]))
    assert text(page, ".place button") == "Take the whole image as the face"
    page.find_element(By.CSS_SELECTOR, ".place button").click()
    wait(page, lambda: all(percentages(page)))
    assert box(page) == [0, 0, 100]


def test_photo_is_turned_as_its_exif_data_say(page, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned to the left
    upload(page, tmp_path / "turned.png", PORTRAIT.transpose(Image.Transpose.ROTATE_90), exif=exif)
    expected = 100 * np.array([166, 57, 115]) / 512
    assert np.abs(np.subtract(box(page), expected)).max() < 1


def test_box_moves_by_keyboard_pointer_and_slider(page):
    left, top, width = box(page)
    crop = page.find_element(By.CSS_SELECTOR, ".crop")
    crop.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_UP, "-")
    moved = box(page)
    assert moved[2] < width and moved[0] > left and moved[1] < top + (width - moved[2]) / 2
    webdriver.ActionChains(page).drag_and_drop_by_offset(crop, -30, 20).perform()
    assert box(page)[0] < moved[0] and box(page)[1] > moved[1]
    before = angle(page)
    page.find_element(By.CSS_SELECTOR, ".rotation input").send_keys(Keys.ARROW_RIGHT * 3)
    assert angle(page) == round(before) + 3
    page.find_element(By.CSS_SELECTOR, ".size input").send_keys(Keys.ARROW_RIGHT)
    page.find_element(By.CSS_SELECTOR, ".detect").click()
    wait(page, lambda: np.abs(np.subtract(box(page), (left, top, width))).max() < 0.1)
    assert not page.find_element(By.CSS_SELECTOR, ".detect").is_displayed()


def test_moved_box_is_predicted(page):
    before = percentages(page)
    page.find_element(By.CSS_SELECTOR, ".crop").send_keys(*[Keys.SHIFT, Keys.ARROW_DOWN] * 3)
    wait(page, lambda: percentages(page) != before)


def test_prediction_and_box_are_in_view_on_a_phone(page):
    metrics = {"width": 400, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        page.execute_script("document.querySelector('.prediction').scrollIntoView()")
        edges = page.execute_script("""
            return [".prediction", ".crop", ".bars"].map((selector) => {
              const { top, bottom } = document.querySelector(selector).getBoundingClientRect();
              return [top, bottom];
            });
        """)
        assert np.min(edges) >= 0 and np.max(edges) <= 700
        assert page.execute_script("return document.documentElement.scrollWidth") <= 400
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_sliders_are_dark_in_the_dark_theme(page):
    script = """
        document.documentElement.dataset.theme = arguments[0];
        return getComputedStyle(document.querySelector(".size input")).colorScheme;
    """
    assert page.execute_script(script, "dark") == "dark"
    assert page.execute_script(script, "light") == "normal"


def test_model_can_be_downloaded_beside_its_card(page, site):
    links = page.find_elements(By.CSS_SELECTOR, ".model a")
    assert [link.get_attribute("href").split("/")[-1] for link in links] == [
        "model.onnx",
        "model_card.html",
    ]
    megabytes = (site / "playground" / "model.onnx").stat().st_size / 1e6
    assert f"{megabytes:.1f} MB" in links[0].text.replace("\u00a0", " ")


def test_file_that_is_no_image_is_named(page, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    page.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(tmp_path / "notes.txt"))
    wait(page, lambda: "notes.txt is not an image" in text(page, ".status"))


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two seconds of a face that moves and turns, for a camera that is none."""
    path = tmp_path_factory.mktemp("film") / "film.mjpeg"
    head = PORTRAIT.crop((96, 0, 352, 256)).resize((400, 400))
    with path.open("wb") as file:
        for phase in np.linspace(0, 2 * np.pi, 60, endpoint=False):
            frame = Image.new("RGB", (640, 480), GRAY)
            turned = head.rotate(15 * np.sin(phase), Image.Resampling.BILINEAR, fillcolor=GRAY)
            frame.paste(turned, (round(120 + 100 * np.sin(phase)), 40))
            frame.save(file, "JPEG")
    return path


def test_camera_follows_a_face_and_draws_its_probabilities(served, film, start_browser):
    browser = start_browser(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )
    try:
        browser.get(served)
        wait(browser, lambda: is_predicted(browser))
        camera = browser.find_element(By.CSS_SELECTOR, ".camera")
        camera.click()
        wait(browser, lambda: "predictions per second" in text(browser, ".speed"))
        assert camera.text == "Stop the camera" and text(browser, ".headline") == "happy"
        positions = set()
        wait(browser, lambda: positions.add(box(browser)[0]) or np.ptp(list(positions)) > 10)
        drawn = """
            const { width, height } = document.querySelector(".timeline canvas");
            const context = document.querySelector(".timeline canvas").getContext("2d");
            const { data } = context.getImageData(0, 0, width, height), happy = arguments[0];
            let count = 0;
            for (let i = 0; i < data.length; i += 4) {
              if (happy.every((level, c) => data[i + c] === level) && data[i + 3] === 255) count++;
            }
            return count;
        """
        happy = COLORS[EMOTION_NAMES.index("happy")]
        color = [int(happy[i : i + 2], 16) for i in (1, 3, 5)]
        wait(browser, lambda: browser.execute_script(drawn, color) > 20)
        browser.find_element(By.CSS_SELECTOR, ".crop").send_keys(Keys.ARROW_DOWN)
        wait(browser, lambda: text(browser, ".detect"))
        placed = box(browser)
        wait(browser, lambda: "predictions per second" in text(browser, ".speed"))
        assert box(browser) == placed  # it stays where the reader placed it
        camera.click()
        assert camera.text == "Use the camera"
    finally:
        browser.quit()


def test_camera_without_a_face(page):
    """The browser's own camera shows a pattern."""
    page.find_element(By.CSS_SELECTOR, ".camera").click()
    wait(page, lambda: text(page, ".headline") == "No face found")
    assert not any(percentages(page)) and text(page, ".speed") == ""
    page.find_element(By.CSS_SELECTOR, ".camera").click()
    assert text(page, ".status") == ""


def test_without_a_camera_the_page_asks_for_a_photo(served, start_browser):
    browser = start_browser()
    try:
        browser.get(served)
        wait(browser, lambda: is_predicted(browser))
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
    assert all(name.startswith((own, "data:")) for name in loaded)


def test_page_leaves_the_console_empty(page):
    assert [entry for entry in page.get_log("browser") if entry["level"] != "INFO"] == []


def test_no_file_has_a_suffix_that_hosts_do_not_know(site):
    suffixes = {path.suffix for path in (site / "playground").iterdir()}
    assert suffixes == {".js", ".wasm", ".onnx", ".png"}


def test_page_names_the_reason_without_the_runtime(prepare, tmp_path):
    assert "npm's registry" in prepare.playground(None, tmp_path, tmp_path / "playground", "full")
    assert "The playground was left out of this book" in (tmp_path / "_playground.html").read_text(
        encoding="utf-8"
    )
    assert not (tmp_path / "playground").exists()


def test_page_has_the_constants_of_the_library(prepare):
    settings = json.loads(json.dumps(prepare.playground_settings()))
    assert settings["emotions"] == list(EMOTION_NAMES) and settings["colors"] == list(COLORS)
    assert (settings["image_size"], settings["confident_above"]) == (48, CONFIDENT_ABOVE)
    assert (settings["input"], settings["output"]) == ("pixels", "probabilities")
    detector = settings["detector"]
    assert detector["score_threshold"] == face_detection.SCORE_THRESHOLD
    assert (detector["square_side"], detector["square_shift"]) == (1.13, -0.085)
    scripts = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS.glob("*.js"))
    used = set(re.findall(r"settings\.(\w+)", scripts))
    for names in re.findall(r"const {([^}]*)} = this\.settings", scripts):
        used |= set(re.findall(r"(\w+)(?=:|,|$)", re.sub(r": \w+", ":", names.strip())))
    names = settings.keys() | detector.keys() | settings["tracking"].keys()
    assert used == names - {"file", "input", "output", "outputs"}


def test_selectors_of_the_scripts_are_in_the_page():
    """Without a browser: each class that the scripts look up is in the page."""
    page = (SCRIPTS / "app.html").read_text(encoding="utf-8")
    classes = set(" ".join(re.findall(r'class="([^"]+)"', page)).split())
    scripts = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS.glob("*.js"))
    selectors = re.findall(r'[^\w]find\("\.([\w-]+)', scripts)
    assert len(selectors) > 10 and set(selectors) <= classes


@pytest.mark.parametrize("shipped", [True, False])
def test_licenses_of_what_the_book_serves(prepare, tmp_path, shipped):
    (tmp_path / "mathjax").mkdir()
    (tmp_path / "mathjax" / "LICENSE").write_text("Apache License")
    prepare.write_licenses(tmp_path / "mathjax" if shipped else None, shipped, tmp_path)
    page = (tmp_path / "_licenses.html").read_text(encoding="utf-8")
    linked = {tmp_path / "extra" / name for name in re.findall(r'href="([^"]+)"', page)}
    assert linked == set((tmp_path / "extra" / "licenses").iterdir())
    names = {path.name.partition("-")[0] for path in linked}
    assert names == ({"MathJax", "ONNX", "BlazeFace"} if shipped else set())


def test_book_is_prepared_for_hosts_with_jekyll(prepare, tmp_path, monkeypatch):
    import readme

    monkeypatch.setattr(readme, "draw_figure", lambda path, profile: path.touch())
    monkeypatch.setattr("fer_lib.report.quoted.quoted_numbers", lambda profile: {})
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    monkeypatch.setattr(prepare, "package", lambda *pinned: None)
    assert prepare.prepare(tmp_path / "quick") == 0
    written = tmp_path / "quick" / "prepared"
    assert (written / "extra" / ".nojekyll").exists()
    assert "serves none" in (written / "_licenses.html").read_text(encoding="utf-8")


def test_graph_of_another_form_is_refused(prepare, site, tmp_path):
    from single_view import write_single_view

    model = onnx.load(site / "playground" / prepare.MODEL)
    for stored in model.graph.initializer:
        if list(onnx.numpy_helper.to_array(stored).ravel()) == [2, -1, 7]:
            stored.CopyFrom(onnx.numpy_helper.from_array(np.array([1, 2, -1, 7]), stored.name))
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="0 shapes"):
        write_single_view(tmp_path / "other.onnx", tmp_path / "written.onnx")
    write_single_view(site / "playground" / prepare.LIVE_MODEL, tmp_path / "unchanged.onnx")


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
