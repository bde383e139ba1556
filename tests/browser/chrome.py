"""A real browser, without a window. `RAO_CHROMIUM` and `RAO_CHROMEDRIVER` name them where they are elsewhere."""

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

T = TypeVar("T")

PATIENCE_S = 20
# An element may go away between being found and being asked: then it is looked for again.
GONE = (StaleElementReferenceException,)
ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars")

ASYNC = """const done = arguments[arguments.length - 1];
(async (...args) => { %s })(...arguments).then(done, (error) => done('error: ' + error.stack));"""


class Chrome:
    """The browser as tests use it. Elements are named by CSS selectors."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        """Go there anew, also where only the part after the # differs."""
        self.driver.get("about:blank")
        self.driver.get(url)

    def size(self, width: int, height: int = 800) -> None:
        """Make the page so large, whatever the window is."""
        device = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **device)

    def prefer(self, **features: str) -> None:
        """What the system prefers, as in `prefers_color_scheme="dark"`."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.command("Emulation.setEmulatedMedia", features=named)

    def command(self, name: str, **parameters: object) -> Any:  # noqa: ANN401 - the protocol has as many answers as commands
        """A command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)  # pyright: ignore[reportUnknownMemberType] - untyped dicts

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the script says
        """What the script returns."""
        return self.driver.execute_script(script, *arguments)  # pyright: ignore[reportUnknownMemberType] - untyped

    def run_async(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the script says
        """What the body of this async function returns."""
        answer = self.driver.execute_async_script(ASYNC % script, *arguments)  # pyright: ignore[reportUnknownMemberType] - untyped
        assert not str(answer).startswith("error: "), answer
        return answer

    def all(self, selector: str) -> list[WebElement]:
        """Every element of this selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str, text: str = "") -> WebElement:
        """The first that is shown and has this text in it; waits for it."""
        return self.wait(
            lambda: next((each for each in self.all(selector) if each.is_displayed() and text in each.text), None),
            f"{selector} with {text!r}",
        )

    def wait(self, found: Callable[[], T | None], what: str) -> T:
        """Until there is something, or AssertionError after a while."""
        patient = WebDriverWait(self.driver, PATIENCE_S, poll_frequency=0.02, ignored_exceptions=GONE)
        return patient.until(lambda _: found(), f"never seen: {what}")  # pyright: ignore[reportReturnType]

    def errors(self) -> list[str]:
        """What the browser complained of since it was asked last."""
        entries: list[dict[str, Any]] = self.driver.get_log("browser")  # pyright: ignore[reportUnknownMemberType]
        return [entry["message"] for entry in entries if entry["level"] in {"SEVERE", "WARNING"}]


@contextmanager
def chrome() -> Generator[Chrome, None, None]:
    """A browser with a clean profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = _found("RAO_CHROMIUM", "chromium", "chromium-browser", "google-chrome")
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(_found("RAO_CHROMEDRIVER", "chromedriver")))
    try:
        driver.set_script_timeout(60)
        yield Chrome(driver)
    finally:
        driver.quit()


def _found(variable: str, *names: str) -> str:
    for found in (os.environ.get(variable), *map(shutil.which, names)):
        if found:
            return found
    raise FileNotFoundError(f"install chromium and chromium-driver, or let {variable} name it")
