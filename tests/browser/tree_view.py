"""What the page of a tree shows, read from the document."""

from dataclasses import dataclass
from typing import Any

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.chrome import Chrome
from tests.browser.site import Site

# Text as it is in the document: what is shown may be cut.
ROWS = """return [...document.querySelectorAll('.row')].map((row) => ({
  id: row.dataset.nodeId, status: row.dataset.status, goal: row.querySelector('.goal').textContent,
  spoken: row.querySelector('.sr-only').textContent, level: row.getAttribute('aria-level'),
  figures: [...row.querySelectorAll('.figure')].map((each) => each.title),
  open: row.getAttribute('aria-expanded'), took: row.querySelector('.took').textContent,
}))"""


@dataclass(frozen=True, slots=True)
class TreeView:
    """The page of one tree, open in the browser."""

    browser: Chrome
    server: Site
    tree_id: str

    @classmethod
    def open(cls, browser: Chrome, server: Site, tree_id: str, node_id: str | None = None) -> "TreeView":
        """Go there, and wait for its first row."""
        node = "" if node_id is None else f"/nodes/{node_id}"
        browser.open(f"{server.url}/ui/#/trees/{tree_id}{node}")
        browser.one(".row")
        return cls(browser, server, tree_id)

    def rows(self) -> list[dict[str, Any]]:
        """The rows in the document, in its order."""
        return self.browser.run(ROWS)

    def row(self, goal: str, status: str = "") -> WebElement:
        """The row of this goal, once it has that status."""
        return self.browser.wait(
            lambda: next(
                (
                    self.browser.all(f'.row[data-node-id="{row["id"]}"]')[0]
                    for row in self.rows()
                    if row["goal"] == goal and status in row["status"]
                ),
                None,
            ),
            f"row {goal} {status}",
        )

    def ended(self, status: str) -> None:
        """Wait until the page says that the tree has ended so, and has all its rows."""
        self.browser.one(".tree-title .badge", status)
        rows = self.server.tree(self.tree_id)["nodes"]["total"] + 1
        self.browser.wait(lambda: self.browser.all(f'.grid[aria-rowcount="{rows}"]'), f"{rows} rows")

    def figure(self, name: str) -> str:
        """A figure of the head."""
        script = """return [...document.querySelectorAll('.figures > div')]
          .find((each) => each.firstChild.textContent === arguments[0]).lastChild.textContent"""
        return self.browser.run(script, name)

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        for key in keys:
            # An element's own send_keys would move the focus to it first.
            ActionChains(self.browser.driver).send_keys(key).perform()

    def focused(self) -> str:
        """The goal of the row that has the focus, once the page has drawn what was asked for."""
        script = """await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
          return document.activeElement.querySelector('.goal')?.textContent ?? ''"""
        return self.browser.run_async(script)


DOWN, UP, LEFT, RIGHT = Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.ARROW_LEFT, Keys.ARROW_RIGHT
