"""A browser for the pages.

Chromium and its driver come from the system, so that Selenium downloads neither.
"""

import shutil

import pytest
from selenium import webdriver

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _require_browser():
    """The paths of a browser and its driver; without them the test is skipped."""
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if not (binary and driver):
        pytest.skip(f"needs one of {', '.join(BROWSERS)}, and chromedriver, on the PATH")
    return binary, driver


def _start_browser(*arguments):
    binary, driver = _require_browser()
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


@pytest.fixture(scope="session")
def start_browser():
    """Starts a browser with command-line arguments, which the caller quits."""
    return _start_browser


@pytest.fixture(scope="module")
def browser():
    browser = _start_browser("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    yield browser
    browser.quit()
