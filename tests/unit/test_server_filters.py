"""Which events a client asked for."""

from collections.abc import Sequence

from rao_runtime.core.events import Event, EventType, NodeDelta
from server.filters import Filter


def event(kind: EventType, node: str | None = None, parent: str | None = None, depth: int | None = None) -> Event:
    return Event(seq=1, type=kind, tree_id="t", ts=0.0, node_id=node, parent_id=parent, depth=depth)


def delta(node: str, parent: str, depth: int) -> NodeDelta:
    return NodeDelta(
        tree_id="t",
        node_id=node,
        parent_id=parent,
        depth=depth,
        fork_step=0,
        turn=0,
        attempt=1,
        offset=0,
        text="",
        ts=0.0,
    )


JOURNAL: Sequence[Event | NodeDelta] = [
    event(EventType.TREE_CREATED),
    event(EventType.NODE_CREATED, "root", None, 0),
    event(EventType.NODE_CREATED, "a", "root", 1),
    event(EventType.NODE_CREATED, "b", "root", 1),
    event(EventType.NODE_CREATED, "a1", "a", 2),
    delta("a1", "a", 2),
    event(EventType.NODE_COMPLETED, "a1", "a", 2),
    event(EventType.NODE_COMPLETED, "b", "root", 1),
    event(EventType.NODE_COMPLETED, "a", "root", 1),
    event(EventType.TREE_COMPLETED),
]


def seen(wanted: Filter) -> list[tuple[str, str | None]]:
    return [
        ("delta" if isinstance(item, NodeDelta) else item.type.value, item.node_id)
        for item in JOURNAL
        if wanted.passes(item)
    ]


def test_no_filter_lets_everything_through() -> None:
    assert len(seen(Filter())) == len(JOURNAL)


def test_a_node_brings_its_descendants_and_nothing_else_but_the_end() -> None:
    assert seen(Filter(node="a")) == [
        ("node.created", "a"),
        ("node.created", "a1"),
        ("delta", "a1"),
        ("node.completed", "a1"),
        ("node.completed", "a"),
        ("tree.completed", None),
    ]


def test_a_depth_keeps_what_is_above_and_the_tree_itself() -> None:
    nodes = [node for _, node in seen(Filter(depth=1))]
    assert nodes == [None, "root", "a", "b", "b", "a", None]


def test_types_keep_only_themselves_and_the_end() -> None:
    assert seen(Filter(types={EventType.NODE_COMPLETED})) == [
        ("node.completed", "a1"),
        ("node.completed", "b"),
        ("node.completed", "a"),
        ("tree.completed", None),
    ]


def test_deltas_are_a_type_like_others() -> None:
    assert seen(Filter(types={EventType.NODE_DELTA})) == [("delta", "a1"), ("tree.completed", None)]


def test_filters_add_up() -> None:
    wanted = Filter(node="a", depth=1, types={EventType.NODE_COMPLETED})
    assert seen(wanted) == [("node.completed", "a"), ("tree.completed", None)]


def test_a_node_that_does_not_exist_leaves_the_end() -> None:
    assert seen(Filter(node="nobody")) == [("tree.completed", None)]


def test_only_a_node_needs_the_whole_journal() -> None:
    assert Filter(node="a").learns
    assert not Filter(depth=1, types={EventType.NODE_COMPLETED}).learns
