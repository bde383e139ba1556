"""Legible in the light and in the dark, on wide screens and narrow ones, and still for who wants no motion."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from tests.browser.chrome import Chrome
from tests.browser.site import Site
from tests.browser.tree_view import TreeView

# WCAG 2: relative luminance, and 4.5:1 for text, 3:1 for what is drawn.
CONTRASTS = """
const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
const solid = (colour) => colour.startsWith('rgb') && (parts(colour)[3] ?? 1) === 1;
const light = (colour) => parts(colour).slice(0, 3).map((each) => each / 255)
  .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
  .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
const ratio = (one, other) => {
  const [lighter, darker] = [light(one), light(other)].sort((x, y) => y - x);
  return (lighter + 0.05) / (darker + 0.05);
};
const ground = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = getComputedStyle(each).backgroundColor;
    if (solid(colour)) return colour;
  }
  return 'rgb(255, 255, 255)';
};
const shown = (element) => element.checkVisibility() && element.getBoundingClientRect().width > 1;
const found = [];
for (const element of document.querySelectorAll('body *')) {
  if (!shown(element) || element.closest('.sr-only, .skip')) continue;
  const style = getComputedStyle(element);
  const text = [...element.childNodes].some((each) => each.nodeType === 3 && each.textContent.trim());
  const name = `${element.parentElement.className} ${element.tagName} ${element.textContent.slice(0, 30)}`;
  if (text) found.push([ratio(style.color, ground(element)), 4.5, name]);
  if (element.matches('.icon')) found.push([ratio(style.stroke, ground(element)), 3, name]);
  if (element.matches('.bar') && solid(style.backgroundColor))
    found.push([ratio(style.backgroundColor, ground(element.parentElement)), 3, name]);
}
return found;
"""
WIDER = """const most = document.documentElement.clientWidth;
const beyond = (each) => !each.closest('.sr-only') && each.getBoundingClientRect().right > most + 1;
const wide = [...document.querySelectorAll('main *')].filter((each) => each.checkVisibility() && beyond(each));
return [document.documentElement.scrollWidth - most, wide.map((each) => each.className)];"""


@pytest.fixture(scope="module")
def trees(server: Site) -> Generator[list[str], None, None]:
    """An ended tree with all the states an end can have, and one that runs."""
    running = server.begin("GROWS " + "with a goal that goes on and on and_has_long_words_in_it " * 6)
    server.until_events(running, "node.started", 2)
    server.cancel(running, server.node_of(running, "STUCK first"))
    server.until_events(running, "node.started", 3)
    yield [server.solve("FAMILY to look at", metadata={"team": "search " * 20}), running]
    server.cancel(running)


@contextmanager
def preferring(browser: Chrome, scheme: str) -> Generator[None, None, None]:
    browser.prefer(prefers_color_scheme=scheme)
    yield
    browser.prefer(prefers_color_scheme="light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_texts_and_marks_stand_out(browser: Chrome, server: Site, trees: list[str], scheme: str) -> None:
    with preferring(browser, scheme):
        measured: list[tuple[float, float, str]] = []
        browser.open(f"{server.url}/ui")
        browser.one("tbody tr", "FAMILY to look at")
        measured += browser.run(CONTRASTS)
        for tree_id in trees:
            view = TreeView.open(browser, server, tree_id)
            browser.one(".facts")
            measured += browser.run(CONTRASTS)
            view.row(view.rows()[1]["goal"]).click()
            browser.one(".turns li")
            measured += browser.run(CONTRASTS)
    assert len(measured) > 200
    assert [each for each in measured if each[0] < each[1]] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_page(browser: Chrome, server: Site, trees: list[str], width: int) -> None:
    browser.size(width)
    browser.open(f"{server.url}/ui")
    browser.one("tbody tr", "FAMILY to look at")
    assert browser.run(WIDER) == [0, []]
    for tree_id in trees:
        view = TreeView.open(browser, server, tree_id)
        browser.one(".facts")
        assert browser.run(WIDER) == [0, []]
        view.row(view.rows()[0]["goal"]).click()
        browser.one(".turns li")
        assert browser.run(WIDER) == [0, []]


def test_the_theme_is_the_systems_until_one_is_chosen(browser: Chrome, server: Site) -> None:
    def ground() -> str:
        return browser.run("return getComputedStyle(document.documentElement).backgroundColor")

    browser.open(f"{server.url}/ui")
    light = ground()
    with preferring(browser, "dark"):
        dark = ground()
        assert dark != light
        browser.one("#theme", "system").click()
        assert ground() == light
        browser.open(f"{server.url}/ui")
        assert browser.one("#theme").text == "Theme: light"
        assert ground() == light
        browser.one("#theme").click()
    assert ground() == dark
    browser.one("#theme", "dark").click()
    assert browser.one("#theme").text == "Theme: system"
    assert ground() == light


def test_the_overview_is_drawn_anew_in_other_colours(browser: Chrome, server: Site, trees: list[str]) -> None:
    drawn = "return document.querySelector('canvas').toDataURL()"
    TreeView.open(browser, server, trees[0])
    browser.one(".row.critical")
    light = browser.run(drawn)
    with preferring(browser, "dark"):
        browser.wait(lambda: browser.run(drawn) != light or None, "an overview in dark colours")


def test_nothing_moves_for_who_prefers_it_so(browser: Chrome, server: Site, trees: list[str]) -> None:
    moving = "return document.getAnimations().length"
    browser.prefer(prefers_reduced_motion="no-preference")
    TreeView.open(browser, server, trees[1])
    assert browser.run(moving) > 0
    browser.prefer(prefers_reduced_motion="reduce")
    assert browser.run(moving) == 0
