"""A server as a process of its own, with the page on it, and the API beside the browser."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.contract.processes import program


def price(input_usd: float) -> str:
    """Settings in which a million tokens read cost this, and those written four times as much."""
    return f"""
[[profiles]]
model = "stand-in"
[profiles.price]
input = {input_usd:f}
output = {4 * input_usd:f}
version = "test"
"""


PRICES = price(0.15)


@dataclass(frozen=True, slots=True)
class Site:
    """A running server. `process` is the gateway's."""

    url: str
    process: subprocess.Popen[str]
    http: httpx.Client

    def begin(self, goal: str, **fields: object) -> str:
        """Submit and do not wait; the tree's id."""
        limits = {"max_nodes": 20_000, "max_children": 200, "max_tokens": 10**9}
        body = {"goal": goal, "mode": "recursive", "limits": limits, **fields}
        answer = self.http.post("/solve", json=body, headers={"Prefer": "respond-async"})
        assert answer.status_code == 202, answer.text
        return answer.json()["tree_id"]

    def solve(self, goal: str, **fields: object) -> str:
        """Submit and wait for the end; the tree's id."""
        tree_id = self.begin(goal, **fields)
        self.end(tree_id)
        return tree_id

    def end(self, tree_id: str) -> None:
        """Wait for the tree's end: its stream closes then."""
        assert self.http.get(f"/trees/{tree_id}/events", params={"types": "tree.created"}).status_code == 200

    def tree(self, tree_id: str) -> dict[str, Any]:
        """The tree with its nodes."""
        return self.http.get(f"/trees/{tree_id}", params={"nodes": "true"}).json()

    def node_of(self, tree_id: str, goal: str) -> str:
        """The id of the first node of this goal."""
        return next(node["node_id"] for node in every_node(self.tree(tree_id)["tree"]) if node["goal"] == goal)

    def until_events(self, tree_id: str, kind: str, count: int) -> None:
        """Until the tree has had so many events of a type."""
        with self.http.stream("GET", f"/trees/{tree_id}/events", params={"types": kind}) as lines:
            seen = 0
            for line in lines.iter_lines():
                seen += line.startswith("data:")
                if seen == count:
                    return
        raise AssertionError(f"the tree ended with {seen} events {kind}")

    def cancel(self, tree_id: str, node_id: str | None = None) -> None:
        """Stop a tree, or a subtree."""
        path = f"/trees/{tree_id}/cancel" if node_id is None else f"/trees/{tree_id}/nodes/{node_id}/cancel"
        assert self.http.post(path).status_code == 202


def every_node(root: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
    """A node and all below it, in tree order."""
    yield root
    for child in root["children"]:
        yield from every_node(child)


@contextmanager
def replica() -> Generator[str, None, None]:
    """The URL of a stand-in that does as goals say."""
    with program("tests.browser.replica") as (_, url):
        yield url


@contextmanager
def site(replica_url: str, folder: Path, prices: str = PRICES, **environment: str) -> Generator[Site, None, None]:
    """A server on that replica, with prices."""
    config = folder / "prices.toml"
    config.write_text(prices)
    settings = {"RAO_REPLICAS": replica_url, "RAO_PORT": "0", "RAO_SANDBOX_WORKERS": "2", "RAO_REDIS_URL": "memory://"}
    settings |= {"RAO_PRIME": "false", "RAO_CONFIG": str(config)}
    with (
        program("server", **(settings | environment)) as (process, url),
        httpx.Client(base_url=url, timeout=100) as http,
    ):
        yield Site(url, process, http)
