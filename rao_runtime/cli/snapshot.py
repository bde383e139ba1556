"""A tree read with all its nodes, as somebody would have watched it."""

from rao_runtime.cli import fields
from rao_runtime.cli.fields import Json
from rao_runtime.cli.server_time import from_iso
from rao_runtime.cli.watched import Node, WatchedTree

LIVE = frozenset({"submitted", "working"})


def snapshot(tree: Json) -> WatchedTree:
    """The nodes of a tree that was read with `?nodes=true`."""
    watched = WatchedTree(tree_id=fields.text(tree.get("tree_id")), status=fields.text(tree.get("status")))
    todo = [fields.mapping(tree.get("tree"))]
    while todo:
        each = todo.pop()
        if each:
            watched.add(_node(each, len(watched.nodes)))
            # The last one is taken first: turned around, children stay in the order they were launched in.
            todo += [fields.mapping(child) for child in reversed(fields.items(each.get("children")))]
    return watched


def read_at(tree: Json) -> float | None:
    """When the tree was read, by the server's clock: its time runs as long as it does."""
    timing = fields.mapping(tree.get("timing"))
    start, wall_s = from_iso(timing.get("created_at")), fields.seconds(timing.get("wall_s"))
    return None if start is None or wall_s is None else start + wall_s


def _node(each: Json, order: int) -> Node:
    usage, timing = fields.mapping(each.get("usage")), fields.mapping(each.get("timing"))
    status = fields.text(each.get("status"))
    return Node(
        node_id=fields.text(each.get("node_id")),
        parent_id=fields.text(each.get("parent_id")) or None,
        depth=fields.number(each.get("depth")),
        order=order,
        goal=fields.text(each.get("goal")),
        ended=None if status in LIVE else status,
        error=fields.mapping(each.get("error")),
        is_started=status != "submitted",
        tokens=fields.number(usage.get("input_tokens")) + fields.number(usage.get("output_tokens")),
        cost=fields.cost(each.get("cost")),
        created_at=from_iso(timing.get("created_at")),
        ended_at=from_iso(timing.get("ended_at")),
    )
