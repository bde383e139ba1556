"""The list of trees."""

import json
import shlex
from pathlib import Path

from tests.browser.chrome import Chrome
from tests.browser.site import Site, site


def open_list(browser: Chrome, server: Site) -> None:
    browser.open(f"{server.url}/ui")


def goals(browser: Chrome) -> list[str]:
    return browser.run("return [...document.querySelectorAll('tbody .goal a')].map((link) => link.textContent)")


def test_a_server_without_trees_says_how_to_begin(browser: Chrome, replica_url: str, tmp_path: Path) -> None:
    with site(replica_url, tmp_path) as server:
        open_list(browser, server)
        command = shlex.split(browser.one(".empty pre").text.replace("\\\n", " "))
        assert command[1] == f"{server.url}/solve"
        assert server.http.post("/solve", json=json.loads(command[-1]), headers={"Prefer": "wait=0"}).status_code == 202
        # It comes in by itself, and the invitation goes away.
        browser.one("tbody tr", "How many lines")
        assert not browser.all(".empty")[0].is_displayed()
        server.cancel(browser.all("tbody tr")[0].get_attribute("data-tree-id") or "")
        for number in range(55):
            server.begin(f"LEAF {number}")
        browser.one("tbody tr", "LEAF 54")
        browser.one(".list-page > button").click()
        browser.one("tbody tr", "How many lines")
        assert goals(browser)[:2] == ["LEAF 54", "LEAF 53"]
        assert len(browser.all("tbody tr")) == 56


def test_a_tree_is_listed_with_its_figures_and_leads_to_its_page(browser: Chrome, server: Site) -> None:
    tree_id = server.solve("FAMILY of a list")
    tree = server.tree(tree_id)
    open_list(browser, server)
    row = browser.one(f'tr[data-tree-id="{tree_id}"]', "FAMILY of a list")
    assert "completed" in row.text
    assert f"{tree['usage']['input_tokens'] + tree['usage']['output_tokens']:,}" in row.text
    assert "$0.00" in row.text
    browser.one("td a", "FAMILY of a list").click()
    assert browser.one("h1", "FAMILY of a list")
    assert browser.driver.current_url == f"{server.url}/ui/#/trees/{tree_id}"


def test_a_listed_tree_changes_while_one_looks_on(browser: Chrome, server: Site) -> None:
    tree_id = server.begin("STUCK in a list")
    open_list(browser, server)
    browser.one(f'tr[data-tree-id="{tree_id}"]', "working")
    server.cancel(tree_id)
    browser.one(f'tr[data-tree-id="{tree_id}"]', "canceled")


def test_the_list_shows_one_status_alone_if_asked(browser: Chrome, server: Site) -> None:
    server.solve("FAIL in a list")
    server.solve("LEAF in a list")
    open_list(browser, server)
    browser.one("tbody tr", "LEAF in a list")
    browser.one("#status-filter").send_keys("failed")
    browser.wait(lambda: browser.all("tbody .badge.completed") == [] or None, "only failed trees")
    assert "FAIL in a list" in goals(browser)
    assert {badge.text for badge in browser.all("tbody .badge")} == {"failed"}
