"""Connections break and servers restart: the page goes on where it was."""

import signal
from dataclasses import replace
from pathlib import Path

import httpx

from tests.browser.chrome import Chrome
from tests.browser.site import Site, site
from tests.browser.tree_view import TreeView

# A server of four answers: one that breaks off, one that fails, one with a gap, and all of it again.
FOLLOWED = """
const { Follower } = await import('/ui/follow.js');
const frame = (seq, type) => `id: ${seq}\\nevent: ${type}\\ndata: ${JSON.stringify({ seq, type })}\\n\\n`;
const answers = [
  () => new Response('retry: 1\\n\\n' + frame(1, 'tree.created') + frame(2, 'tree.started') + 'id: 3\\nevent: nod'),
  () => Promise.reject(new TypeError('network error')),
  () => new Response('event: stream.gap\\ndata: {"seq":null,"type":"stream.gap"}\\n\\n'),
  () => new Response('retry: 1\\r\\n\\r\\n' + frame(1, 'tree.created') + ': ping\\n\\n' + frame(2, 'tree.canceled')),
];
const cursors = [];
const heard = [];
const real = window.fetch;
window.fetch = async (url, options) => {
  cursors.push(options.headers['Last-Event-ID'] ?? null);
  return answers.shift()();
};
await new Follower('t', ['tree.created'], {
  events: (events) => heard.push(...events.map((event) => event.seq)),
  gap: () => heard.push('gap'),
  state: (state) => state === 'ended' && heard.push(state),
}).start();
window.fetch = real;
return [cursors, heard];
"""


def kept(replica_url: str, folder: Path, port: int) -> "dict[str, str]":
    """The settings of a server that keeps its trees over a restart."""
    return {"RAO_REDIS_URL": "", "RAO_DATA_DIR": str(folder / "data"), "RAO_PORT": str(port)}


def stopped(server: Site) -> None:
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(20)


def test_a_restarted_server_is_followed_on(browser: Chrome, replica_url: str, tmp_path: Path) -> None:
    with site(replica_url, tmp_path, **kept(replica_url, tmp_path, 0)) as server:
        port = httpx.URL(server.url).port or 0
        tree_id = server.begin("GROWS over a restart")
        view = TreeView.open(browser, server, tree_id)
        view.row("STUCK first", "working")
        stopped(server)
    browser.one(".notice", "connection was lost")
    with site(replica_url, tmp_path, **kept(replica_url, tmp_path, port)) as server:
        view = replace(view, server=server)
        browser.wait(lambda: not browser.all(".notice")[0].is_displayed() or None, "the connection is back")
        server.cancel(tree_id, server.node_of(tree_id, "STUCK first"))
        view.row("STUCK first", "canceled")
        view.row("STUCK second", "working")
        server.cancel(tree_id)
        view.ended("canceled")
        assert [row["goal"] for row in view.rows()] == ["GROWS over a restart", "STUCK first", "STUCK second"]
    assert all("ERR_" in message for message in browser.errors())


def test_a_tree_that_the_restarted_server_does_not_have_is_said_to_be_gone(
    browser: Chrome, replica_url: str, tmp_path: Path
) -> None:
    with site(replica_url, tmp_path) as server:
        port = httpx.URL(server.url).port
        view = TreeView.open(browser, server, server.begin("STUCK in memory"))
        view.row("STUCK in memory", "working")
        stopped(server)
    with site(replica_url, tmp_path, RAO_PORT=str(port)):
        browser.one(".notice", "There is no such tree")
    assert view.rows()[0]["goal"] == "STUCK in memory"
    assert all("ERR_" in message or "404" in message for message in browser.errors())


def test_a_follower_resumes_after_its_last_event_and_starts_over_after_a_gap(browser: Chrome, server: Site) -> None:
    browser.open(f"{server.url}/ui")
    browser.one("h1")
    cursors, heard = browser.run_async(FOLLOWED)
    assert cursors == [None, "2", "2", None]
    assert heard == [1, 2, "gap", 1, 2, "ended"]
