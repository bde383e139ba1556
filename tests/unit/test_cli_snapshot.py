"""A tree read with its nodes, drawn like a watched one."""

from typing import Any

from rao_runtime.cli.rows import rows
from rao_runtime.cli.snapshot import read_at, snapshot


def node(
    name: str, status: str, *children: dict[str, Any], parent: str | None = None, depth: int = 0
) -> dict[str, Any]:
    return {
        "node_id": name,
        "parent_id": parent,
        "depth": depth,
        "goal": f"goal of {name}",
        "status": status,
        "error": {"reason": "turns"} if status == "failed" else None,
        "usage": {"input_tokens": 100, "output_tokens": 10},
        "cost": {"amount": "0.5"},
        "timing": {
            "created_at": "1970-01-01T00:00:10Z",
            "ended_at": None if status == "working" else "1970-01-01T00:00:12Z",
        },
        "children": list(children),
    }


TREE: dict[str, Any] = {
    "tree_id": "01k",
    "status": "working",
    "timing": {"created_at": "1970-01-01T00:00:09Z", "wall_s": 8.0},
    "tree": node(
        "r",
        "working",
        node("a", "completed", node("a1", "failed", parent="a", depth=2), parent="r", depth=1),
        node("b", "working", parent="r", depth=1),
    ),
}


def test_nodes_keep_their_place_and_their_order() -> None:
    watched = snapshot(TREE)
    assert [f"{row.guide}{row.node.node_id}" for row in rows(watched, 10)] == ["r", "├─a", "│ └─a1", "└─b"]
    assert watched.counts() == {"waiting": 1, "working": 1, "failed": 1, "completed": 1}
    assert watched.max_depth == 2


def test_times_run_until_the_tree_was_read() -> None:
    watched = snapshot(TREE)
    assert read_at(TREE) == 17.0
    assert watched.nodes["b"].elapsed_s(read_at(TREE)) == 7.0
    assert watched.nodes["a"].elapsed_s(read_at(TREE)) == 2.0


def test_a_tree_without_nodes_is_empty() -> None:
    watched = snapshot({"tree_id": "01k", "status": "submitted", "tree": None})
    assert not watched.nodes
    assert read_at({}) is None
