"""The tree without a mouse, and as a screen reader has it."""

from selenium.webdriver.common.keys import Keys

from tests.browser.chrome import Chrome
from tests.browser.site import Site
from tests.browser.tree_view import DOWN, LEFT, RIGHT, UP, TreeView

FOCUS_ROW = "document.querySelector('.row[tabindex=\"0\"]').focus()"


def test_arrows_walk_fold_and_unfold_the_tree(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.solve("FAMILY by keys"))
    view.ended("completed")
    browser.run(FOCUS_ROW)
    walk = [
        (DOWN, "LEAF one"),
        (Keys.END, "LEAF three"),
        (UP, "LEAF two"),
        (LEFT, "PAIR"),
        (LEFT, "PAIR"),
        (DOWN, "PAIR"),
        (RIGHT, "PAIR"),
        (RIGHT, "LEAF two"),
        (Keys.HOME, "FAMILY by keys"),
        (LEFT, "FAMILY by keys"),
        (DOWN, "FAMILY by keys"),
        (RIGHT, "FAMILY by keys"),
        (Keys.PAGE_DOWN, "LEAF three"),
        (Keys.PAGE_UP, "FAMILY by keys"),
    ]
    seen: list[tuple[str, str]] = []
    for key, _ in walk:
        view.press(key)
        seen.append((key, view.focused()))
    assert seen == walk


def test_enter_opens_a_node_and_escape_comes_back_to_its_row(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.solve("FAMILY to enter"))
    view.ended("completed")
    browser.run(FOCUS_ROW)
    view.press(DOWN, Keys.ENTER)
    assert browser.one(".turns li")
    assert browser.driver.switch_to.active_element.text == "Node at depth 1"
    view.press(Keys.ESCAPE)
    assert view.focused() == "LEAF one"


def test_the_focus_stays_on_its_row_however_far_one_scrolls(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.solve("MANY 20 20"))
    view.ended("completed")
    browser.run(FOCUS_ROW)
    view.press(DOWN)
    browser.run("document.querySelector('.grid').scrollTop = 5000")
    assert view.focused() == "ROW of 20"
    assert view.rows()[0]["goal"] == "ROW of 20"
    view.press(DOWN)
    assert view.focused() == "LEAF 0"
    assert browser.run("return document.querySelector('.grid').scrollTop") < 100


def test_rows_tell_their_place_in_the_tree(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.solve("FAMILY to tell"))
    view.ended("completed")
    grid = browser.one('[role="treegrid"]')
    assert grid.get_attribute("aria-rowcount") == "7"
    names = ("aria-level", "aria-posinset", "aria-setsize", "aria-rowindex", "aria-expanded")
    told = [tuple(row.get_attribute(name) for name in names) for row in browser.all(".row")]
    assert told == [
        ("1", "1", "1", "2", "true"),
        ("2", "1", "3", "3", None),
        ("2", "2", "3", "4", None),
        ("2", "3", "3", "5", "true"),
        ("3", "1", "2", "6", None),
        ("3", "2", "2", "7", None),
    ]
    assert len(browser.all('.row[tabindex="0"]')) == 1
    assert {cell.get_attribute("role") for cell in browser.all(".row > *")} == {"gridcell"}
    assert len(browser.all('[role="columnheader"]')) == len(browser.all(".row:first-child > *"))


def test_all_that_can_be_pressed_has_a_name(browser: Chrome, server: Site) -> None:
    view = TreeView.open(browser, server, server.solve("FAMILY of names"))
    view.ended("completed")
    view.row("PAIR").click()
    browser.one(".turns li")
    nameless = """return [...document.querySelectorAll('button, a, select, summary, canvas')]
      .filter((each) => !(each.ariaLabel || each.textContent.trim() || each.labels?.length))
      .map((each) => each.outerHTML)"""
    assert browser.run(nameless) == []
