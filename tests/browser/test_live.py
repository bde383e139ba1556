"""A tree that runs, watched."""

from typing import Any

from tests.browser.chrome import Chrome
from tests.browser.site import Site
from tests.browser.tree_view import TreeView


def lasting(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What of the rows does not depend on when one looked."""
    return [{name: value for name, value in row.items() if name != "spoken"} for row in rows]


def test_a_tree_grows_as_it_runs_and_looks_the_same_when_opened_later(browser: Chrome, server: Site) -> None:
    tree_id = server.begin("GROWS")
    view = TreeView.open(browser, server, tree_id)
    first = view.row("STUCK first", "working").get_attribute("data-node-id")
    assert [row["goal"] for row in view.rows()] == ["GROWS", "STUCK first"]
    server.cancel(tree_id, first)
    second = view.row("STUCK second", "working").get_attribute("data-node-id")
    assert view.row("STUCK first", "canceled")
    server.cancel(tree_id, second)
    view.ended("completed")
    assert "The tree is completed: 3 nodes" in browser.run("return document.getElementById('announcer').textContent")
    watched = lasting(view.rows())
    assert lasting(TreeView.open(browser, server, tree_id).rows()) == watched
    assert [row["status"] for row in watched] == ["completed", "canceled", "canceled"]


def test_what_a_running_node_has_used_is_told_before_it_ends(browser: Chrome, server: Site) -> None:
    tree_id = server.begin("GROWS with figures")
    view = TreeView.open(browser, server, tree_id)
    view.row("STUCK first", "working")
    usage = server.tree(tree_id)["usage"]
    assert view.rows()[0]["figures"][0] == f"{usage['input_tokens'] + usage['output_tokens']:,}"
    server.cancel(tree_id)
    view.ended("canceled")


def test_a_tree_is_cancelled_after_asking(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.begin("STUCK to cancel"))
    browser.one(".tree-head .danger").click()
    browser.one("dialog button", "Keep it running").click()
    assert browser.all("dialog") == []
    assert server.tree(view.tree_id)["status"] == "working"
    browser.one(".tree-head .danger").click()
    browser.one("dialog .danger").click()
    view.ended("canceled")
    assert not browser.all(".tree-head .danger")[0].is_displayed()


def test_a_subtree_is_cancelled_from_its_node(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.begin("GROWS to cancel"))
    view.row("STUCK first", "working").click()
    browser.one(".panel .danger").click()
    browser.one("dialog .danger").click()
    view.row("STUCK first", "canceled")
    browser.one(".panel-head .badge", "canceled")
    view.row("STUCK second", "working")
    server.cancel(view.tree_id)
    view.ended("canceled")


def test_the_panel_of_a_running_node_shows_its_next_turns(browser: Chrome, server: Site) -> None:
    tree_id = server.begin("GROWS in a panel")
    view = TreeView.open(browser, server, tree_id)
    view.row("GROWS in a panel").click()
    browser.one(".turns li", "The goal says GROWS.")
    server.cancel(tree_id)
    browser.one(".panel .text.error", "canceled")
