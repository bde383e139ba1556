"""The page folds events by the server's rules: what comes out is what the API says of the tree."""

from decimal import Decimal
from typing import Any

import pytest

from tests.browser.chrome import Chrome
from tests.browser.site import Site, every_node

FOLDED = """
const [{ FrameReader }, { TreeFold, foldedTypes }] = await Promise.all([import('/ui/sse.js'), import('/ui/fold.js')]);
const answer = await fetch(`/trees/${args[0]}/events?types=${foldedTypes(args[1])}`);
const reader = new FrameReader();
const text = await answer.text();
const frames = [];
for (let at = 0; at < text.length; at += 37) frames.push(...reader.read(text.slice(at, at + 37)));
const fold = new TreeFold();
for (const frame of frames) if (frame.data !== null) fold.apply(JSON.parse(frame.data));
return [...fold.nodes.values()].map((node) => ({
  node_id: node.id, parent_id: node.parent?.id ?? null, depth: node.depth, status: node.status, goal: node.goal,
  usage: node.usage, subtree_usage: node.subtreeUsage, error: node.error,
  cost: String(node.cost), subtree_cost: String(node.subtreeCost),
  created: node.createdMs, started: node.startedMs, ended: node.endedMs, children: node.children.map((each) => each.id),
}));
"""
REFUSED = """
const { TreeFold } = await import('/ui/fold.js');
const fold = new TreeFold();
const told = [];
for (const event of args[0]) {
  try { fold.apply(event); told.push('ok'); } catch (error) { told.push(error.constructor.name); }
}
return told;
"""
COUNTED = ("calls", "input_tokens", "cached_tokens", "output_tokens", "wasted_tokens")
KEPT = ("node_id", "parent_id", "depth", "status", "goal", "usage", "subtree_usage", "error")


def expected(node: dict[str, Any]) -> dict[str, Any]:
    return {name: node[name] for name in KEPT} | {
        "cost": units(node["cost"]),
        "subtree_cost": units(node["subtree_cost"]),
        "children": [child["node_id"] for child in node["children"]],
    }


def units(cost: dict[str, str]) -> str:
    return str(int(Decimal(cost["amount"]).scaleb(18)))


@pytest.mark.parametrize("calls_too", [True, False])
@pytest.mark.parametrize("goal", ["FAMILY to fold", "MANY 3 2", "FAIL to fold", "LONG to fold"])
def test_the_folded_events_are_the_tree_of_the_api(
    browser: Chrome, server: Site, goal: str, *, calls_too: bool
) -> None:
    tree_id = server.solve(goal)
    browser.open(f"{server.url}/ui")
    folded = {node["node_id"]: node for node in browser.run_async(FOLDED, tree_id, not calls_too)}
    nodes = list(every_node(server.tree(tree_id)["tree"]))
    assert len(folded) == len(nodes)
    for node in nodes:
        assert {name: folded[node["node_id"]][name] for name in expected(node)} == expected(node)


def event(seq: int, kind: str, node_id: str | None = None, **data: object) -> dict[str, Any]:
    common = {"parent_id": None, "depth": 0, "fork_step": None, "turn": None, "ts": "2026-11-21T10:00:00.000Z"}
    return {"seq": seq, "type": kind, "node_id": node_id, "data": data, **common}


def test_what_cannot_follow_is_refused_as_the_server_would(browser: Chrome, server: Site) -> None:
    browser.open(f"{server.url}/ui")
    created = {"goal": "g", "check": None, "context": None}
    spent = {"usage": dict.fromkeys(COUNTED, 0), "cost": None}
    events = [
        event(1, "tree.created"),
        event(2, "node.created", "a", **created),
        event(3, "tree.started"),
        event(3, "tree.resumed"),
        event(4, "node.created", "a", **created),
        event(5, "node.created", "b", **created),
        event(6, "node.completed", "a", usage={}, cost=None),
        event(7, "call.completed", "a", usage={}, cost=None),
        event(8, "node.started", "c"),
        event(9, "tree.completed"),
        event(10, "node.started", "a"),
        event(11, "node.started", "a"),
        event(12, "something.new", "a"),
        event(13, "node.created", "b", **created) | {"parent_id": "a", "depth": 1},
        event(14, "node.completed", "a", **spent),
        event(15, "node.canceled", "b", **spent),
        event(16, "node.completed", "a", **spent),
        event(17, "node.canceled", "a", **spent),
        event(18, "tree.completed"),
    ]
    no = "IllegalMove"
    begun = ["ok", no, "ok", no, "ok", no, no, no, no, no, "ok", no, "ok"]
    assert browser.run_async(REFUSED, events) == [*begun, "ok", no, "ok", "ok", no, "ok"]
