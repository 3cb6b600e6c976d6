"""Measure what the playground loads, and how fast it is in headless Chromium.

Serves a built book on this machine and opens its page `playground.html`. The browser has one thread
for the networks, as it has on most hosts. Times are the fastest of several calls, because other
programs may run. Needs Chromium and its driver, and a book with a playground. Writes
`results/analysis/playground.json`.

    python benchmarks/playground.py [--book build/full/html] [--repetitions N]
"""

import argparse
import functools
import gzip
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from fer_lib.analysis.benchmarks import PLAYGROUND_PATH
from fer_lib.io import write_json
from fer_lib.paths import BUILD
from fer_lib.runs.environment import hardware
from fer_lib.runs.manifest import manifest_updated

REPETITIONS = 50
SECONDS = 300  # to wait for the browser
READY = "return Boolean(document.querySelector('#playground-app').playground)"
LOADED = """
    return performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname);
"""
# The example photograph is searched and its face classified; both are timed.
MEASURE = """
    const [done] = arguments, { classify, cropFace, detector } =
      document.querySelector("#playground-app").playground;
    (async () => {
      const image = new Image();
      image.src = "playground/astronaut.png";
      await image.decode();
      const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
      context.drawImage(image, 0, 0);
      const pixels = context.getImageData(0, 0, image.width, image.height);
      const began = performance.now(), [face] = await detector.detect(pixels);
      const detected = performance.now();
      await classify([cropFace(pixels, face.square, face.angle, 48)]);
      return [detected - began, performance.now() - detected];
    })().then(done, (error) => done(String(error)));
"""


class _Server(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def start_browser() -> webdriver.Chrome:
    """Chromium and its driver, those of this machine."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    browser.set_script_timeout(SECONDS)
    return browser


def loaded_files(book: Path, names: list[str]) -> list[dict]:
    """The playground's files among those that a page loaded, with their bytes as a host sends them.

    Hosts compress what they send with gzip, if the browser takes it.
    """
    paths = [book / name.lstrip("/") for name in names if name.startswith("/playground/")]
    return [
        {
            "file": path.name,
            "bytes": path.stat().st_size,
            "compressed_bytes": len(gzip.compress(path.read_bytes(), mtime=0)),
        }
        for path in sorted(set(paths))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--book", type=Path, default=BUILD / "full" / "html", metavar="FOLDER")
    parser.add_argument(
        "--repetitions", type=int, default=REPETITIONS, help=f"(default: {REPETITIONS})"
    )
    options = parser.parse_args()
    handler = functools.partial(_Server, directory=options.book)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = start_browser()
    try:
        browser.get(f"http://127.0.0.1:{server.server_port}/playground.html")
        WebDriverWait(browser, SECONDS).until(lambda _: browser.execute_script(READY))
        files = loaded_files(options.book, browser.execute_script(LOADED))
        turns = [browser.execute_async_script(MEASURE) for _ in range(options.repetitions)]
        version = browser.capabilities["browserVersion"]
    finally:
        browser.quit()
        server.shutdown()
    if errors := [turn for turn in turns if isinstance(turn, str)]:
        raise SystemExit(errors[0])
    detect, classify = map(min, zip(*turns, strict=True))
    record = {
        "hardware": hardware(),
        "chromium": version,
        "repetitions": options.repetitions,
        "files": files,
        "detect_ms": detect,
        "classify_ms": classify,
    }
    print(record)
    with manifest_updated():
        write_json(PLAYGROUND_PATH, record)


if __name__ == "__main__":
    main()
