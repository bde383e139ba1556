"""Which nodes to show where not all fit, in which order, and how they hang together."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rao_runtime.cli.watched import Node, WatchedTree

GUIDE_MOST = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One node to show; `guide` draws the branches it hangs on."""

    node: Node
    guide: str


def rows(tree: WatchedTree, most: int) -> list[Row]:
    """At most so many nodes, parents above children: the newest that live, then the last that ended.

    A node is shown with all its ancestors, or not at all.
    """
    return list(_drawn(_chosen(tree, most)))


def hidden(tree: WatchedTree, shown: Iterable[Row]) -> Counter[str]:
    """How many nodes are not among these, by status."""
    counts = tree.counts()
    counts.subtract(row.node.status for row in shown)
    return +counts


def _chosen(tree: WatchedTree, most: int) -> Mapping[str, Node]:
    chosen = dict[str, Node]()
    if len(tree.nodes) <= most:
        return tree.nodes
    for node in _by_interest(tree):
        missing = list(_lineage(tree, node, chosen))
        if len(chosen) + len(missing) <= most:
            chosen.update((each.node_id, each) for each in missing)
        if len(chosen) >= most:
            break
    return chosen


def _by_interest(tree: WatchedTree) -> Iterator[Node]:
    yield from reversed(tree.live.values())
    yield from reversed(tree.recent)


def _lineage(tree: WatchedTree, node: Node | None, known: Mapping[str, Node]) -> Iterator[Node]:
    """The node and its ancestors, as far as they are not known."""
    while node is not None and node.node_id not in known:
        yield node
        parent = tree.nodes.get(node.parent_id or "")
        # Parents come first; whatever else a stream may say must not lead in a circle.
        node = parent if parent is not None and parent.order < node.order else None


def _drawn(nodes: Mapping[str, Node]) -> Iterator[Row]:
    children = dict[str, list[Node]]()
    for node in sorted(nodes.values(), key=lambda each: each.order, reverse=True):
        parent = node.parent_id if node.parent_id in nodes else None
        children.setdefault(parent or "", []).append(node)
    todo = [(node, "", "") for node in children.get("", ())]
    while todo:
        node, guide, below = todo.pop()
        yield Row(node, _fitted(guide))
        todo += _hung(children.get(node.node_id, ()), below)


def _hung(nodes: Sequence[Node], indent: str) -> Iterator[tuple[Node, str, str]]:
    """Siblings, last one first, with the guides for themselves and for what is below them."""
    for index, node in enumerate(nodes):
        yield (node, f"{indent}└─", f"{indent}  ") if index == 0 else (node, f"{indent}├─", f"{indent}│ ")


def _fitted(guide: str) -> str:
    return guide if len(guide) <= GUIDE_MOST else f"…{guide[1 - GUIDE_MOST :]}"
