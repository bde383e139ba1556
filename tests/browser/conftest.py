"""One browser and one server for all tests of a session; each test ends with an empty console."""

from collections.abc import Generator

import pytest

from tests.browser.chrome import Chrome, chrome
from tests.browser.site import Site, replica, site

NOTE = "browser note"


@pytest.fixture(scope="session")
def replica_url() -> Generator[str, None, None]:
    with replica() as url:
        yield url


@pytest.fixture(scope="session")
def server(replica_url: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site, None, None]:
    with site(replica_url, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def one_chrome() -> Generator[Chrome, None, None]:
    with chrome() as driven:
        yield driven


@pytest.fixture
def browser(one_chrome: Chrome) -> Generator[Chrome, None, None]:
    one_chrome.size(1280)
    one_chrome.prefer(prefers_color_scheme="light")
    yield one_chrome
    one_chrome.driver.get("about:blank")
    assert one_chrome.errors() == []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was measured."""
    terminalreporter.section("page")
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == NOTE:
                terminalreporter.write_line(str(value))
