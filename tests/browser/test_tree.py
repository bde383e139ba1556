"""A tree that ended, on its page."""

import json
import shlex
from pathlib import Path

import pytest

from tests.browser.chrome import Chrome
from tests.browser.site import Site, every_node, price, site
from tests.browser.tree_view import TreeView

CLIPBOARD = """const given = []; window.given = given;
Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => void given.push(text) } });"""
COSTS = """const cells = [...document.querySelectorAll('.row .cost')];
const cut = cells.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent);
return [cells.map((each) => each.textContent), cells.map((each) => each.title), cut];"""
SHORT_MONEY = """const { parseMoney, shortMoney } = await import('/ui/money.js');
return args[0].map((amount) => shortMoney(parseMoney(amount)));"""
THOUSANDS = {"K": 3, "M": 6, "B": 9}


def dollars(shown: str) -> float:
    """What a figure such as $1,234.56, $3.57e-7 or $12.3K says."""
    number = shown.strip("$KMB").replace(",", "")
    return float(number) * 10 ** THOUSANDS.get(shown[-1], 0)


def test_every_node_has_a_row_with_its_state_and_figures(browser: Chrome, server: Site) -> None:
    tree_id = server.solve("FAMILY on a page")
    tree = server.tree(tree_id)
    view = TreeView.open(browser, server, tree_id)
    view.ended("completed")
    rows = view.rows()
    nodes = list(every_node(tree["tree"]))
    assert [row["id"] for row in rows] == [node["node_id"] for node in nodes]
    for row, node in zip(rows, nodes, strict=True):
        own, below = node["usage"], node["subtree_usage"]
        assert row["status"] == node["status"]
        assert row["spoken"].startswith(node["status"])
        assert row["level"] == str(node["depth"] + 1)
        assert row["figures"][:2] == [f"{used['input_tokens'] + used['output_tokens']:,}" for used in (own, below)]
        assert all(figure.startswith("$0.00") for figure in row["figures"][2:])
    assert view.figure("Nodes") == str(len(nodes))
    assert len(browser.all(".row .status-icon path")) == len(nodes)


def test_the_critical_path_is_marked_once_the_tree_has_ended(browser: Chrome, server: Site) -> None:
    tree_id = server.solve("FAMILY with a path")
    path = server.http.get(f"/trees/{tree_id}/analysis").json()["critical_path"]
    view = TreeView.open(browser, server, tree_id)
    view.ended("completed")
    browser.one(".row.critical")
    assert {row["id"] for row in view.rows() if "on the critical path" in row["spoken"]} == set(path)


def test_a_click_on_a_node_shows_its_turns(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.solve("FAMILY with turns"))
    view.row("PAIR").click()
    assert "The goal says PAIR." in browser.one(".turns li").text
    assert "launch_subagent" in browser.one(".turns pre.code").text
    assert browser.one(".panel-head .badge").text == "completed"
    browser.one(".panel .close").click()
    assert browser.one(".panel h2").text == "This tree"
    view.row("FAIL").click()
    assert "it cannot be done" in browser.one(".panel .text.error").text


def test_a_node_has_an_address_of_its_own(browser: Chrome, server: Site) -> None:
    tree_id = server.solve("FAMILY with addresses")
    node_id = server.node_of(tree_id, "LEAF three")
    view = TreeView.open(browser, server, tree_id, node_id)
    assert "The goal says LEAF." in browser.one(".turns li").text
    assert view.row("LEAF three").get_attribute("aria-selected") == "true"
    view.row("PAIR").click()
    assert browser.driver.current_url.endswith(server.node_of(tree_id, "PAIR"))


def test_a_failed_tree_says_why_and_leads_to_the_node(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.solve("FAIL on a page"))
    view.ended("failed")
    assert browser.one(".result").text == "unable: it cannot be done"
    assert "unable (impossible)" in browser.one(".panel .text.error").text
    browser.one(".chip.failed").click()
    assert view.focused() == "FAIL on a page"


def test_long_texts_are_cut_until_asked_for(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.solve("LONG texts"))
    view.row("LONG texts").click()
    shown = len(browser.one(".turns .text.code").text)
    whole = browser.run("return document.querySelector('.turns').textContent.length")
    for button in browser.all(".turns .more"):
        button.click()
    assert shown < 1_501
    assert browser.run("return document.querySelector('.turns').textContent.length") > whole + 5_000
    assert browser.all(".turns .more") == []


def test_what_is_copied_is_a_command_that_works(browser: Chrome, server: Site) -> None:
    task = {"goal": "LEAF with 'quotes' and $HOME", "context": "some text", "metadata": {"team": "it's us"}}
    tree_id = server.solve(task.pop("goal"), **task)  # pyright: ignore[reportArgumentType] - one of them is a text
    TreeView.open(browser, server, tree_id)
    browser.run(CLIPBOARD)
    browser.one(".menu summary").click()
    for button in browser.all(".menu-items button"):
        button.click()
    tree, events, again = (shlex.split(text.replace("\\\n", " ")) for text in browser.run("return window.given"))
    assert server.http.get(tree[-1]).json()["tree_id"] == tree_id
    assert "event: tree.completed" in server.http.get(events[-1]).text
    body = json.loads(again[-1])
    assert (body["goal"], body["metadata"]) == ("LEAF with 'quotes' and $HOME", {"team": "it's us"})
    assert "9 characters" in body["context"]
    assert server.http.post(again[1], json=body).json()["status"] == "completed"


def test_a_click_on_the_overview_leads_to_the_node_that_ran_there(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.solve("MANY 3 3"))
    view.ended("completed")
    canvas = browser.one("canvas")
    assert "1 at depth 0" in (canvas.get_attribute("aria-label") or "")
    drag(browser, [(0.999, 5 / 6)])
    assert view.focused().startswith("LEAF")


def test_a_drag_over_the_overview_shows_that_time_alone(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.solve("MANY 3 2"))
    view.ended("completed")
    first_bar = "return parseFloat(document.querySelector('.bar').style.width)"
    whole = browser.run(first_bar)
    drag(browser, [(0.4, 0.5), (0.5, 0.5), (0.7, 0.5)])
    browser.one("button", "Show all of the time")
    browser.wait(lambda: browser.run(first_bar) == 100, "the root over all of the width")
    browser.one("button", "Show all of the time").click()
    browser.wait(lambda: browser.run(first_bar) == whole, "all of the time")


def drag(browser: Chrome, shares: list[tuple[float, float]]) -> None:
    """Press on the overview, move over it, let go; places as shares of its width and height."""
    box = browser.run("return arguments[0].getBoundingClientRect().toJSON()", browser.one("canvas"))
    at = [{"x": box["left"] + x * box["width"], "y": box["top"] + y * box["height"]} for x, y in shares]
    button = {"button": "left", "buttons": 1, "clickCount": 1}
    browser.command("Input.dispatchMouseEvent", type="mousePressed", **button, **at[0])
    for place in at[1:]:
        browser.command("Input.dispatchMouseEvent", type="mouseMoved", **button, **place)
    browser.command("Input.dispatchMouseEvent", type="mouseReleased", **button, **at[-1])


def test_a_traced_tree_leads_to_its_trace(browser: Chrome, replica_url: str, tmp_path: Path) -> None:
    tracing = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "RAO_TRACE_URL": "http://jaeger.test/trace/{trace_id}",
    }
    with site(replica_url, tmp_path, **tracing) as server:
        tree_id = server.solve("LEAF with a trace")
        TreeView.open(browser, server, tree_id).ended("completed")
        trace = f"http://jaeger.test/trace/{server.tree(tree_id)['trace_id']}"
        assert browser.one("a", "Trace").get_attribute("href") == trace


@pytest.mark.parametrize("input_usd", [0.00015, 0.0007, 1.5])
def test_no_cost_is_cut_off_however_low_the_price(
    browser: Chrome, replica_url: str, tmp_path: Path, input_usd: float
) -> None:
    with site(replica_url, tmp_path, price(input_usd)) as server:
        tree_id = server.solve("FAMILY of low prices")
        TreeView.open(browser, server, tree_id).ended("completed")
        shown, whole, cut = browser.run(COSTS)
        nodes = list(every_node(server.tree(tree_id)["tree"]))
    assert cut == []
    costs = [float(node[name]["amount"]) for node in nodes for name in ("cost", "subtree_cost")]
    assert [dollars(each) for each in whole] == pytest.approx(costs, rel=0.005)
    assert [dollars(each) for each in shown] == pytest.approx(costs, rel=0.005)


def test_a_cost_of_any_size_is_told_in_eight_characters(browser: Chrome, server: Site) -> None:
    browser.open(f"{server.url}/ui")
    sizes = [digits * 10.0**power for power in range(-16, 9) for digits in (1, 1.2345, 5, 9.994, 9.996, 9.9999)]
    amounts = [f"{size:.20f}" for size in sizes]
    for size, amount, shown in zip(sizes, amounts, browser.run_async(SHORT_MONEY, amounts), strict=True):
        assert len(shown) <= 8
        assert not shown.endswith(".")
        assert dollars(shown) == pytest.approx(float(amount), rel=0.05 if size < 1e-9 else 0.005)


def test_a_tree_that_is_not_there_is_said_to_be_gone(browser: Chrome, server: Site) -> None:
    browser.open(f"{server.url}/ui/#/trees/01nosuchtree")
    assert "There is no such tree" in browser.one(".notice").text
    assert all("404" in message for message in browser.errors())
